import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** A mistake that the simulator has not found yet, and the test of its own that notices it meanwhile. */
export interface MissedBug extends SimulatedBug {
  readonly test: string;
}

/** Tried, and not found: the table says so. To be moved to the others once the simulator is strong enough. */
export const MISSED_BUGS: readonly MissedBug[] = [
  {
    name: 'lease-taken-up-after-handing-over',
    story:
      'a leader whose handover took too long reads from its lease again, though its successor may still be told to campaign',
    source: 'the head of lease.ts, 2; scenario L6',
    test: 'libs/raft/src/core/lease.spec.ts, “is not used while leadership is handed over, and not in this term once a successor was told”',
    leases: true,
    changes: [
      {
        file: `${CORE}/leadership-transfer.ts`,
        find: '  state.leader.lease.forfeit();\n',
        replace: '',
      },
    ],
  },
  {
    name: 'lease-outlives-its-members',
    story:
      'a lease goes on after a change of members, though those that answered are no quorum any more',
    source: 'the head of lease.ts, 5',
    test: 'libs/raft/src/core/lease.spec.ts, “has to be renewed by the new members after a change”',
    leases: true,
    changesMembers: true,
    changes: [
      {
        file: `${CORE}/lease.ts`,
        find: 'if (this.forfeited || configurationIndex !== this.configurationIndex) return false;',
        replace: 'if (this.forfeited || configurationIndex < 0) return false;',
      },
    ],
  },
  {
    name: 'returning-member-still-leaves',
    story:
      'a server that is added again while its removal is still being told to it is let go of all the same',
    source: 'dissertation §4.2.2; ADR 028',
    test: 'libs/raft/src/core/membership-change.spec.ts, “stays although it was to be let go of at that moment”',
    changesMembers: true,
    changes: [
      {
        file: `${CORE}/membership-change.ts`,
        find: 'if (known === undefined || known.departsAtMs !== Infinity) {',
        replace: 'if (known === undefined) {',
      },
    ],
  },
  {
    name: 'stranger-votes-for-everybody',
    story: 'a server that is no member, as far as it knows, does not keep to the vote that it gave',
    source: 'Raft §5.2; ADR 028',
    test: 'libs/raft/src/core/membership-change.spec.ts, “keeps to the vote that it gave”',
    changesMembers: true,
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: '  const mayVote = state.votedFor === NO_SERVER || state.votedFor === message.from;',
        replace:
          '  const isMember = state.configurations.isVoter(state.id);\n  const mayVote = !isMember || state.votedFor === NO_SERVER || state.votedFor === message.from;',
      },
    ],
  },
];
