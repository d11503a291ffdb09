import { type LockMetadata } from './model';

/** One holder as it was at a moment of the log clock. */
export interface HolderView {
  readonly sessionId: string;
  readonly ownerId: string;
  readonly token: number;
  readonly holdCount: number;
  readonly heldForMs: number;
  readonly expiresInMs: number;
  readonly metadata: LockMetadata;
}

/**
 * Why a command was refused. Nothing has changed then.
 *
 * - `sessionNotFound`, `notHolder`, `tokenMismatch` (`value` is the current token)
 * - `limitReached`: `limitName`, `limit` and `value` say which
 * - `requestIdReused`: the request id belongs to an Acquire of something else
 * - `grantEnded`: the request id's grant (`value` is its token) is over; `sessionEnded`: its session ended while it waited
 * - `invalidCommand`: bytes that are no command
 */
export type RejectionReason =
  | 'sessionNotFound'
  | 'notHolder'
  | 'tokenMismatch'
  | 'limitReached'
  | 'requestIdReused'
  | 'grantEnded'
  | 'sessionEnded'
  | 'invalidCommand';

export interface Rejected {
  readonly kind: 'rejected';
  readonly reason: RejectionReason;
  readonly limitName: string;
  readonly limit: number;
  readonly value: number;
}

/** The lock is held, by this attempt. */
export interface Acquired {
  readonly kind: 'acquired';
  readonly attemptId: number;
  readonly sessionId: string;
  readonly token: number;
  readonly holdCount: number;
}

/** What became of a command. */
export type LockOutcome =
  | { readonly kind: 'sessionOpened'; readonly sessionId: string; readonly ttlMs: number }
  /** In the order of the command: the time to live that starts again, or 0 when the session is gone. */
  | { readonly kind: 'sessionsRenewed'; readonly ttlsMs: readonly number[] }
  | { readonly kind: 'sessionClosed'; readonly locksReleased: number }
  | Acquired
  | { readonly kind: 'waiting'; readonly attemptId: number }
  | { readonly kind: 'notAcquired'; readonly queuePosition: number }
  /** `queuePosition` is the place that was given up; 0 when the attempt did not wait any more. */
  | {
      readonly kind: 'waitCancelled';
      readonly gaveBack: boolean;
      readonly queuePosition: number;
    }
  | { readonly kind: 'released'; readonly holdCount: number }
  | { readonly kind: 'forceReleased'; readonly holders: readonly HolderView[] }
  | Rejected;

/** What applying a command yields. */
export interface LockResult {
  /** The command's own; 0 for commands that have none. Raft's deduplication may yield the result of another command with the same id. */
  readonly fingerprint: number;
  readonly outcome: LockOutcome;
}

/** A refusal without a limit. */
export function rejected(reason: RejectionReason, value = 0): Rejected {
  return { kind: 'rejected', reason, limitName: '', limit: 0, value };
}

/** A refusal because something would grow beyond its limit. */
export function limitReached(limitName: string, limit: number, value: number): Rejected {
  return { kind: 'rejected', reason: 'limitReached', limitName, limit, value };
}
