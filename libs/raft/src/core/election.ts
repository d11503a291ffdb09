/*
 * Elections: pre-vote, votes, and when a leader gives up (Raft §5.2, §5.4.1; dissertation §4.2.3, §6.2, §9.6).
 */
import { hasQuorumContact } from './contact';
import type { ElectionCause } from './events';
import { invariant } from './invariants';
import { keepsPromise } from './lease';
import type { RequestVote, RequestVoteReply } from './messages';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles';
import { resetElectionDeadline, send } from './state';
import type { RaftState } from './state';
import { suspectRunOf, tally } from './suspicion';
import { NO_SERVER, Role } from './types';
import type { ServerId, Term } from './types';

/** A server that is not the leader: campaigns when it has not heard from one for its election timeout. */
export function tickElection(state: RaftState): void {
  if (state.nowMs < state.electionDeadlineMs) return;
  // Whoever was to come first has had its time.
  state.yields = false;
  resetElectionDeadline(state);
  const cause = causeOf(state);
  if (!mayCampaign(state)) {
    // Whoever led is silent, and nobody here will find out more: callers are not to be sent to it any longer.
    if (state.leaderId !== NO_SERVER) becomeFollower(state, state.currentTerm, NO_SERVER);
    return;
  }
  noteCampaign(state, cause, true);
  becomePreCandidate(state);
  requestVotes(state, { preVote: true, term: state.currentTerm + 1, leadershipTransfer: false });
  countPreVotes(state);
}

function causeOf(state: RaftState): ElectionCause {
  if (state.leaderId !== NO_SERVER) return 'leaderSilent';
  return state.leaderGone ? 'leaderGone' : 'noLeader';
}

function noteCampaign(state: RaftState, cause: ElectionCause, preVote: boolean): void {
  state.electionCause = cause;
  state.leaderGone = false;
  const term = state.currentTerm + (preVote ? 1 : 0);
  state.outbox.events.push({ type: 'campaign', term, preVote, cause });
}

/**
 * The leader's process has ended, says its machine. Waiting out the election timeout would find out nothing more, and until then nobody can write. So this server stands by
 * that leader no longer, and campaigns soon.
 *
 * Not at once: a leader that lives after all is heard within a heartbeat, and then everything is as before. And one after the other, in order of their ids: all followers learn of
 * it in the same moment, and would take each other's votes. Nothing is decided by this that an election timeout would not decide as well: who is wrong gets no
 * pre-vote from those that hear the leader.
 */
export function handlePeerGone(state: RaftState, id: ServerId): void {
  if (state.role !== Role.follower || id === NO_SERVER || id !== state.leaderId) return;
  becomeFollower(state, state.currentTerm, NO_SERVER);
  state.leaderGone = true;
  const { heartbeatIntervalMs, electionTimeoutMs } = state.options;
  const before = state.configurations.voters.filter((voter) => voter < state.id && voter !== id);
  const places = state.yields ? state.configurations.voters.length : before.length;
  const waitMs = Math.min(heartbeatIntervalMs * (1 + places), electionTimeoutMs);
  state.electionDeadlineMs = Math.min(state.electionDeadlineMs, state.nowMs + waitMs);
}

/**
 * Learners do not campaign, and removed servers do not once they know that their removal is committed. Nor does a server whose disk does not answer: it could not
 * lead, and would keep others from trying.
 */
export function mayCampaign(state: RaftState): boolean {
  const { configurations, log, id } = state;
  const diskAgeMs = log.durability.oldestWriteAgeMs(state.nowMs);
  return (
    configurations.mayBeNeeded(id, log.commitIndex) && diskAgeMs < state.options.diskStallTimeoutMs
  );
}

/**
 * A leader that no quorum has answered for an election timeout steps down, so that its clients look elsewhere (dissertation §6.2). So
 * does one whose own disk has not answered for long: it would go on sending heartbeats, and nobody would replace it (hashicorp/raft #503).
 */
export function tickCheckQuorum(state: RaftState): void {
  const { leader, options, log } = state;
  if (leader === undefined) return;
  const { voters } = state.configurations;
  const heard = hasQuorumContact(state, options.electionTimeoutMs);
  const diskStalled = log.durability.oldestWriteAgeMs(state.nowMs) >= options.diskStallTimeoutMs;
  // A group of one has nobody to hand over to.
  if (!heard || (diskStalled && voters.length > 1)) {
    const cause = heard ? 'diskStalled' : 'quorumLost';
    becomeFollower(state, state.currentTerm, NO_SERVER, cause);
  }
}

