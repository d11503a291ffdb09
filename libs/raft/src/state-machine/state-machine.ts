import type { LogIndex } from '../core/types';

/** What a state machine may know while it applies an entry; the same on every replica. */
export interface ApplyContext {
  readonly index: LogIndex;
  /** The log clock in milliseconds: elapsed time that the group agrees on, never wall time. Use it for every deadline. */
  readonly nowMs: number;
}

/**
 * Why a state is older than what the group once was: it comes from a backup, and whatever was handed out after that is not in it. The same on every replica.
 */
export interface ReturnFromBackup extends ApplyContext {
  /**
   * How far the log's index was moved on. The group's next entry has an index above every one that was used after the backup, if those were fewer than this: numbers that are
   * taken from the index never come twice.
   */
  readonly indexGap: number;
  /** How far the operator wants numbers that callers count by to be moved on. */
  readonly sequenceGap: bigint;
  /** When the backup was taken, by the wall clock of a replica of then, in milliseconds since 1970. */
  readonly takenAtMs: number;
  /** When it was restored, by the wall clock of the machine that did it. */
  readonly restoredAtMs: number;
}

/**
 * A replicated service's state. Everything here is synchronous and a function of its arguments and the state alone: no clock, no
 * randomness, no I/O, no iteration order that depends on anything but the history of commands.
 *
 * @typeParam Result what applying a command yields; handed to the caller on the replica that took the call.
 */
export interface StateMachine<Result> {
  /**
   * Applies one committed command. Before that, `expire` has been called with the same context. Bad commands are answered in the
   * result, never thrown: an exception here means that replicas may differ, and stops the process.
   */
  apply(command: Uint8Array, context: ApplyContext): Result;
  /** Ends every lease whose deadline is at or before context.nowMs. Called before every command and for every expiry entry. Default: there are no leases. */
  expire?(context: ApplyContext): void;
  /** The earliest deadline in log-clock milliseconds, or undefined: the leader appends an expiry entry when it has passed. Default: undefined. */
  nextDeadlineMs?(): number | undefined;
  /** The whole state as bytes, beginning with a format version. */
  snapshot(): Uint8Array;
  /**
   * The same bytes in slices, for states that take long to write: they are asked for a few milliseconds' worth at a time, and commands are applied in between. All of them
   * are of the state as it was when this was called, which must therefore take down what may change: a generator function begins only when its first slice is
   * asked for, too late for that. See SNAPSHOT_SLICE_BYTES. Default: `snapshot()` in one.
   */
  snapshotSlices?(): Iterable<Uint8Array>;
  /** Replaces the whole state. Throws on bytes that it does not understand. */
  restore(snapshot: Uint8Array): void;
  /**
   * Called after `restore` when the snapshot is a backup's. Makes sure that nothing that was handed out after the backup is handed out again, and that nobody relies on what
   * may have changed hands meanwhile. A function of the state and its argument alone. Default: the state is as it was.
   */
  returnFromBackup?(back: ReturnFromBackup): void;
  /** A result as bytes, and back: deduplicated results are kept in snapshots. */
  encodeResult(result: Result): Uint8Array;
  decodeResult(bytes: Uint8Array): Result;
  /**
   * 32 bits that are equal for equal results: replicas compare them, and one that differs from the majority stops (core/divergence.ts). May cost well under a
   * microsecond. Default: a hash of the encoded result.
   */
  fingerprintResult?(result: Result): number;
}
