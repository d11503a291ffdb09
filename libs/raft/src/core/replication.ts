/*
 * The leader's side of log replication (Raft §5.3; pipelining: dissertation §10.2.1).
 */
import { maybeCommit } from './commitment';
import { takeReport } from './divergence';
import type { ClockReading, Freshness } from './freshness';
import { hintsFor, learnPriority } from './hand-over';
import type { AppendEntriesReply, HeartbeatReply, InstallSnapshotReply } from './messages';
import { maybeTimeoutNow } from './leadership-transfer';
import type { Progress } from './progress';
import { jointQuorumValue } from './quorum';
import { send } from './state';
import type { LeaderState, RaftState } from './state';
import { admits, mayReadmit } from './suspicion';
import type { LogIndex, ServerId } from './types';

/** Sends every follower what it lacks, as far as its window allows. Once a Ready, so that all proposals of a turn share a message. */
export function replicateToAll(state: RaftState): void {
  for (const progress of state.leader?.progress.values() ?? []) {
    replicateTo(state, progress);
  }
}

function replicateTo(state: RaftState, progress: Progress): void {
  while (!progress.isPaused()) {
    const wantsProbe = progress.state === 'probe';
    if (!wantsProbe && progress.nextIndex > state.log.lastIndex) break;
    if (!sendAppend(state, progress)) return;
  }
  spreadCommit(state, progress);
}

/** @returns false when the entries are not there any more and a snapshot has to go first. */
function sendAppend(state: RaftState, progress: Progress): boolean {
  const prevLogIndex = progress.nextIndex - 1;
  const prevLogTerm = state.log.termAt(prevLogIndex);
  if (prevLogTerm === undefined) {
    startSnapshot(state, progress);
    return false;
  }
  const { entries, bytes } = state.log.slice(progress.nextIndex, state.options.appendBytesMax);
  const lastIndex = prevLogIndex + entries.length;
  send(state, {
    type: 'appendEntries',
    from: state.id,
    to: progress.id,
    term: state.currentTerm,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit: state.log.commitIndex,
  });
  progress.sentCommitIndex = Math.max(
    progress.sentCommitIndex,
    Math.min(state.log.commitIndex, lastIndex),
  );
  progress.sent(lastIndex, bytes, state.nowMs);
  return true;
}

function startSnapshot(state: RaftState, progress: Progress): void {
  // To somebody who does not answer a snapshot would be sent in vain, again and again.
  const silentMs = state.nowMs - progress.lastContactMs;
  if (state.snapshot === undefined || silentMs > state.options.electionTimeoutMs) {
    if (progress.state !== 'probe') progress.becomeProbe();
    progress.pauseProbe(state.nowMs);
    return;
  }
  progress.becomeSnapshot(state.snapshot.lastIncludedIndex, state.nowMs);
  state.outbox.sendSnapshot.push(progress.id);
}

/** Tells a follower that has everything what is committed, without waiting for the next entries or heartbeat. */
function spreadCommit(state: RaftState, progress: Progress): void {
  const commitIndex = Math.min(state.log.commitIndex, progress.matchIndex);
  if (commitIndex <= progress.sentCommitIndex) return;
  sendHeartbeat(state, progress, state.leader as LeaderState);
}

/** Begins a heartbeat round: keeps followers from campaigning, and confirms the reads that wait. */
export function startRound(state: RaftState): void {
  const leader = state.leader as LeaderState;
  const readIndex = state.hasCommittedInTerm() ? state.log.commitIndex : undefined;
  const readings = new Map<ServerId, ClockReading>();
  for (const { id, reading } of leader.progress.values()) {
    if (reading !== undefined) readings.set(id, reading);
  }
  leader.reads.begin(state.nowMs, readIndex, readings);
  for (const progress of leader.progress.values()) sendHeartbeat(state, progress, leader);
  confirmRounds(state);
}

function sendHeartbeat(state: RaftState, progress: Progress, leader: LeaderState): void {
  // Beyond its match index the follower's log may differ from ours, and it could not tell.
  const leaderCommit = Math.min(state.log.commitIndex, progress.matchIndex);
  progress.sentCommitIndex = Math.max(progress.sentCommitIndex, leaderCommit);
  send(state, {
    type: 'heartbeat',
    from: state.id,
    to: progress.id,
    term: state.currentTerm,
    leaderCommit,
    round: leader.reads.round,
    readmittedRun: mayReadmit(state, progress) ? progress.suspectRun : 0,
    verdict: leader.reports.verdict,
    freshness: freshnessFor(leader, progress.id),
    ...hintsFor(leader, progress),
  });
}

function freshnessFor(leader: LeaderState, id: ServerId): Freshness | undefined {
  const { proof } = leader.reads;
  const reading = proof?.readings.get(id);
  if (proof === undefined || reading === undefined) return undefined;
  return { ...reading, index: proof.index };
}

