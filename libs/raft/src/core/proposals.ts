/*
 * How proposals get into the log. A server that does not lead passes its own on to the leader, all of a turn in one message, and never a second
 * time: it cannot know whether the first one arrived. A refusal is certain, a place in the log is not a promise, and no answer means nothing.
 */
import { invariant } from './invariants';
import { appendAsLeader } from './leader-log';
import { mayReadFromLease } from './lease';
import type {
  ForwardProposals,
  ForwardProposalsReply,
  Proposal,
  ProposalRefusal,
  ReadIndexReply,
  ReadIndexRequest,
} from './messages';
import { send } from './state';
import type { LeaderState, RaftState } from './state';
import { EntryKind, NO_SERVER } from './types';
import type { LogIndex, Term } from './types';

/** Batches of one follower that a server remembers; far more than can be under way. */
const SEEN_FORWARDS_MAX = 4096;

/** Somebody on this server wants entries in the log. */
export function propose(state: RaftState, proposals: readonly Proposal[]): void {
  for (const { kind } of proposals) {
    invariant(
      kind === EntryKind.command || kind === EntryKind.expiry,
      `an entry of kind ${kind} cannot be proposed`,
    );
  }
  if (state.leader === undefined) {
    // The leader is looked up when the Ready is taken: it may be known by then, or gone.
    state.forwardQueue.push(...proposals);
    return;
  }
  const { placed, firstIndex, refusal } = place(state, proposals);
  proposals.forEach(({ ticket }, offset) => {
    if (offset < placed) {
      state.outbox.proposals.push({ ticket, index: firstIndex + offset, term: state.currentTerm });
    } else {
      state.outbox.proposals.push({ ticket, refusal: refusal ?? 'queueFull' });
    }
  });
}

/** Appends as many as there is room for: the first `placed` of them, from firstIndex on. */
function place(
  state: RaftState,
  proposals: readonly Proposal[],
): { placed: number; firstIndex: LogIndex; refusal: ProposalRefusal | undefined } {
  const leader = state.leader as LeaderState;
  const firstIndex = state.log.lastIndex + 1;
  if (leader.transfer !== undefined) return { placed: 0, firstIndex, refusal: 'transferring' };
  let placed = 0;
  for (const proposal of proposals) {
    if (!hasRoom(state, leader, proposal)) return { placed, firstIndex, refusal: 'queueFull' };
    appendAsLeader(state, proposal);
    placed += 1;
  }
  return { placed, firstIndex, refusal: undefined };
}

/** One command always has room, however large; what is no command is ours and small. */
function hasRoom(state: RaftState, leader: LeaderState, proposal: Proposal): boolean {
  if (proposal.kind !== EntryKind.command || leader.uncommittedEntries === 0) return true;
  const { uncommittedEntriesMax, uncommittedBytesMax } = state.options;
  const bytes = proposal.payload.length + proposal.clientId.length;
  return (
    leader.uncommittedEntries < uncommittedEntriesMax &&
    leader.uncommittedBytes + bytes <= uncommittedBytesMax
  );
}

/** Passes this turn's proposals to the leader, appends them if that is now this server, or refuses them. */
export function flushForwards(state: RaftState): void {
  if (state.forwardQueue.length === 0) return;
  const proposals = state.forwardQueue;
  state.forwardQueue = [];
  if (state.leader !== undefined) {
    propose(state, proposals);
    return;
  }
  if (state.leaderId === NO_SERVER) {
    state.outbox.refuseProposals(
      proposals.map(({ ticket }) => ticket),
      'noLeader',
    );
    return;
  }
  send(state, {
    type: 'forwardProposals',
    from: state.id,
    to: state.leaderId,
    term: state.currentTerm,
    runId: state.runId,
    proposals,
  });
}

/**
 * A follower passes its proposals on. Only the leader of the term in which they were sent takes them, and it takes a repeated message once. So that a
 * refusal is certain, it is given only by a server that knows that no earlier copy was taken: by its memory of this run, or because it did not lead
 * that term before it was restarted. Otherwise silence is the honest answer.
 */
export function handleForwardProposals(state: RaftState, message: ForwardProposals): void {
  if (wasSeen(state, message)) return;
  const tickets = message.proposals.map(({ ticket }) => ticket);
  const answer = {
    type: 'forwardProposalsReply',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    runId: message.runId,
  } as const;
  if (state.leader === undefined || message.term !== state.currentTerm) {
    if (mayHaveLedInEarlierRun(state, message.term)) return;
    send(state, { ...answer, tickets, firstIndex: 0, refusal: 'notLeader' });
    return;
  }
  const { placed, firstIndex, refusal } = place(state, message.proposals);
  noteTraces(state, message.proposals, placed, firstIndex);
  if (placed > 0) {
    send(state, { ...answer, tickets: tickets.slice(0, placed), firstIndex, refusal: undefined });
  }
  if (placed < tickets.length) {
    send(state, { ...answer, tickets: tickets.slice(placed), firstIndex: 0, refusal });
  }
}

