import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** Mistakes in reads from a leader's lease: the cases at the head of lease.ts, and the margin for clocks. */
export const LEASE_BUGS: readonly SimulatedBug[] = [
  {
    name: 'lease-not-shortened-by-drift',
    story: 'a lease lasts a whole election timeout, as if all clocks ran equally fast',
    source: 'dissertation §6.4.1; ADR 015',
    leases: true,
    changes: [
      {
        file: `${CORE}/options.ts`,
        find: 'return electionTimeoutMs * (1 - driftMax);',
        replace: 'return electionTimeoutMs;',
      },
    ],
  },
  {
    name: 'lease-counted-from-receipt',
    story:
      'a lease is counted from when a quorum’s answers came instead of when they were asked for',
    source: 'the head of lease.ts, 1; scenario L7',
    leases: true,
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: 'leader.lease.renew(sentAtMs, state.configurations.currentIndex);',
        replace: 'leader.lease.renew(state.nowMs, state.configurations.currentIndex);',
      },
    ],
  },
  {
    name: 'lease-kept-while-handing-over',
    story:
      'a leader that hands over goes on reading from its lease, also after it has told its successor to campaign',
    source: 'the head of lease.ts, 2; scenario L6',
    leases: true,
    changes: [
      {
        file: `${CORE}/lease.ts`,
        find: 'if (leader.transfer !== undefined || !state.hasCommittedInTerm()) return false;',
        replace: 'if (!state.hasCommittedInTerm()) return false;',
      },
      {
        file: `${CORE}/leadership-transfer.ts`,
        find: '  state.leader.lease.forfeit();\n',
        replace: '',
      },
    ],
  },
  {
    name: 'lease-promise-forgotten',
    story:
      'a follower that was restarted, or has met a newer term, helps a rival of the leader it has heard a moment ago',
    source: 'the head of lease.ts, 3 and 4',
    leases: true,
    changes: [
      {
        file: `${CORE}/lease.ts`,
        find: 'return leaseMs !== undefined && state.nowMs - state.leaderHeardMs < electionTimeoutMs;',
        replace: 'return leaseMs === undefined && electionTimeoutMs < 0;',
      },
    ],
  },
  {
    name: 'lease-promise-for-others-only',
    story:
      'a follower that is told that its leader has gone, and is told wrong, campaigns though a lease rests on it',
    source: 'found by this simulator; the head of lease.ts, 7',
    leases: true,
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: 'if (state.nowMs < state.electionDeadlineMs || keepsPromise(state)) return;',
        replace: 'if (state.nowMs < state.electionDeadlineMs) return;',
      },
    ],
  },
  {
    name: 'lease-read-before-own-commit',
    story: 'a new leader reads from its lease before it has committed an entry of its own term',
    source: 'the head of lease.ts, 6; scenario L2',
    leases: true,
    changes: [
      {
        file: `${CORE}/lease.ts`,
        find: 'if (leader.transfer !== undefined || !state.hasCommittedInTerm()) return false;',
        replace: 'if (leader.transfer !== undefined) return false;',
      },
    ],
  },
];
