/*
 * The follower's side of log replication (Raft §5.3, §7). The message's term is the current one: raft.ts has seen to that.
 */
import { decodeConfiguration } from './configuration';
import { learnVerdict } from './divergence';
import { learnFreshness } from './freshness';
import { invariant } from './invariants';
import type { AppendEntries, Heartbeat, InstallSnapshot } from './messages';
import { priorityToTell } from './hand-over';
import { becomeFollower } from './roles';
import { resetElectionDeadline, send } from './state';
import type { RaftState } from './state';
import { boundCommit, maybeReadmitted, noteVerified, suspectRunOf } from './suspicion';
import { isElectable, startTrial } from './trial';
import { EntryKind, Role } from './types';
import type { Entry, LogIndex, ServerId } from './types';

/** The leader of this term was heard: follow it, and wait for another election timeout. */
function followLeader(state: RaftState, leaderId: ServerId): void {
  invariant(
    state.role !== Role.leader,
    () => `servers ${state.id} and ${leaderId} both lead term ${state.currentTerm}`,
  );
  if (state.role !== Role.follower || state.leaderId !== leaderId) {
    becomeFollower(state, state.currentTerm, leaderId);
  }
  state.leaderHeardMs = state.nowMs;
  resetElectionDeadline(state);
}

/** Appends what follows the entry that both logs have, or refuses with a hint where they may agree. */
export function handleAppendEntries(state: RaftState, message: AppendEntries): void {
  followLeader(state, message.from);
  const lastNewIndex = message.prevLogIndex + message.entries.length;
  const { prevLogIndex, entries } = skipCommitted(state, message);
  const matches =
    prevLogIndex === message.prevLogIndex
      ? state.log.termAt(prevLogIndex) === message.prevLogTerm
      : true;
  if (!matches) {
    refuse(state, message);
    return;
  }
  appendMissing(state, entries);
  const matchIndex = Math.max(lastNewIndex, prevLogIndex);
  noteVerified(state, matchIndex);
  state.log.commitTo(Math.min(message.leaderCommit, matchIndex));
  send(state, {
    type: 'appendEntriesReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    success: true,
    matchIndex,
    hintIndex: 0,
    hintTerm: 0,
    suspectRun: suspectRunOf(state),
  });
}

/** What is committed equals the leader's log (leader completeness, Raft §5.4.3), even where ours was compacted and cannot be compared any more. */
function skipCommitted(
  state: RaftState,
  message: AppendEntries,
): { prevLogIndex: LogIndex; entries: readonly Entry[] } {
  const skip = state.log.commitIndex - message.prevLogIndex;
  if (skip <= 0) return message;
  return { prevLogIndex: state.log.commitIndex, entries: message.entries.slice(skip) };
}

/**
 * Only a real conflict cuts the log. A message that is repeated or late holds a prefix of what is here already; cutting after it would drop entries
 * that this server has acknowledged since (Raft figure 2, AppendEntries 3 and 4).
 */
function appendMissing(state: RaftState, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const term = state.log.termAt(entry.index);
    if (term === entry.term) continue;
    if (term !== undefined) {
      state.log.truncateFrom(entry.index);
      state.configurations.truncateFrom(entry.index);
    }
    state.log.append(entry);
    if (entry.kind === EntryKind.configuration) {
      state.configurations.add(entry.index, decodeConfiguration(entry.payload));
    }
  }
}

function refuse(state: RaftState, message: AppendEntries): void {
  const hint = state.log.lastIndexWithTermAtMost(message.prevLogIndex, message.prevLogTerm);
  send(state, {
    type: 'appendEntriesReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    success: false,
    matchIndex: message.prevLogIndex,
    hintIndex: hint.index,
    hintTerm: hint.term,
    suspectRun: suspectRunOf(state),
  });
}

/** The leader is there, and knows that we have everything up to its commit index. */
export function handleHeartbeat(state: RaftState, message: Heartbeat): void {
  state.yields = message.yields === true;
  followLeader(state, message.from);
  maybeReadmitted(state, message.readmittedRun);
  if (message.verdict !== undefined) learnVerdict(state, message.verdict);
  if (message.freshness !== undefined) learnFreshness(state, message.freshness);
  if (message.trial === true) startTrial(state);
  state.log.commitTo(boundCommit(state, message.leaderCommit));
  // Between two rounds a heartbeat only tells what is committed. An answer would confirm nothing, and with one write in flight it would be a
  // fourth of all messages. If the answer to a round gets lost, the next round brings another.
  const { term, round } = state.answeredRound;
  const isAnswered = term === state.currentTerm && message.round <= round;
  if (isAnswered && !state.suspect && (message.readmittedRun ?? 0) === 0) return;
  state.answeredRound = { term: state.currentTerm, round: message.round };
  send(state, {
    type: 'heartbeatReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    round: message.round,
    suspectRun: suspectRunOf(state),
    checkpoint: state.checkpoints.newest,
    reading: { runId: state.runId, sentAtMs: state.nowMs },
    priority: priorityToTell(state),
    electable: message.trial === true && isElectable(state) ? true : undefined,
  });
}

/** A snapshot is complete on this server's disk: take its place in the log, unless the log has it already. */
export function handleInstallSnapshot(state: RaftState, message: InstallSnapshot): void {
  followLeader(state, message.from);
  const { snapshot } = message;
  const index = snapshot.lastIncludedIndex;
  if (state.log.termAt(index) === snapshot.lastIncludedTerm) {
    // Our log holds what the snapshot stands for: the entries behind it may be kept (Raft §7), and applying goes on as usual.
    state.log.commitTo(index);
  } else if (index > state.log.commitIndex) {
    state.log.restore(snapshot);
    state.configurations.restore(index, snapshot.configuration);
    state.snapshot = snapshot;
    state.unwrittenSnapshot = snapshot;
    state.checkpoints.clear();
  }
  noteVerified(state, state.log.commitIndex);
  send(state, {
    type: 'installSnapshotReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    matchIndex: state.log.commitIndex,
    suspectRun: suspectRunOf(state),
  });
}