/** Opens a new term and asks for votes. With `leadershipTransfer` the old leader has asked for it. */
export function campaign(state: RaftState, leadershipTransfer: boolean): void {
  becomeCandidate(state);
  state.yields = false;
  noteCampaign(state, leadershipTransfer ? 'transfer' : state.electionCause, false);
  resetElectionDeadline(state);
  requestVotes(state, { preVote: false, term: state.currentTerm, leadershipTransfer });
}

function requestVotes(
  state: RaftState,
  request: { readonly preVote: boolean; readonly term: Term; readonly leadershipTransfer: boolean },
): void {
  for (const voter of state.configurations.voters) {
    if (voter === state.id) continue;
    send(state, {
      type: 'requestVote',
      from: state.id,
      to: voter,
      lastLogIndex: state.log.lastIndex,
      lastLogTerm: state.log.lastTerm,
      ...request,
    });
  }
}

/** True while there is reason to believe in the present leader: such a server does not help to depose it (dissertation §4.2.3). */
function believesInLeader(state: RaftState): boolean {
  if (state.role === Role.leader || keepsPromise(state)) return true;
  return (
    state.leaderId !== NO_SERVER &&
    state.nowMs - state.leaderHeardMs < state.options.electionTimeoutMs
  );
}

/** Answers a request for a vote, of any term. */
export function handleRequestVote(state: RaftState, message: RequestVote): void {
  if (!message.leadershipTransfer && believesInLeader(state)) {
    // Not even the term is taken over. A server that is ahead in term makes itself heard by refusing the leader's messages.
    return;
  }
  if (message.preVote) {
    answerPreVote(state, message);
    return;
  }
  if (message.term > state.currentTerm) becomeFollower(state, message.term, NO_SERVER);
  const mayVote = state.votedFor === NO_SERVER || state.votedFor === message.from;
  const granted =
    message.term === state.currentTerm &&
    mayVote &&
    state.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);
  if (granted) {
    // Also ends an own pre-vote.
    becomeFollower(state, state.currentTerm, NO_SERVER);
    state.votedFor = message.from;
    resetElectionDeadline(state);
  }
  reply(state, message, granted, state.currentTerm);
}

/** Granting promises nothing: neither term, vote nor timer change. */
function answerPreVote(state: RaftState, message: RequestVote): void {
  const granted =
    message.term > state.currentTerm &&
    state.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);
  // A refusal carries our term, so that a pre-candidate that lags behind in term catches up.
  reply(state, message, granted, granted ? message.term : state.currentTerm);
}

function reply(state: RaftState, message: RequestVote, granted: boolean, term: Term): void {
  send(state, {
    type: 'requestVoteReply',
    from: state.id,
    to: message.from,
    term,
    preVote: message.preVote,
    granted,
    suspectRun: suspectRunOf(state),
  });
}

/** Takes an answer; those to an earlier campaign are ignored. A newer term in it has been dealt with before. */
export function handleRequestVoteReply(state: RaftState, message: RequestVoteReply): void {
  if (message.preVote) {
    const expected = message.granted ? state.currentTerm + 1 : state.currentTerm;
    if (state.role !== Role.preCandidate || message.term !== expected) return;
    noteVote(state, message);
    countPreVotes(state);
    return;
  }
  if (state.role !== Role.candidate || message.term !== state.currentTerm) return;
  noteVote(state, message);
  countCandidateVotes(state);
}

function noteVote(state: RaftState, message: RequestVoteReply): void {
  state.votes.set(message.from, message.granted);
  if (message.suspectRun) state.suspectVotes.set(message.from, message.suspectRun);
}

function countPreVotes(state: RaftState): void {
  const result = tally(state);
  if (result === 'won') campaign(state, false);
  if (result === 'lost') becomeFollower(state, state.currentTerm, NO_SERVER);
}

/** Counts a candidate's votes; its own only when it is on disk. */
export function countCandidateVotes(state: RaftState): void {
  if (state.role !== Role.candidate) return;
  invariant(
    state.votedFor === state.id,
    () => `candidate ${state.id} of term ${state.currentTerm} voted for ${state.votedFor}`,
  );
  if (state.log.durability.holds(state.currentTerm, state.id)) state.votes.set(state.id, true);
  const result = tally(state);
  if (result === 'won' && state.votes.get(state.id) === true) becomeLeader(state);
  if (result === 'lost') becomeFollower(state, state.currentTerm, NO_SERVER);
}
