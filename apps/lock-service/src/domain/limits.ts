/**
 * How large the lock state may grow. Every replica of a group must use the same values: they decide which commands are refused.
 */
export interface LockLimits {
  /** Open sessions, plus waiting calls that will open one when they are granted. */
  readonly sessionsMax: number;
  /** Locks that are held at the same time. */
  readonly locksMax: number;
  /** Locks that one session may hold or wait for. */
  readonly locksPerSessionMax: number;
  /** Calls that may wait for one lock. */
  readonly waitersPerLockMax: number;
  /** Calls that may wait for any lock. */
  readonly waitersMax: number;
  /** How often one owner may acquire a lock without releasing it. */
  readonly holdCountMax: number;
  /** Names of free locks whose last token is remembered one by one; see TokenMemory for what happens to the others. */
  readonly freeLockTokensMax: number;
  /** Finished acquire attempts that a retry can still find. */
  readonly finishedAttemptsMax: number;
  /** For how long a finished attempt can be found, in milliseconds of the log clock. */
  readonly finishedAttemptRetentionMs: number;
}

/** The limits that every lock-service runs with. */
export const DEFAULT_LOCK_LIMITS: LockLimits = {
  sessionsMax: 100_000,
  locksMax: 100_000,
  locksPerSessionMax: 1_000,
  waitersPerLockMax: 10_000,
  waitersMax: 100_000,
  holdCountMax: 1_000_000,
  freeLockTokensMax: 100_000,
  finishedAttemptsMax: 50_000,
  finishedAttemptRetentionMs: 10 * 60 * 1000,
};
