import type { Standing } from './core/status';
import type { LogIndex, Member, Role, ServerId, Term } from './core/types';

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
  /** This replica's own part: `waiting` for a group to take it in, or `removed` for good. */
  readonly standing: Standing;
  /** Where the members below are in the log. They are in force; decided once commitIndex has reached it. */
  readonly configurationIndex: LogIndex;
  /** Two majorities have to agree: a change of members is half done. */
  readonly joint: boolean;
  readonly members: readonly (Member & {
    /** On the leader only. */
    readonly matchIndex: LogIndex;
    /** On the leader only: milliseconds since the member last answered. */
    readonly lastContactMs: number;
  })[];
  readonly logClockMs: number;
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
  /** Resolves when the local state machine is at least as new as everything acknowledged before the call (ReadIndex). */
  readBarrier(options?: CallOptions): Promise<void>;
  status(): RaftStatus;
  /** True when recovered from disk, not stopped, and able to take part. */
  isReady(): boolean;
  /** Called after every entry that the local state machine has applied (also while recovering), and after a restore. */
  onApplied(listener: (index: LogIndex) => void): () => void;
  /** Called when role, term or known leader change. */
  onStatusChange(listener: (status: RaftStatus) => void): () => void;
  /** Yields the new leader's id; fails when the transfer does not complete within an election timeout. */
  transferLeadership(target?: ServerId): Promise<ServerId>;
  /** Takes a snapshot now; yields the index it stands for and its size. */
  takeSnapshot(): Promise<{ index: LogIndex; sizeBytes: number }>;
}
