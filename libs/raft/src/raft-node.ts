import type { MemberChange } from './core/membership';
import type { Standing } from './core/status';
import type { LogIndex, Member, Role, ServerId, Term } from './core/types';
import type { StorageUsage } from './storage/storage';

/** Limits and cancellation of one propose or read. */
export interface CallOptions {
  /**
   * Applied at most once: a later proposal with the same id yields the first one's result, for as long as the deduplication table
   * remembers it. 1 to 128 characters. Default: none.
   */
  readonly requestId?: string | undefined;
  /** How long to wait, in milliseconds. Default: RaftNodeOptions.callTimeoutMs. A timed-out proposal has an unknown outcome. */
  readonly timeoutMs?: number | undefined;
  /** Stops waiting; a proposal's outcome is then unknown. */
  readonly signal?: AbortSignal | undefined;
}

/** Limits, cancellation and price of one read. */
export interface ReadOptions extends CallOptions {
  /**
   * `readIndex` asks a quorum. `lease` spares that on the leader while its lease lasts, if clocks run equally fast within `leaseClockDriftMax`; otherwise reads may be stale. Elsewhere, and
   * without a valid lease, it is the same as `readIndex`. Default: `readIndex`.
   */
  readonly consistency?: 'readIndex' | 'lease' | undefined;
}

/** A command's fate: where it is in the log and what the state machine said. */
export interface Applied<Result> {
  readonly index: LogIndex;
  /** The log clock when it was applied, in milliseconds. */
  readonly nowMs: number;
  readonly result: Result;
}

/** What a replica knows of itself and its group. */
export interface RaftStatus {
  readonly id: ServerId;
  readonly clusterId: string;
  readonly role: Role;
  readonly term: Term;
  /** 0 when no leader is known. */
  readonly leaderId: ServerId;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  /** This replica's own part: `waiting` for a group to take it in, or `removed`, until it is added again. */
  readonly standing: Standing;
  /** Where the members below are in the log. They are in force; decided once commitIndex has reached it. */
  readonly configurationIndex: LogIndex;
  /** Two majorities have to agree: a change of members is half done. */
  readonly joint: boolean;
  /** This replica's own; see RaftNodeOptions.priority. */
  readonly priority: number;
  readonly members: readonly (Member & {
    /** On the leader only. */
    readonly matchIndex: LogIndex;
    /** On the leader only: milliseconds since the member last answered. */
    readonly lastContactMs: number;
    /** On the leader only: as the member has told it. Undefined where it is not known. */
    readonly priority: number | undefined;
    /** On the leader only: append messages that the member has not answered. */
    readonly inflightAppends: number;
  })[];
  readonly logClockMs: number;
  /** A write waits for room on the disk: nothing is acknowledged here meanwhile. */
  readonly diskFull: boolean;
  /** On the leader: commands that are not committed, and their bytes. */
  readonly uncommittedEntries: number;
  readonly uncommittedBytes: number;
  /** What this replica's files take of the disk. */
  readonly storage: StorageUsage;
}

/** A server that is to become a member. */
export interface NewServer {
  /** A number that no server of the group has had before; or that of one that was removed, if it still has its disk. */
  readonly id: ServerId;
  /** "host:port" under which the others reach its peer endpoint. */
  readonly address: string;
  /** False: it stays a learner, which receives the log and counts in no majority. @default true */
  readonly voter?: boolean | undefined;
}

/** The members after a change, and where they are in the log. */
export interface MembersChanged {
  readonly index: LogIndex;
  readonly members: readonly Member[];
}

/**
 * One replica of a Raft group: what a service builds on.
 *
 * Errors are RaftError with a code: `noLeader` and `queueFull` are certain to have had no effect, `outcomeUnknown` and `stopped` are not.
 */
export interface RaftNode<Result> {
  readonly id: ServerId;
  /** Recovers from disk and begins to take part. Resolves when the log is recovered and messages are answered, leader or not. */
  start(): Promise<void>;
  /** Hands leadership over if it has it (bounded), fails what waits, closes files and links. */
  stop(): Promise<void>;
  /** Replicates a command and yields the local state machine's result. Works on every replica: followers forward to the leader. */
  propose(command: Uint8Array, options?: CallOptions): Promise<Applied<Result>>;
  /**
   * Resolves when the local state machine is at least as new as everything acknowledged before the call.
   *
   * @throws RaftError invalidOptions for a lease read on a replica without `leaseClockDriftMax`; queueFull, cancelled, deadlineExceeded, stopped.
   */
  readBarrier(options?: ReadOptions): Promise<void>;
  /**
   * Says that the local state machine is recent enough to be read at once, without asking anybody: it has all that was acknowledged up to `maxStalenessMs` ago, by this replica's own
   * clock. Bounds below three heartbeat intervals will mostly be refused.
   *
   * @returns how old the state is at most, in milliseconds.
   * @throws RaftError tooStale with `ageMs`; stopped; invalidOptions.
   */
  localRead(options: { readonly maxStalenessMs: number }): number;
  status(): RaftStatus;
  /** True when recovered from disk, not stopped, and a member: a server that waits to be added, or was removed, takes no part. */
  isReady(): boolean;
  /** Called after every entry that the local state machine has applied (also while recovering), and after a restore. */
  onApplied(listener: (index: LogIndex) => void): () => void;
  /** Called when role, term, known leader or the members change. */
  onStatusChange(listener: (status: RaftStatus) => void): () => void;
  /**
   * Changes members, all at once: learners are added, learners that have caught up become voters, voters become learners, members go. Resolves when the change is complete.
   * With more than one voter that comes or goes it passes through a joint configuration. Only the leader takes it.
   *
   * @throws RaftError notLeader, changeInProgress, invalidChange, notCaughtUp, outcomeUnknown (it may still be completed).
   */
  changeMembers(changes: readonly MemberChange[], options?: CallOptions): Promise<MembersChanged>;
  /**
   * Adds a server that waits with an empty data directory and `initialState: 'existing'`. It is a learner first; unless it is to stay one, this resolves when it has caught up
   * and is a voter. Adding a server that is a member already, under the same address, only waits.
   *
   * @param options.timeoutMs Default: 60000.
   * @throws RaftError as for changeMembers; notCaughtUp when the time is over: it then becomes a voter later, by itself.
   */
  addServer(server: NewServer, options?: CallOptions): Promise<MembersChanged>;
  /** Removes a server. A leader that removes itself hands over. @throws RaftError as for changeMembers. */
  removeServer(id: ServerId, options?: CallOptions): Promise<MembersChanged>;
  /** Yields the new leader's id; fails when the transfer does not complete within an election timeout. */
  transferLeadership(target?: ServerId): Promise<ServerId>;
  /** Takes a snapshot now; yields the index it stands for and its size. */
  takeSnapshot(): Promise<{ index: LogIndex; sizeBytes: number }>;
}
