import { handleRequestVote, handleRequestVoteReply } from './election';
import { handleAppendEntries, handleHeartbeat, handleInstallSnapshot } from './follower';
import { invariant } from './invariants';
import { handleTimeoutNow, transferLeadership } from './leadership-transfer';
import type { Message } from './messages';
import {
  handleForwardProposals,
  handleForwardProposalsReply,
  handleReadIndexReply,
  handleReadIndexRequest,
} from './proposals';
import {
  handleAppendEntriesReply,
  handleHeartbeatReply,
  handleInstallSnapshotReply,
} from './replication';
import { becomeFollower } from './roles';
import { send } from './state';
import type { RaftState } from './state';
import { suspectRunOf } from './suspicion';
import { isTrying, noteTrialVote } from './trial';
import { NO_SERVER } from './types';

/** Gives a message to whoever deals with it, after what its term alone demands (Raft §5.1). */
export function receive(state: RaftState, message: Message): void {
  if (message.to !== state.id || !Number.isSafeInteger(message.term)) return;
  if (message.term > state.currentTerm) meetNewerTerm(state, message);
  const late = message.term < state.currentTerm;
  switch (message.type) {
    case 'requestVote':
      return handleRequestVote(state, message);
    case 'requestVoteReply':
      if (noteTrialVote(state, message)) return;
      return late ? undefined : handleRequestVoteReply(state, message);
    case 'appendEntries':
    case 'heartbeat':
    case 'installSnapshot':
      return late ? refuseLateLeader(state, message) : receiveFromLeader(state, message);
    case 'forwardProposals':
      return handleForwardProposals(state, message);
    case 'forwardProposalsReply':
      return handleForwardProposalsReply(state, message);
    case 'readIndexRequest':
      return handleReadIndexRequest(state, message);
    default:
      return late ? undefined : receiveInTerm(state, message);
  }
}

/** A newer term makes a follower of everybody (Raft §5.1), except where the term is only a proposal or may not be believed. */
function meetNewerTerm(state: RaftState, message: Message): void {
  switch (message.type) {
    case 'requestVote':
      // Decides itself, since a server that hears its leader does not take over the term.
      return;
    case 'requestVoteReply':
      // A granted pre-vote carries the term that was asked for; and a question that the leader wanted answered is not to depose it.
      if (message.preVote && (message.granted || isTrying(state))) return;
      becomeFollower(state, message.term, NO_SERVER);
      return;
    case 'appendEntries':
    case 'heartbeat':
    case 'installSnapshot':
      becomeFollower(state, message.term, message.from);
      return;
    default:
      becomeFollower(state, message.term, NO_SERVER);
  }
}

/** Tells a deposed leader our term. Silence would do it no good when it alone does not know (etcd-io/raft: a server that is stuck in a higher term). */
function refuseLateLeader(state: RaftState, message: Message): void {
  send(state, {
    type: 'heartbeatReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    round: 0,
    suspectRun: suspectRunOf(state),
  });
}

function receiveFromLeader(state: RaftState, message: Message): void {
  if (message.type === 'appendEntries') handleAppendEntries(state, message);
  if (message.type === 'heartbeat') handleHeartbeat(state, message);
  if (message.type === 'installSnapshot') handleInstallSnapshot(state, message);
}

function receiveInTerm(state: RaftState, message: Message): void {
  switch (message.type) {
    case 'appendEntriesReply':
      return handleAppendEntriesReply(state, message);
    case 'heartbeatReply':
      return handleHeartbeatReply(state, message);
    case 'installSnapshotReply':
      return handleInstallSnapshotReply(state, message);
    case 'timeoutNow':
      return handleTimeoutNow(state, message);
    case 'transferLeadership':
      return transferLeadership(state, message.target);
    case 'readIndexReply':
      return handleReadIndexReply(state, message);
    default:
      invariant(false, `message of type ${message.type} was not expected here`);
  }
}
