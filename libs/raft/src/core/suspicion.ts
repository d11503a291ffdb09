/*
 * A server whose disk has lost what it may have promised.
 *
 * Storage found at the end of the log something that was written and is not what was written. It may be a write that a crash interrupted, which nobody was
 * told of; or it may have been synced and acknowledged, and have rotted since: entries that were committed because of this server, or its vote. Such a
 * server is "suspect". It says so in every answer, with the number of its run, and counts in no quorum: not for votes, not for commits, not for read rounds.
 *
 * How it gets back (ADR 006 has the proof): the leader appends an entry after it has heard of the suspect run. Once that entry is committed by the
 * others and is on the suspect server's disk, it has everything that it may have acknowledged, since a majority without it has accepted that leader after its
 * restart. Its old votes are harmless too: whoever collects them asked for them before the entry existed, so no member of that majority votes for him.
 * "An entry of the leader's term was committed after the restart" would not be enough: a rival may have had that entry, and this server's vote.
 *
 * If a majority is suspect, as after a power cut of all servers, nobody could be elected ever again. So a vote of all voters, suspect or not, elects as well: then
 * every surviving copy of every entry and every surviving vote has been asked. The leader counts these very runs from then on. Only a loss on a majority
 * of the disks at once goes unnoticed so, and no rule could survive that one. A group of one is the smallest case of it.
 */
import { appendAsLeader } from './leader-log';
import type { Progress } from './progress';
import { countJointVotes } from './quorum';
import type { VoteResult } from './quorum';
import type { LeaderState, RaftState } from './state';
import { EntryKind, NO_SERVER } from './types';
import type { LogIndex } from './types';

/** What this server's replies carry: its run while it is suspect, else 0. */
export function suspectRunOf(state: RaftState): number {
  return state.suspect ? state.runId : 0;
}

/** Where an election stands: a majority of servers that remember all their promises wins, or all voters together. */
export function tally(state: RaftState): VoteResult {
  const { majorities } = state.configurations;
  const result = countJointVotes(majorities, state.votes);
  if (result !== 'won' || isUnanimous(state)) return result;
  if (state.suspect) return 'pending';
  const trusted = new Map(state.votes);
  for (const id of state.suspectVotes.keys()) trusted.delete(id);
  return countJointVotes(majorities, trusted) === 'won' ? 'won' : 'pending';
}

function isUnanimous(state: RaftState): boolean {
  return state.configurations.voters.every((id) => state.votes.get(id) === true);
}

/**
 * The new leader remembers which of its voters are suspect. The entry that opens its term comes after they have spoken, so it can bring them back. When all voters
 * have elected it, it counts them from the start, and is not suspect itself any longer.
 */
export function noteSuspectVoters(state: RaftState, leader: LeaderState): void {
  const unanimous = isUnanimous(state);
  for (const [id, run] of state.suspectVotes) {
    const progress = leader.progress.get(id);
    progress?.becomeSuspect(run, state.log.lastIndex + 1);
    if (progress !== undefined && unanimous) progress.countedRun = run;
  }
  if (state.suspect) endSuspicion(state);
}

/**
 * The leader looks at whose answer it got before it believes it. Messages are late, so an answer may come from a process that has ended since; only the answer to a
 * heartbeat that was sent after the leader made up its mind can change it.
 *
 * @param run the suspect run in the answer; 0 when the sender knows what it promised.
 * @param round the heartbeat round that it answers; 0 when it answers something else.
 * @returns false for an answer that says nothing about the present process.
 */
export function admits(state: RaftState, progress: Progress, run: number, round: number): boolean {
  if (run === progress.suspectRun) return true;
  const isReadmitted = run === 0 && mayReadmit(state, progress);
  if (!isReadmitted && round <= progress.judgedAtRound) return false;
  progress.judgedAtRound = (state.leader as LeaderState).reads.round;
  if (run === 0) {
    progress.suspectRun = 0;
    return true;
  }
  progress.becomeSuspect(run, state.log.lastIndex + 1);
  appendAsLeader(state, {
    ticket: 0,
    kind: EntryKind.noop,
    clientId: '',
    sequence: 0,
    payload: new Uint8Array(0),
  });
  return true;
}

/** True when a suspect server has all that it may have promised. */
export function mayReadmit(state: RaftState, progress: Progress): boolean {
  const { suspectRun, readmitIndex, matchIndex } = progress;
  return suspectRun !== 0 && Math.min(matchIndex, state.log.commitIndex) >= readmitIndex;
}

/** The leader says which run it has readmitted. */
export function maybeReadmitted(state: RaftState, run: number | undefined): void {
  if (state.suspect && run === state.runId) endSuspicion(state);
}

function endSuspicion(state: RaftState): void {
  state.suspect = false;
  // Whatever term it led before the restart, it was not after this one.
  state.startedWith = { currentTerm: state.currentTerm + 1, votedFor: NO_SERVER };
}

/** An append was accepted, or a snapshot: the log equals the leader's up to here. */
export function noteVerified(state: RaftState, index: LogIndex): void {
  state.verifiedIndex = Math.max(state.verifiedIndex, index);
}

/** How far a heartbeat's commit index may be believed: the leader knows what this server had before its restart, not what it has now. */
export function boundCommit(state: RaftState, leaderCommit: LogIndex): LogIndex {
  return state.suspect ? Math.min(leaderCommit, state.verifiedIndex) : leaderCommit;
}
