import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** Mistakes in reads, and in what callers are told of their commands. */
export const READ_AND_CLIENT_BUGS: readonly SimulatedBug[] = [
  {
    name: 'read-without-a-quorum',
    story: 'a leader answers reads without asking whether it still leads',
    source: 'etcd 0.4.1 and Consul in 2014 (aphyr.com/posts/316); scenario L1',
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: 'id === state.id ? leader.reads.round : (leader.progress.get(id)?.acknowledgedRound ?? 0),',
        replace: 'id === 0 ? 0 : leader.reads.round,',
      },
    ],
  },
  {
    name: 'read-before-own-commit',
    story: 'a new leader answers reads before it has committed an entry of its own term',
    source: 'Raft §8; TiKV #6340; scenario L2',
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: 'const readIndex = state.hasCommittedInTerm() ? state.log.commitIndex : undefined;',
        replace: 'const readIndex = state.log.commitIndex;',
      },
    ],
  },
  {
    name: 'read-confirmed-by-any-answer',
    story: 'an answer to any heartbeat confirms the reads of the newest round',
    source: 'etcd #20418 (July 2025); scenario L3',
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: 'progress.acknowledgedRound = Math.max(progress.acknowledgedRound, message.round);',
        replace: 'progress.acknowledgedRound = (state.leader as LeaderState).reads.round;',
      },
    ],
  },
  {
    name: 'read-joins-a-round-under-way',
    story: 'a read takes part in the heartbeat round that was sent before it came',
    source: 'dissertation §6.4; a relative of etcd #20418',
    changes: [
      {
        file: `${CORE}/read-index.ts`,
        find: 'this.queue.push(request);',
        replace: `const newest = this.underWay.at(-1);
    if (newest !== undefined && newest.requests.length > 0) {
      (newest.requests as ReadRequest[]).push(request);
    } else this.queue.push(request);`,
      },
    ],
  },
  {
    name: 'follower-read-at-its-own-commit',
    story: 'a follower answers a read at its own commit index instead of the leader’s',
    source: 'scenario L8',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: 'else state.outbox.answerReads(tickets, message.readIndex);',
        replace: 'else state.outbox.answerReads(tickets, state.log.commitIndex);',
      },
    ],
  },
  {
    name: 'placement-for-an-earlier-process',
    story:
      'a place in the log that an earlier process was given is taken for that of another command',
    source: 'docs/internals/divergence.md',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: `  if (message.runId !== state.runId) return;
  if (message.refusal !== undefined) {`,
        replace: '  if (message.refusal !== undefined) {',
      },
    ],
  },
  {
    name: 'forwarded-twice',
    story: 'a repeated message with proposals is appended a second time',
    source: 'scenario X5',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: 'if (seen.has(batch)) return true;',
        replace: '',
      },
    ],
  },
  {
    name: 'refused-after-a-restart',
    story: 'a restarted leader refuses for certain what it may have taken before',
    source: 'found by this simulator while the library was built; scenario X6',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: 'if (mayHaveLedInEarlierRun(state, message.term)) return;',
        replace: '',
      },
    ],
  },
  {
    name: 'forwarded-to-a-later-leader',
    story: 'a leader takes proposals that were sent to the leader of an earlier term',
    source: 'scenario X5',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: 'if (state.leader === undefined || message.term !== state.currentTerm) {',
        replace: 'if (state.leader === undefined) {',
      },
    ],
  },
  {
    name: 'read-answer-to-an-earlier-process',
    story: 'a read index that an earlier process asked for answers a read of this one',
    source: 'docs/internals/divergence.md',
    changes: [
      {
        file: `${CORE}/proposals.ts`,
        find: `  if (message.runId !== state.runId) return;
  const tickets = state.forwardedReads.answered(message.tickets);`,
        replace: '  const tickets = state.forwardedReads.answered(message.tickets);',
      },
    ],
  },
];
