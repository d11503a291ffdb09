import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';
const STORAGE = 'libs/raft/src/storage';

/** A mistake that the simulator has not found yet, and the test of its own that notices it meanwhile. */
export interface MissedBug extends SimulatedBug {
  readonly test: string;
}

/** Tried, and not found: the table says so. To be moved to the others once the simulator is strong enough. */
export const MISSED_BUGS: readonly MissedBug[] = [
  {
    name: 'read-answer-to-an-earlier-process',
    story: 'a read index that an earlier process asked for answers a read of this one',
    source: 'docs/internals/divergence.md',
    test: 'libs/raft/src/core/scenarios.spec.ts, “ignore an answer to an earlier process”',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: `  if (message.runId !== state.runId) return;
  const tickets = state.forwardedReads.answered(message.tickets);`,
        replace: '  const tickets = state.forwardedReads.answered(message.tickets);',
      },
    ],
  },
  {
    name: 'vote-let-go-with-its-segment',
    story: 'the newest segment with a batch in it, and so the vote, is removed',
    source: 'ADR 006, found by this simulator in an earlier state; scenario D7',
    test: 'libs/raft/src/storage/recovery-rules.spec.ts, “keeps the term and the vote, at whatever call the power fails”',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: '      if (!younger.some(({ hasBatch }) => hasBatch)) return;\n',
        replace: '      if (younger.length === 0) return;\n',
      },
    ],
  },
];
