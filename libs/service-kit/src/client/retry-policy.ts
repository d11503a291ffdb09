import { Code, type ServiceError } from '@raftway/errors';

/** When a failed call is repeated. */
export interface RetryPolicy {
  readonly attemptsMax: number;
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
}

/**
 * Whether repeating a call cannot do harm: it only reads, or the server applies its request_id at most once.
 * @param idempotent the method is listed as a read.
 */
export function isSafeToRepeat(idempotent: boolean, request: unknown): boolean {
  if (idempotent) return true;
  if (typeof request !== 'object' || request === null) return false;
  const { requestId } = request as { requestId?: unknown };
  return typeof requestId === 'string' && requestId !== '';
}

/**
 * How long to wait before the next attempt, in milliseconds; undefined = give up.
 *
 * Full jitter (a random part of a doubling bound) spreads the callers of a server that went away; RetryInfo is a lower bound.
 *
 * @param attempts made so far, at least 1.
 * @param remainingMs until the call's deadline; an attempt that could not begin before it is not made.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  error: ServiceError,
  attempts: number,
  remainingMs: number,
): number | undefined {
  if (error.code !== Code.unavailable || attempts >= policy.attemptsMax) return undefined;
  const bound = Math.min(policy.backoffMaxMs, policy.backoffInitialMs * 2 ** (attempts - 1));
  const delayMs = Math.max(policy.random() * bound, error.retryDelayMs ?? 0);
  return delayMs < remainingMs ? delayMs : undefined;
}
