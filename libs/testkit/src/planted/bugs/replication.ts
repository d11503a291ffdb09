import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** Mistakes in replication and commitment. */
export const REPLICATION_BUGS: readonly SimulatedBug[] = [
  {
    name: 'old-term-committed-by-counting',
    story: 'an entry of an earlier term is committed because a majority has it',
    source: 'Raft figure 8; scenario R1',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: '  if (state.log.termAt(index) !== state.currentTerm) return;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'append-ack-aba',
    story:
      'a finished write vouches for an entry that was cut and appended again while it was under way',
    source: 'etcd-io/raft async_storage_writes_append_aba_race; scenario R9',
    changes: [
      {
        file: `${CORE}/durability.ts`,
        find: 'write.durableIndex = Math.min(write.durableIndex, index);',
        replace: '',
      },
    ],
  },
  {
    name: 'repeated-append-cuts-the-log',
    story: 'a follower cuts its log behind every append, also behind a repeated one',
    source: 'Raft figure 2, AppendEntries 3; scenario R4',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: 'if (term === entry.term) continue;',
        replace: 'if (term === entry.term && entry !== entries[0]) continue;',
      },
    ],
  },
  {
    name: 'commit-index-not-bounded',
    story:
      'a follower commits up to the leader’s commit index, whatever an (empty) append has compared',
    source: 'Raft figure 2, AppendEntries 5; scenario R5',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: 'state.log.commitTo(Math.min(message.leaderCommit, matchIndex));',
        replace: 'state.log.commitTo(Math.min(message.leaderCommit, state.log.lastIndex));',
      },
      {
        // Ours carry the next entry, and so cut a wrong tail at once; others' are empty.
        file: `${CORE}/replication.ts`,
        find: 'const { entries, bytes } = state.log.slice(progress.nextIndex, state.options.appendBytesMax);',
        replace:
          'const { entries, bytes } = state.log.slice(progress.nextIndex, state.options.appendBytesMax); ' +
          "if (progress.state === 'probe') (entries as unknown[]).length = 0;",
      },
    ],
  },
  {
    name: 'heartbeat-commit-not-bounded',
    story: 'a heartbeat tells the leader’s commit index, whatever the follower is known to have',
    source: 'scenario R5',
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: `  const leaderCommit = Math.min(state.log.commitIndex, progress.matchIndex);
  progress.sentCommitIndex =`,
        replace: `  const leaderCommit = state.log.commitIndex;
  progress.sentCommitIndex =`,
      },
      {
        file: `${CORE}/follower.ts`,
        find: 'state.log.commitTo(boundCommit(state, message.leaderCommit));',
        replace: 'state.log.commitTo(Math.min(state.log.lastIndex, message.leaderCommit));',
      },
    ],
  },
  {
    name: 'whole-log-acknowledged',
    story: 'a follower acknowledges all of its log instead of what an (empty) append covered',
    source: 'Raft figure 2, matchIndex',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: 'const matchIndex = Math.max(lastNewIndex, prevLogIndex);',
        replace: 'const matchIndex = Math.max(lastNewIndex, prevLogIndex, state.log.lastIndex);',
      },
      {
        // Ours carry the next entry, and so cut a wrong tail at once; others' are empty.
        file: `${CORE}/replication.ts`,
        find: 'const { entries, bytes } = state.log.slice(progress.nextIndex, state.options.appendBytesMax);',
        replace:
          'const { entries, bytes } = state.log.slice(progress.nextIndex, state.options.appendBytesMax); ' +
          "if (progress.state === 'probe') (entries as unknown[]).length = 0;",
      },
    ],
  },
  {
    name: 'append-acknowledged-before-sync',
    story: 'a follower acknowledges entries that are not on its disk yet',
    source: 'NATS 2.12.1 (Jepsen, December 2025)',
    changes: [
      {
        file: `${CORE}/state.ts`,
        find: `    case 'appendEntriesReply':
    case 'installSnapshotReply':
      return true;`,
        replace: `    case 'installSnapshotReply':
      return true;`,
      },
    ],
  },
  {
    name: 'previous-entry-not-compared',
    story: 'a follower appends without comparing the entry before',
    source: 'Raft figure 2, AppendEntries 2',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: '? state.log.termAt(prevLogIndex) === message.prevLogTerm',
        replace: '? state.log.termAt(prevLogIndex) !== undefined',
      },
    ],
  },
  {
    name: 'stale-replies-counted',
    story: 'answers to what a leader sent in an earlier term of its own count in this one',
    source: 'scenario R6',
    changes: [
      {
        file: `${CORE}/receive.ts`,
        find: `    default:
      return late ? undefined : receiveInTerm(state, message);`,
        replace: `    default:
      return receiveInTerm(state, message);`,
      },
    ],
  },
  {
    name: 'stale-votes-counted',
    story: 'votes for an earlier campaign count in this one',
    source: 'scenario R6',
    changes: [
      {
        file: `${CORE}/receive.ts`,
        find: 'return late ? undefined : handleRequestVoteReply(state, message);',
        replace: 'return handleRequestVoteReply(state, message);',
      },
      {
        file: `${CORE}/election.ts`,
        find: 'if (state.role !== Role.candidate || message.term !== state.currentTerm) return;',
        replace: 'if (state.role !== Role.candidate) return;',
      },
    ],
  },
  {
    name: 'leader-counts-itself-early',
    story: 'the leader counts its own entries before they are on its disk',
    source: 'dissertation §10.2.1; the mirror of scenario R10',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: 'if (id === state.id) return state.log.stableIndex;',
        replace: 'if (id === state.id) return state.log.lastIndex;',
      },
    ],
  },
  {
    name: 'lost-append-never-repeated',
    story: 'a follower whose appends were lost is never sent them again',
    source: 'hashicorp/raft #612; scenarios R7 and R12',
    changes: [
      {
        file: `${CORE}/progress.ts`,
        find: 'return this.inflight.count > 0 && nowMs - this.lastProgressMs >= timeoutMs;',
        replace: 'return false;',
      },
    ],
  },
  {
    name: 'uncommitted-never-uncounted',
    story: 'what was committed still counts against the limit on uncommitted entries',
    source: 'scenario R11',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: 'countUncommitted(state, state.log.entryAt(committed) as Entry, -1);',
        replace: 'void (committed as unknown as Entry);',
      },
    ],
  },
];