function confirmRounds(state: RaftState): void {
  const leader = state.leader as LeaderState;
  const answered = jointQuorumValue(state.configurations.majorities, (id) =>
    id === state.id ? leader.reads.round : (leader.progress.get(id)?.acknowledgedRound ?? 0),
  );
  const { sentAtMs, reads } = leader.reads.confirm(answered);
  if (sentAtMs !== undefined) {
    leader.clock.quorumAnswered(sentAtMs);
    leader.lease.renew(sentAtMs, state.configurations.currentIndex);
    const { proof } = leader.reads;
    if (proof !== undefined) {
      state.freshness.add(proof.sentAtMs, proof.index, state.log.appliedIndex);
    }
  }
  for (const { index, requests } of reads) {
    for (const request of requests) {
      if (request.from === state.id) state.outbox.answerReads(request.tickets, index);
      else {
        send(state, {
          type: 'readIndexReply',
          from: state.id,
          to: request.from,
          term: state.currentTerm,
          runId: request.runId,
          tickets: request.tickets,
          readIndex: index,
        });
      }
    }
  }
  if (leader.reads.wantsRound()) state.needsFlush = true;
}

/** A follower accepted or refused an append. */
export function handleAppendEntriesReply(state: RaftState, message: AppendEntriesReply): void {
  const progress = contact(state, message);
  if (progress === undefined) return;
  if (message.success) {
    accepted(state, progress, message.matchIndex);
    return;
  }
  // The follower's hint is the last place where its term is not beyond that of the refused message; ours, where our term is not beyond its.
  const mayMatch = state.log.lastIndexWithTermAtMost(message.hintIndex, message.hintTerm);
  if (progress.refused(message.matchIndex, mayMatch.index)) state.needsFlush = true;
}

/** A follower has installed a snapshot, or had no need of it. */
export function handleInstallSnapshotReply(state: RaftState, message: InstallSnapshotReply): void {
  const progress = contact(state, message);
  if (progress !== undefined) accepted(state, progress, message.matchIndex);
}

function accepted(state: RaftState, progress: Progress, matchIndex: LogIndex): void {
  if (matchIndex > state.log.lastIndex) return;
  const isNews = progress.matched(matchIndex, state.nowMs);
  progress.catchUp?.observe(progress.matchIndex, state.log.lastIndex, state.nowMs);
  const probeAnswered = progress.state === 'probe' && matchIndex >= progress.matchIndex;
  const snapshotArrived =
    progress.state === 'snapshot' && progress.matchIndex >= state.log.baseIndex;
  if (probeAnswered || snapshotArrived) progress.becomeReplicate(state.nowMs);
  if (isNews) maybeCommit(state);
  state.needsFlush = true;
  maybeTimeoutNow(state, progress);
}

/** A follower answered a heartbeat: confirms rounds, and shows that the follower lives if appends to it have got lost. */
export function handleHeartbeatReply(state: RaftState, message: HeartbeatReply): void {
  const progress = contact(state, message);
  if (progress === undefined) return;
  if (progress.counts) {
    progress.acknowledgedRound = Math.max(progress.acknowledgedRound, message.round);
  }
  if (message.reading !== undefined) progress.reading = message.reading;
  if (message.checkpoint !== undefined) takeReport(state, progress.id, message.checkpoint);
  learnPriority(state, progress, message);
  confirmRounds(state);
  if (progress.isStalled(state.nowMs, state.options.appendTimeoutMs)) recover(state, progress);
  maybeTimeoutNow(state, progress);
}

function recover(state: RaftState, progress: Progress): void {
  state.needsFlush = true;
  switch (progress.state) {
    case 'probe':
      progress.resumeProbe();
      break;
    case 'replicate':
      progress.becomeProbe();
      break;
    case 'snapshot':
      probePastSnapshot(state, progress);
      break;
  }
}

/** The snapshot's reply may be lost: an empty append that follows it is accepted once it is installed, and refused in vain before. */
function probePastSnapshot(state: RaftState, progress: Progress): void {
  const prevLogIndex = progress.pendingSnapshotIndex;
  const prevLogTerm = state.log.termAt(prevLogIndex);
  if (prevLogTerm === undefined) return;
  send(state, {
    type: 'appendEntries',
    from: state.id,
    to: progress.id,
    term: state.currentTerm,
    prevLogIndex,
    prevLogTerm,
    entries: [],
    leaderCommit: state.log.commitIndex,
  });
  progress.becomeSnapshot(prevLogIndex, state.nowMs);
}

/** The driver says that what is under way to this peer may be lost. */
export function handleUnreachable(state: RaftState, id: ServerId): void {
  const progress = state.leader?.progress.get(id);
  if (progress?.state === 'replicate') {
    progress.becomeProbe();
    // The link is down just now; the next heartbeat that is answered starts the probe.
    progress.pauseProbe(state.nowMs);
  }
}

/** The driver could not deliver the snapshot. Tried again only after a sign of life, or a snapshot that always fails would loop. */
export function handleSnapshotTransferFailed(state: RaftState, id: ServerId): void {
  const progress = state.leader?.progress.get(id);
  if (progress?.state !== 'snapshot') return;
  progress.becomeProbe();
  progress.nextIndex = progress.matchIndex + 1;
  progress.pauseProbe(state.nowMs);
}

function contact(
  state: RaftState,
  message: AppendEntriesReply | HeartbeatReply | InstallSnapshotReply,
): Progress | undefined {
  const progress = state.leader?.progress.get(message.from);
  if (progress === undefined) return undefined;
  const round = message.type === 'heartbeatReply' ? message.round : 0;
  if (!admits(state, progress, message.suspectRun ?? 0, round)) return undefined;
  progress.lastContactMs = state.nowMs;
  return progress;
}
