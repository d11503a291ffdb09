import type { ServerId } from './core/types';

/**
 * Why a call on a replica failed. Codes are stable.
 *
 * - `noLeader`: no leader appeared while the call could wait. Certain to have had no effect; retry.
 * - `queueFull`: too many proposals are waiting, here or at the leader. Certain to have had no effect; retry with backoff.
 * - `tooLarge`: the command is above the limit, or the request id is malformed. Certain to have had no effect; do not retry.
 * - `outcomeUnknown`: the proposal may or may not take effect; {@link RaftError.reason} says why. Retry only with a request id.
 * - `deadlineExceeded`: a read or a transfer did not finish in time. Reads have no effect; retry.
 * - `cancelled`: the caller's signal fired during a read, or before a proposal was sent. Certain to have had no effect.
 * - `stopped`: the replica is not started, stopping, or stopped, and the call was a read or was never sent. Certain to have had no effect;
 *   retry elsewhere. What was under way when it stopped is `outcomeUnknown`.
 * - `tooStale`: the local state is older than was allowed, or nobody knows how old it is; {@link RaftError.ageMs} says. Read elsewhere, or with readBarrier.
 * - `transferFailed`: leadership did not move; the message says why.
 * - `notLeader`: only the leader changes members; {@link RaftError.leader} says who that is. Had no effect.
 * - `changeInProgress`: an earlier change of members is not complete. Had no effect; retry.
 * - `invalidChange`: the change does not fit the present members; the message is the rule. Had no effect; do not retry.
 * - `notCaughtUp`: a server is too far behind to be a voter. A server that was just added stays a learner, and becomes a voter once it has caught up.
 * - `invalidOptions`: an option breaks a rule; the message is the rule.
 */
export type RaftErrorCode =
  | 'noLeader'
  | 'queueFull'
  | 'tooLarge'
  | 'outcomeUnknown'
  | 'deadlineExceeded'
  | 'cancelled'
  | 'stopped'
  | 'tooStale'
  | 'transferFailed'
  | 'notLeader'
  | 'changeInProgress'
  | 'invalidChange'
  | 'notCaughtUp'
  | 'invalidOptions';

/**
 * Why an outcome is unknown.
 *
 * - `timeout`: the caller's time was over, and nothing is known to be wrong; on a replica that does not lead that may be because only the leader knows.
 * - `noLeader`, `quorumLost`, `diskSlow`: the caller's time was over, and this is what kept the proposal from being decided: no leader is known; no majority
 *   answers the leader, or this replica lost its leadership for that; a majority answers and does not have it on its disks, or this replica's own disk does not answer.
 * - `cancelled`: the caller stopped waiting.
 * - `leaderChanged`: it was forwarded, and the leader changed before it answered.
 * - `overwritten`: another term's entry holds its place in the log.
 * - `snapshotInstalled`: a snapshot replaced the part of the log that it was in.
 * - `resultEvicted`: it was applied here before the leader said where it is, and its result is no longer kept.
 * - `stopped`: this replica stopped.
 */
export type OutcomeUnknownReason =
  | 'timeout'
  | 'noLeader'
  | 'quorumLost'
  | 'diskSlow'
  | 'cancelled'
  | 'leaderChanged'
  | 'overwritten'
  | 'snapshotInstalled'
  | 'resultEvicted'
  | 'stopped';

const RAFT_ERROR = Symbol.for('raftway.RaftError');
const STORAGE_ERROR = Symbol.for('raftway.StorageError');

/** A limit that keeps something from growing, and what it is at or would have been. */
export interface ReachedLimit {
  /** Such as `pendingProposals`. */
  readonly name: string;
  readonly limit: number;
  readonly value: number;
}

/** What a replica's calls fail with. Branded, so that `instanceof` holds across copies of the package. */
export class RaftError extends Error {
  override readonly name = 'RaftError';
  readonly code: RaftErrorCode;
  /** Set when the code is `outcomeUnknown`. */
  readonly reason: OutcomeUnknownReason | undefined;
  /** Set when the code is `tooStale`: how old the local state may be, in milliseconds; Infinity when that is not known. */
  readonly ageMs: number | undefined;
  /** Set when the code is `queueFull`, except when another replica leads and is full: which limit was reached, and by what. */
  readonly limit: ReachedLimit | undefined;
  /** Set when the code is `notLeader` and the leader is known. The address is that of its peer endpoint. */
  readonly leader: { readonly id: ServerId; readonly address: string } | undefined;

  constructor(
    code: RaftErrorCode,
    message: string,
    options: {
      readonly reason?: OutcomeUnknownReason;
      readonly leader?: { readonly id: ServerId; readonly address: string } | undefined;
      readonly ageMs?: number;
      readonly limit?: ReachedLimit | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.leader = options.leader;
    this.ageMs = options.ageMs;
    this.limit = options.limit;
    Object.defineProperty(this, RAFT_ERROR, { value: true });
  }

  /** True when the call certainly had no effect, so that it may be retried without a request id. */
  get hadNoEffect(): boolean {
    return this.code !== 'outcomeUnknown' && this.code !== 'notCaughtUp';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && RAFT_ERROR in value;
  }
}

/**
 * What is wrong with a data directory. Codes are stable.
 *
 * - `damaged`: a file does not say what was written to it, and cutting it could lose acknowledged entries.
 * - `locked`: another process uses the directory.
 * - `foreign`: the directory belongs to another node or cluster.
 * - `unsupported`: a newer version wrote it.
 * - `snapshotFailed`: a snapshot could not be written; the older one and the log are untouched, and it may be tried again.
 * - `noSpace`: the disk is full. Nothing was written or acknowledged, and it may be tried again.
 * - `io`: the operating system refused; after a failed write or sync the process must stop (never retry a failed fsync).
 */
export type StorageErrorCode =
  'damaged' | 'locked' | 'foreign' | 'unsupported' | 'snapshotFailed' | 'noSpace' | 'io';

/** Where and why storage failed, and what an operator can do about it. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly file: string | undefined;
  /** Byte offset in the file. */
  readonly offset: number | undefined;
  readonly remedy: string | undefined;

  constructor(
    code: StorageErrorCode,
    fact: string,
    details: {
      readonly file?: string;
      readonly offset?: number;
      readonly remedy?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    const place =
      details.file === undefined
        ? ''
        : `${details.file}${details.offset === undefined ? '' : ` at byte ${details.offset}`}: `;
    const remedy = details.remedy === undefined ? '' : `. ${details.remedy}`;
    super(
      `${place}${fact}${remedy}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.file = details.file;
    this.offset = details.offset;
    this.remedy = details.remedy;
    Object.defineProperty(this, STORAGE_ERROR, { value: true });
  }

  /** True when the process must stop: what is on disk is no longer known. */
  get fatal(): boolean {
    return this.code === 'io';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && STORAGE_ERROR in value;
  }
}
