import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';
const SESSIONS = 'libs/raft/src/client-sessions';

/** Mistakes with request ids and sessions, and groups that stand still though they could work. */
export const SESSION_AND_LIVENESS_BUGS: readonly SimulatedBug[] = [
  {
    name: 'request-ids-ignored',
    story: 'a command that is sent again after a failover is applied a second time',
    source: 'dissertation §6.3; scenario X1',
    changes: [
      {
        file: `${SESSIONS}/deduplicated-state-machine.ts`,
        find: "entry.clientId === '' ? undefined : this.table.find(entry.clientId, entry.sequence);",
        replace: 'undefined as ReturnType<DeduplicationTable["find"]>;',
      },
    ],
  },
  {
    name: 'request-ids-not-in-the-snapshot',
    story: 'a replica that restores a snapshot forgets which requests were applied',
    source: 'dissertation §6.3; scenario X3',
    changes: [
      {
        file: `${SESSIONS}/deduplicated-state-machine.ts`,
        find: 'this.table.decode(reader);',
        replace: 'new DeduplicationTable().decode(reader);',
      },
    ],
  },
  {
    name: 'newest-request-only',
    story: 'of each client only the newest request is remembered, and an older one is sent again',
    source: 'scenario X4; a client with several calls under way',
    changes: [
      {
        file: `${SESSIONS}/deduplication-table.ts`,
        find: '    this.results.set(key, first);\n    this.sizeBytes += costOf(key, first);\n    this.evict();\n  }',
        replace: `    for (const other of this.results.keys()) {
      if (other.includes(clientId)) this.results.delete(other);
    }
    this.results.set(key, first);
  }`,
      },
    ],
  },
  {
    name: 'sessions-end-by-wall-clock',
    story: 'each replica ends sessions by its own clock',
    source: 'dissertation §6.3; scenario X2',
    changes: [
      {
        file: `${SESSIONS}/deduplicated-state-machine.ts`,
        find: 'const { index, stampMs: nowMs } = entry;',
        replace: 'const { index } = entry; const nowMs = Date.now();',
      },
    ],
  },
  {
    name: 'lost-expiry-never-repeated',
    story: 'a leader waits for ever for an expiry entry that got lost, and sessions do not end',
    source: 'libs/raft/src/node/lease-expiry.ts',
    changes: [
      {
        file: 'libs/raft/src/node/lease-expiry.ts',
        find: `  onDone(): void {
    this.ticket = 0;`,
        replace: `  onDone(): void {
    this.ticket = this.ticket + 0;`,
      },
    ],
  },
  {
    name: 'no-check-quorum',
    story: 'a leader that hears nobody goes on telling everybody that it leads',
    source: 'dissertation §6.2; Howard and Abraham 2020; scenarios N2 and N4',
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: 'if (!heard || (diskStalled && voters.length > 1)) {',
        replace: 'if (diskStalled && voters.length > 1) {',
      },
    ],
  },
  {
    name: 'server-behind-a-cut-link-disrupts',
    story: 'a server that does not hear its leader deposes it though everybody else hears it',
    source: 'Cloudflare, 2 November 2020; dissertation §4.2.3 and §9.6; scenario N1',
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: `  becomePreCandidate(state);
  requestVotes(state, { preVote: true, term: state.currentTerm + 1, leadershipTransfer: false });
  countPreVotes(state);`,
        replace: '  campaign(state, false);',
      },
      {
        file: `${CORE}/election.ts`,
        find: 'if (!message.leadershipTransfer && believesInLeader(state)) {',
        replace: 'if (!message.leadershipTransfer && state.nowMs < 0 && believesInLeader(state)) {',
      },
    ],
  },
  {
    name: 'leader-with-a-hung-disk-stays',
    story: 'a leader that must write before it commits stays leader while its disk hangs',
    source: 'hashicorp/raft #503, #612 and #666; scenario D9',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: 'const index = jointQuorumValue(state.configurations.majorities, (id) => matchIndexOf(state, id));',
        replace: `const replicated = jointQuorumValue(state.configurations.majorities, (id) => matchIndexOf(state, id));
  const index = Math.min(replicated, state.log.stableIndex);`,
      },
      {
        file: `${CORE}/election.ts`,
        find: 'if (!heard || (diskStalled && voters.length > 1)) {',
        replace: 'if (!heard || (diskStalled && voters.length < 0)) {',
      },
    ],
  },
];
