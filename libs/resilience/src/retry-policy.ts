import { doubledMs } from './doubling';
import { type RandomSource } from './random';

/** Which calls are made again, how often, and after which pause. */
export interface RetrySettings {
  /** Attempts of one call, the first included: 1 is never again. */
  readonly attemptsMax: number;
  /** gRPC status codes, as numbers, that are worth another attempt. */
  readonly codes: ReadonlySet<number>;
  /** How long one attempt may take until its first answer, in milliseconds; undefined: as long as the call. */
  readonly perTryTimeoutMs: number | undefined;
  /** The longest pause before the second attempt, in milliseconds; doubles with each further one. */
  readonly backoffMs: number;
  /** The longest pause of all, in milliseconds. */
  readonly backoffMaxMs: number;
}

/** Up to 3 attempts, after UNAVAILABLE (14) only, pauses below 25 ms and 50 ms. */
export const defaultRetrySettings: RetrySettings = {
  attemptsMax: 3,
  codes: new Set([14]),
  perTryTimeoutMs: undefined,
  backoffMs: 25,
  backoffMaxMs: 1000,
};

/** What is known when an attempt has failed. */
export interface FailedAttempt {
  /** gRPC status code; undefined when the attempt's time was over. */
  readonly code: number | undefined;
  /** Attempts made, this one included. */
  readonly attempts: number;
  /**
   * Whether a second time does no harm: nothing of the request reached the backend, or whoever knows the method says that
   * it is idempotent.
   */
  readonly isSafe: boolean;
  /** What is left of the call's time, in milliseconds; undefined without a deadline. */
  readonly remainingMs: number | undefined;
  /** The server's `grpc-retry-pushback-ms`: when to come again; negative or not a number: not at all. Undefined without it. */
  readonly pushbackMs: number | undefined;
}

/** Why a call is not made again. */
export type NoRetryCause = 'code' | 'unsafe' | 'attempts' | 'pushback' | 'deadline';

/** Whether a call is made again: after so many milliseconds, or why not. */
export type RetryDecision = { readonly afterMs: number } | { readonly cause: NoRetryCause };

/**
 * Decides whether a failed call is made again; a {@link RetryBudget} has to agree, too.
 *
 * The pause is random between 0 and a bound that doubles (full jitter), so that callers that failed together do not come
 * back together; a server's pushback replaces it. Source of codes, attempts and pushback: gRFC A6.
 */
export function decideRetry(
  settings: RetrySettings,
  failed: FailedAttempt,
  random: RandomSource,
): RetryDecision {
  const { attempts, pushbackMs, remainingMs } = failed;
  if (failed.code !== undefined && !settings.codes.has(failed.code)) return { cause: 'code' };
  if (!failed.isSafe) return { cause: 'unsafe' };
  if (attempts >= settings.attemptsMax) return { cause: 'attempts' };
  if (pushbackMs !== undefined && !(pushbackMs >= 0)) return { cause: 'pushback' };
  const { backoffMs, backoffMaxMs } = settings;
  const afterMs = pushbackMs ?? random() * doubledMs(backoffMs, attempts - 1, backoffMaxMs);
  if (remainingMs !== undefined && afterMs >= remainingMs) return { cause: 'deadline' };
  return { afterMs };
}
