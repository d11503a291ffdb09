import type { ClockReading, Freshness } from './freshness';
import type {
  Checkpoint,
  Entry,
  EntryKind,
  LogIndex,
  ServerId,
  SnapshotMetadata,
  Term,
} from './types';

/** What every message between servers carries. */
interface Envelope {
  readonly from: ServerId;
  readonly to: ServerId;
  /** The sender's term; in a pre-vote request the term that it would campaign in. */
  readonly term: Term;
}

/** Asks for a vote (Raft §5.2), or, with preVote, whether a vote would be granted (dissertation §9.6). */
export interface RequestVote extends Envelope {
  readonly type: 'requestVote';
  readonly preVote: boolean;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** The old leader asked for this election: voters do not insist on the leader they hear (dissertation §4.2.3). */
  readonly leadershipTransfer: boolean;
}

/** What every reply that could count towards a quorum carries. */
interface Reply extends Envelope {
  /**
   * Set while the sender does not know all that it promised before it was restarted: the `runId` of its process, see suspicion.ts.
   * Absent or 0 otherwise.
   */
  readonly suspectRun?: number | undefined;
}

export interface RequestVoteReply extends Reply {
  readonly type: 'requestVoteReply';
  readonly preVote: boolean;
  readonly granted: boolean;
}

/** Replicates entries (Raft §5.3). */
export interface AppendEntries extends Envelope {
  readonly type: 'appendEntries';
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
}

export interface AppendEntriesReply extends Reply {
  readonly type: 'appendEntriesReply';
  readonly success: boolean;
  /** On success: everything up to here is on the follower's disk and equals the leader's log. On refusal: the refused prevLogIndex. */
  readonly matchIndex: LogIndex;
  /** On refusal: the last index that may match, and the follower's term there. */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/** Keeps followers from campaigning, spreads the commit index, and numbers read rounds. */
export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  /** Never above the receiver's known match index. */
  readonly leaderCommit: LogIndex;
  /** The leader's newest round, counted up by the leader: acks are tied to rounds, not to requests (etcd #20418). */
  readonly round: number;
  /** The receiver's process of this `runId` is no longer suspect: it has an entry that was appended after it started, and that others have committed. */
  readonly readmittedRun?: number | undefined;
  /** The newest index at which the leader knows what state machines should have answered: see divergence.ts. */
  readonly verdict?: Checkpoint | undefined;
  /** A reading of the receiver's clock, and what it says about the age of its state: see freshness.ts. */
  readonly freshness?: Freshness | undefined;
  /** Another voter, of higher priority than the receiver, could take over: let it campaign first. See priority.ts. */
  readonly yields?: boolean | undefined;
  /** The receiver is to find out whether it would be elected: see trial.ts. */
  readonly trial?: boolean | undefined;
}

export interface HeartbeatReply extends Reply {
  readonly type: 'heartbeatReply';
  readonly round: number;
  /** What the sender's state machine answered, at its newest checkpoint. */
  readonly checkpoint?: Checkpoint | undefined;
  /** To be returned: see freshness.ts. */
  readonly reading?: ClockReading | undefined;
  /** The sender's priority; absent: the default one. */
  readonly priority?: number | undefined;
  /** The sender was asked to find out, and would be elected. */
  readonly electable?: boolean | undefined;
}

/** Says that a snapshot is there to be installed. Sent by the receiving driver to its own core once the file is complete and checked. */
export interface InstallSnapshot extends Envelope {
  readonly type: 'installSnapshot';
  readonly snapshot: SnapshotMetadata;
}

export interface InstallSnapshotReply extends Reply {
  readonly type: 'installSnapshotReply';
  /** Everything up to here is on the follower's disk. */
  readonly matchIndex: LogIndex;
}

/** Tells a caught-up follower to campaign at once (dissertation §3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

/** Asks the leader to hand over; sent when a follower is asked to transfer leadership. 0 = whoever is most advanced. */
export interface TransferLeadership extends Envelope {
  readonly type: 'transferLeadership';
  readonly target: ServerId;
}

/** Names the span that a proposal belongs to, as in W3C Trace Context: passed on to the server that appends it, and of no meaning to the core. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** One byte; 1 = sampled. */
  readonly traceFlags: number;
}

/** What somebody wants in the log. */
export interface Proposal {
  /** Chosen by the proposing driver; answers refer to it. Unique per process. */
  readonly ticket: number;
  readonly kind: EntryKind;
  readonly clientId: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** Absent: nobody records it. */
  readonly trace?: TraceContext | undefined;
}

/** Proposals that a follower passes to the leader, in one batch. Never sent twice by the core. */
export interface ForwardProposals extends Envelope {
  readonly type: 'forwardProposals';
  /**
   * A number that the asking process drew at random when it started. Tickets begin anew with every process, so an answer meant for
   * an earlier one must not be taken for ours; and the leader recognises a repeated batch by it.
   */
  readonly runId: number;
  readonly proposals: readonly Proposal[];
}

/** Why a proposal was not taken: it is certain that it has no effect. */
export type ProposalRefusal = 'noLeader' | 'notLeader' | 'transferring' | 'queueFull';

export interface ForwardProposalsReply extends Envelope {
  readonly type: 'forwardProposalsReply';
  /** Copied from the request; an answer to an earlier process of the receiver is ignored. */
  readonly runId: number;
  /** The proposals' places: ticket i was appended at firstIndex + i in the reply's term. */
  readonly tickets: readonly number[];
  /** 0 when refused. */
  readonly firstIndex: LogIndex;
  readonly refusal: ProposalRefusal | undefined;
}

/** A follower asks the leader for a read index (dissertation §6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'readIndexRequest';
  /** See {@link ForwardProposals.runId}. */
  readonly runId: number;
  readonly tickets: readonly number[];
}

export interface ReadIndexReply extends Envelope {
  readonly type: 'readIndexReply';
  /** Copied from the request; an answer to an earlier process of the receiver is ignored. */
  readonly runId: number;
  readonly tickets: readonly number[];
  /** 0 when refused: the receiver is not the leader, or lost leadership. */
  readonly readIndex: LogIndex;
}

export type Message =
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | Heartbeat
  | HeartbeatReply
  | InstallSnapshot
  | InstallSnapshotReply
  | TimeoutNow
  | TransferLeadership
  | ForwardProposals
  | ForwardProposalsReply
  | ReadIndexRequest
  | ReadIndexReply;
