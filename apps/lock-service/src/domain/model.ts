import { type Expirable } from '@raftway/raft/state-machine';
import { type Queued, type WaitQueue } from './wait-queue';

/** What an owner says about itself, sorted by key. */
export type LockMetadata = readonly (readonly [string, string])[];

/** A lease under which locks are held and waited for. */
export interface Session extends Expirable {
  readonly id: string;
  readonly ttlMs: number;
  /** The lock for which an Acquire without a session opened this one, and with which it ends; '' for OpenSession's. */
  readonly implicitLock: string;
  /** Names of the locks it holds. */
  readonly held: Set<string>;
  readonly waiting: Set<Attempt>;
}

/** Who holds a lock. */
export interface LockHolder {
  readonly sessionId: string;
  readonly ownerId: string;
  readonly token: number;
  holdCount: number;
  readonly grantedAtMs: number;
  readonly metadata: LockMetadata;
  /** The newest grants of this hold, oldest first, at most RECENT_GRANTS_MAX: what a CancelWait can still give back. */
  recentGrants: readonly Grant[];
}

/** Which attempt got the lock, and the call that it was for. */
export interface Grant {
  readonly attemptId: number;
  readonly attachment: string;
}

/** How many grants of one hold are remembered: more calls of one owner than this are never between grant and answer at once. */
export const RECENT_GRANTS_MAX = 16;

/**
 * A lock that is held. Free locks have no record (only their token is remembered).
 *
 * Invariant: a lock with waiters is held.
 */
export interface HeldLock {
  readonly name: string;
  holder: LockHolder;
  readonly queue: WaitQueue<Attempt>;
}

/**
 * How an attempt stands:
 *
 * - `waiting`: in its lock's queue.
 * - `granted`: it got the lock (which may be gone again since).
 * - `notAcquired`: its time passed first; `queuePosition` is the place that it gave up, 0 when it never waited.
 * - `cancelled`: its call went away; nothing of it remains, and its request id is free again.
 * - `sessionExpired`, `sessionClosed`: its session ended while it waited.
 */
export type AttemptOutcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'granted'; readonly token: number; readonly holdCount: number }
  | { readonly kind: 'notAcquired'; readonly queuePosition: number }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'sessionExpired' }
  | { readonly kind: 'sessionClosed' };

/** One Acquire: from its log entry until it is forgotten. */
export interface Attempt extends Expirable, Queued<Attempt> {
  /** The log index of its first Acquire; also its `order`. */
  readonly id: number;
  readonly name: string;
  /** '' when the caller gave none. */
  readonly requestId: string;
  readonly fingerprint: number;
  /** The session under which the lock is, or will be, held; an implicit one is opened at the grant. */
  readonly sessionId: string;
  readonly implicit: boolean;
  readonly ttlMs: number;
  readonly ownerId: string;
  metadata: LockMetadata;
  readonly startedAtMs: number;
  finishedAtMs: number;
  /** Names the call that now waits for this attempt: only that call may cancel it. '' when nobody may. */
  attachment: string;
  outcome: AttemptOutcome;
}
