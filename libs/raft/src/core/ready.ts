import type { RaftEvent } from './events';
import type { MemberChange } from './membership';
import type { Message, Proposal, ProposalRefusal, TraceContext } from './messages';
import type {
  Checkpoint,
  Entry,
  HardState,
  LogIndex,
  ServerId,
  SnapshotMetadata,
  Term,
} from './types';

/** What the core is told. Inputs are applied one at a time, in order, each with the current monotonic time. */
export type Input =
  /** Time has passed. */
  | { readonly type: 'tick' }
  /** A message came from a peer. */
  | { readonly type: 'message'; readonly message: Message }
  /** Somebody on this server wants entries in the log. */
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[] }
  /** Somebody on this server wants to read linearizably. */
  | {
      readonly type: 'read';
      readonly tickets: readonly number[];
      /** The leader's lease is good enough: see lease.ts. */
      readonly lease?: boolean | undefined;
    }
  /** Storage did that: everything of {@link Ready.persist} up to this number is durable. */
  | { readonly type: 'persisted'; readonly number: number }
  /** The state machine has applied everything up to here. */
  | {
      readonly type: 'applied';
      readonly index: LogIndex;
      /** What it answered, at the indexes where that is compared; absent: none of them was passed. */
      readonly checkpoints?: readonly Checkpoint[] | undefined;
    }
  /** A snapshot of the local state machine is durable: entries up to compactTo need not be kept. */
  | {
      readonly type: 'snapshotTaken';
      readonly snapshot: SnapshotMetadata;
      readonly compactTo: LogIndex;
      /** So many bytes of entries up to the snapshot are kept at most, also for followers that need them. @default no limit */
      readonly keepBytesMax?: number | undefined;
    }
  /** A snapshot transfer to a peer ended without a reply; the core decides when to try again. */
  | { readonly type: 'snapshotTransferFailed'; readonly to: ServerId }
  /** A link broke or a message was dropped: what was in flight may be lost. */
  | { readonly type: 'peerUnreachable'; readonly to: ServerId }
  /** The peer's machine answers that nobody listens there: its process has ended. May be wrong. */
  | { readonly type: 'peerGone'; readonly id: ServerId }
  /** Hand leadership over; 0 = to whoever is most advanced. */
  | { readonly type: 'transferLeadership'; readonly target: ServerId }
  /** Somebody on this server wants other members. Only a leader takes it; it is not passed on. */
  | {
      readonly type: 'changeMembers';
      readonly ticket: number;
      readonly changes: readonly MemberChange[];
    };

/**
 * Why a change of members was not taken: it certainly has no effect.
 *
 * - `notLeader`: ask the leader.
 * - `notEstablished`: the leader has not committed an entry of its own term yet; try again soon.
 * - `changeInProgress`: an earlier change is not committed yet, or its joint configuration is in force; try again when it is over.
 * - `transferring`: the leader is handing over.
 * - `notCaughtUp`: a server that was to become a voter is too far behind.
 * - `invalid`: the change does not fit the present members.
 */
export type ChangeRefusal =
  'notLeader' | 'notEstablished' | 'changeInProgress' | 'transferring' | 'notCaughtUp' | 'invalid';

/** What became of a change of members: a place in the log, or a refusal with a sentence for people. A place is no promise that it will be committed. */
export type ChangePlaced =
  | { readonly ticket: number; readonly index: LogIndex; readonly term: Term }
  | { readonly ticket: number; readonly refusal: ChangeRefusal; readonly message: string };

/** What must reach the disk, in one write and one sync. */
export interface Persist {
  /** Strictly growing; goes back to the core in `persisted`. */
  readonly number: number;
  /** Set when it differs from what is on disk. */
  readonly hardState: HardState | undefined;
  /** Consecutive. When the first one's index is already in the log, the log is cut there first. */
  readonly entries: readonly Entry[];
  /** A received snapshot that replaces the log and the state machine; its file is already durable. */
  readonly snapshot: SnapshotMetadata | undefined;
}

/** A read that may be answered once the state machine has applied `index`. */
export interface ReadReady {
  readonly ticket: number;
  readonly index: LogIndex;
}

/** What became of a proposal: a place in the log, or a refusal. A place is no promise that it will be committed. */
export type ProposalPlaced =
  | { readonly ticket: number; readonly index: LogIndex; readonly term: Term }
  | { readonly ticket: number; readonly refusal: ProposalRefusal };

/** A proposal that another server passed on, with the span that it belongs to, and its place in this leader's log. */
export interface ForwardPlaced {
  readonly trace: TraceContext;
  readonly index: LogIndex;
  readonly term: Term;
}

/**
 * What the driver has to do after one or more steps. Nothing here waits for anything but what its comment says.
 */
export interface Ready {
  /** Write and sync; then step `persisted` with its number. Undefined when there is nothing to write. */
  readonly persist: Persist | undefined;
  /** Send at once, in parallel with the write (a leader's own disk is just one of the quorum, dissertation §10.2.1). */
  readonly sendNow: readonly Message[];
  /** Send only once `persist` of this Ready, and all before it, is durable: votes, acks, anything that speaks for the disk. */
  readonly sendAfterPersist: readonly Message[];
  /** Committed: apply in order, then step `applied`. May be applied before `persist` of this Ready is durable. */
  readonly apply: readonly Entry[];
  readonly reads: readonly ReadReady[];
  /** Reads that cannot be served: no leader, or leadership was lost. Safe to retry. */
  readonly readsRefused: readonly number[];
  readonly proposals: readonly ProposalPlaced[];
  /** For spans; may be ignored. Undefined when no proposal that was passed on says that somebody records it. */
  readonly forwarded: readonly ForwardPlaced[] | undefined;
  /** Peers that need the newest snapshot; step snapshotTransferFailed if it cannot be delivered. */
  readonly sendSnapshot: readonly ServerId[];
  readonly changes: readonly ChangePlaced[];
  /** For logs and metrics; may be ignored. */
  readonly events: readonly RaftEvent[];
}