/** Who records a proposal on another server learns from this one's driver what became of it here. */
function noteTraces(
  state: RaftState,
  proposals: readonly Proposal[],
  placed: number,
  firstIndex: LogIndex,
): void {
  for (let offset = 0; offset < placed; offset += 1) {
    const trace = proposals[offset]?.trace;
    if (trace === undefined) continue;
    state.outbox.forwarded ??= [];
    state.outbox.forwarded.push({ trace, index: firstIndex + offset, term: state.currentTerm });
  }
}

/** A server led only terms in which it had its own vote; of terms before the one that it was started in it knows nothing. */
function mayHaveLedInEarlierRun(state: RaftState, term: Term): boolean {
  if (state.suspect) return true;
  const { currentTerm, votedFor } = state.startedWith;
  return term < currentTerm || (term === currentTerm && votedFor === state.id);
}

function wasSeen(state: RaftState, message: ForwardProposals): boolean {
  const first = message.proposals[0];
  if (first === undefined) return true;
  let seen = state.seenForwards.get(message.from);
  if (seen === undefined) {
    seen = new Set();
    state.seenForwards.set(message.from, seen);
  }
  // Both numbers: a copy may come from before the sender was restarted, when it has sent other batches since.
  const batch = `${message.runId}/${first.ticket}`;
  if (seen.has(batch)) return true;
  seen.add(batch);
  if (seen.size > SEEN_FORWARDS_MAX) {
    for (const oldest of seen) {
      seen.delete(oldest);
      break;
    }
  }
  return false;
}

/** What became of forwarded proposals; also of an earlier term, as the place that it names is still worth knowing. */
export function handleForwardProposalsReply(
  state: RaftState,
  message: ForwardProposalsReply,
): void {
  if (message.runId !== state.runId) return;
  if (message.refusal !== undefined) {
    state.outbox.refuseProposals(message.tickets, message.refusal);
    return;
  }
  message.tickets.forEach((ticket, offset) => {
    state.outbox.proposals.push({ ticket, index: message.firstIndex + offset, term: message.term });
  });
}

/** Somebody on this server wants to read linearizably; with `lease`, without a round if this server leads and its lease holds. */
export function read(state: RaftState, tickets: readonly number[], lease: boolean): void {
  if (lease && mayReadFromLease(state)) {
    state.outbox.answerReads(tickets, state.log.commitIndex);
    return;
  }
  const { leader, forwardedReads, options } = state;
  const pending = leader?.reads.pendingReads ?? forwardedReads.pendingReads;
  if (pending + tickets.length > options.pendingReadsMax) {
    state.outbox.refuseReads(tickets);
  } else if (leader !== undefined) {
    leader.reads.add({ from: state.id, runId: 0, tickets });
    state.needsFlush = true;
  } else if (state.leaderId === NO_SERVER) {
    state.outbox.refuseReads(tickets);
  } else {
    forwardedReads.add(tickets);
    state.needsFlush = true;
  }
}

/** Asks the leader for a read index, for all reads of a turn at once. */
export function flushReads(state: RaftState): void {
  if (state.leaderId === NO_SERVER || state.leader !== undefined) return;
  const { appendTimeoutMs } = state.options;
  const tickets = state.forwardedReads.takeForSending(state.nowMs, appendTimeoutMs);
  if (tickets.length === 0) return;
  send(state, {
    type: 'readIndexRequest',
    from: state.id,
    to: state.leaderId,
    term: state.currentTerm,
    runId: state.runId,
    tickets,
  });
}

/** A follower asks for a read index. */
export function handleReadIndexRequest(state: RaftState, message: ReadIndexRequest): void {
  const { from, runId, tickets } = message;
  const reads = state.leader?.reads;
  if (reads !== undefined && reads.pendingReads + tickets.length <= state.options.pendingReadsMax) {
    reads.add({ from, runId, tickets });
    state.needsFlush = true;
    return;
  }
  send(state, {
    type: 'readIndexReply',
    from: state.id,
    to: from,
    term: state.currentTerm,
    runId,
    tickets,
    readIndex: 0,
  });
}

/** The leader's answer. An answer meant for an earlier process of this server is ignored: its reads began before ours. */
export function handleReadIndexReply(state: RaftState, message: ReadIndexReply): void {
  if (message.runId !== state.runId) return;
  const tickets = state.forwardedReads.answered(message.tickets);
  if (message.readIndex === 0) state.outbox.refuseReads(tickets);
  else state.outbox.answerReads(tickets, message.readIndex);
}
