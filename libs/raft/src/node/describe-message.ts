import type { Message } from '../core';

/** Which tracer a message belongs to. */
export function tracerNameOf({ type }: Message) {
  switch (type) {
    case 'requestVote':
    case 'requestVoteReply':
    case 'timeoutNow':
    case 'transferLeadership':
      return 'raft.election';
    case 'heartbeat':
    case 'heartbeatReply':
      return 'raft.heartbeat';
    case 'appendEntries':
    case 'appendEntriesReply':
      return 'raft.replication';
    case 'forwardProposals':
    case 'forwardProposalsReply':
      return 'raft.proposal';
    case 'readIndexRequest':
    case 'readIndexReply':
      return 'raft.read';
    case 'installSnapshot':
    case 'installSnapshotReply':
      return 'raft.snapshot';
  }
}

/** The fields of a trace line: everything that is short, and of what is long how much it is. Commands are the callers', and are not written. */
export function describeMessage(message: Message): Record<string, unknown> {
  switch (message.type) {
    case 'appendEntries': {
      const { entries, ...rest } = message;
      return { ...rest, entries: entries.length, lastIndex: entries.at(-1)?.index };
    }
    case 'forwardProposals': {
      const { proposals, ...rest } = message;
      return { ...rest, proposals: proposals.length, firstTicket: proposals[0]?.ticket };
    }
    case 'forwardProposalsReply':
    case 'readIndexRequest':
    case 'readIndexReply': {
      const { tickets, ...rest } = message;
      return { ...rest, tickets: tickets.length, firstTicket: tickets[0] };
    }
    case 'installSnapshot': {
      const { snapshot, ...rest } = message;
      return {
        ...rest,
        index: snapshot.lastIncludedIndex,
        snapshotTerm: snapshot.lastIncludedTerm,
      };
    }
    default:
      return { ...message };
  }
}
