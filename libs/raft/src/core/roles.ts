/*
 * How a server changes its role (Raft figure 4, with the pre-candidate of dissertation §9.6).
 */
import type { LeadershipLossCause } from './events';
import { invariant } from './invariants';
import { appendAsLeader, countUncommitted } from './leader-log';
import { createLeaderState, resetElectionDeadline, send } from './state';
import type { RaftState } from './state';
import { noteSuspectVoters } from './suspicion';
import { EntryKind, NO_SERVER, Role } from './types';
import type { Entry, ServerId, Term } from './types';

/**
 * Follows `leaderId` in `term`; NO_SERVER while the term's leader is not known. A newer term forgets the vote (Raft §5.1).
 *
 * The election deadline stays, except for a leader that steps down, which has none: a message with a new term is no sign of a leader.
 *
 * @param lossCause why it stops leading, if it does. Default: a newer term, or that it was handing over.
 */
export function becomeFollower(
  state: RaftState,
  term: Term,
  leaderId: ServerId,
  lossCause?: LeadershipLossCause,
): void {
  invariant(
    term >= state.currentTerm && Number.isSafeInteger(term),
    () => `term cannot go from ${state.currentTerm} to ${term}`,
  );
  if (state.leader !== undefined) noteLoss(state, lossCause);
  if (term > state.currentTerm) {
    state.currentTerm = term;
    state.votedFor = NO_SERVER;
    state.verifiedIndex = 0;
  }
  if (state.leader !== undefined) leaveLeadership(state);
  if (state.leaderId !== leaderId) {
    // Whoever had our reads may not answer any more. A read changes nothing: the caller tries again.
    state.outbox.refuseReads(state.forwardedReads.drain());
    state.leaderId = leaderId;
  }
  if (leaderId !== NO_SERVER) noteLeader(state);
  state.role = Role.follower;
  state.votes = new Map();
  state.suspectVotes = new Map();
}

function noteLoss(state: RaftState, lossCause: LeadershipLossCause | undefined): void {
  const isTransfer = state.leader?.transfer !== undefined;
  const cause = lossCause ?? (isTransfer ? 'transferred' : 'newerTerm');
  state.leadershipLostBy = cause;
  state.outbox.events.push({ type: 'leadershipLost', term: state.currentTerm, cause });
}

function noteLeader(state: RaftState): void {
  state.leaderGone = false;
  state.leadershipLostBy = undefined;
}

function leaveLeadership(state: RaftState): void {
  for (const request of state.leader?.reads.drain() ?? []) {
    if (request.from === state.id) state.outbox.refuseReads(request.tickets);
    else {
      send(state, {
        type: 'readIndexReply',
        from: state.id,
        to: request.from,
        term: state.currentTerm,
        runId: request.runId,
        tickets: request.tickets,
        readIndex: 0,
      });
    }
  }
  state.leader = undefined;
  resetElectionDeadline(state);
}

/**
 * Asks whether an election could be won, without raising the term: a server that was cut off and comes back must not depose a leader that
 * everybody else hears (dissertation §9.6).
 */
export function becomePreCandidate(state: RaftState): void {
  becomeFollower(state, state.currentTerm, NO_SERVER);
  state.role = Role.preCandidate;
  // Promises nothing, so it need not reach the disk.
  state.votes.set(state.id, true);
}

/** Opens a new term and votes for itself. The vote is counted when it is on disk: until then a restart could give it to somebody else. */
export function becomeCandidate(state: RaftState): void {
  becomeFollower(state, state.currentTerm + 1, NO_SERVER);
  state.role = Role.candidate;
  state.votedFor = state.id;
}

/** Begins to lead: an own entry first, since only an entry of the own term is committed by counting (Raft §5.4.2, §8). */
export function becomeLeader(state: RaftState): void {
  invariant(
    state.role === Role.candidate && state.log.durability.holds(state.currentTerm, state.id),
    () => `server ${state.id} cannot lead term ${state.currentTerm} without a durable vote`,
  );
  state.role = Role.leader;
  state.leaderId = state.id;
  noteLeader(state);
  state.leader = createLeaderState(state);
  noteSuspectVoters(state, state.leader);
  state.votes = new Map();
  state.suspectVotes = new Map();
  for (let index = state.log.commitIndex + 1; index <= state.log.lastIndex; index += 1) {
    countUncommitted(state, state.log.entryAt(index) as Entry, 1);
  }
  appendAsLeader(state, {
    ticket: 0,
    kind: EntryKind.noop,
    clientId: '',
    sequence: 0,
    payload: new Uint8Array(0),
  });
}
