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
];
