import { formatDuration } from '@raftway/config';
import { Code, ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2/rules';
import { type CallPriority, type RateDecision } from '@raftway/resilience';
import { type ConcurrencySettings, type CountedLimit } from './limit-settings';
import { keyText, valueText } from './limit-text';

/** Why a call is not let through, and what goes with that beside the status. */
export interface LimitRefusal {
  readonly error: ServiceError;
  /** For whoever reads HTTP: when to come again, and how much there is. */
  readonly headers: HeaderPairs;
}

const retryDelayMs = 1000;

/** RESOURCE_EXHAUSTED `RATE_LIMITED` or `QUOTA_EXHAUSTED`. */
export function limitExceeded(limit: CountedLimit, decision: RateDecision): LimitRefusal {
  const { owner, name, key, scope, kind } = limit;
  const value = valueText(limit);
  const apart = keyText(key);
  // What is waited for is never shorter than what is told.
  const waitMs = Math.ceil(decision.retryAfterMs);
  const title = kind === 'quota' ? 'quota' : 'rate limit';
  const error = new ServiceError({
    code: Code.resourceExhausted,
    reason: kind === 'quota' ? 'QUOTA_EXHAUSTED' : 'RATE_LIMITED',
    message: `the ${title} ${name} of ${owner} is used up: ${value} for ${apart}; more in ${formatDuration(waitMs)}; nothing was sent`,
    metadata: { field: name, limit: value, key: apart, scope, owner },
    quotaViolations: [{ subject: apart, description: `${title} of ${value}`, quotaId: name }],
    retryDelayMs: waitMs,
  });
  return { error, headers: limitHeaders(limit, decision.remaining, waitMs) };
}

/** RESOURCE_EXHAUSTED `CONCURRENCY_FULL`: as many calls are under way as may, and as many wait. */
export function concurrencyFull(
  { owner, queueMax }: ConcurrencySettings,
  target: string,
  limit: number,
  priority: CallPriority,
): LimitRefusal {
  const waiting = queueMax === 0 ? '' : `, and ${queueMax} wait`;
  return refusedConcurrency(
    'CONCURRENCY_FULL',
    `${limit} calls of ${target} are under way, as many as its concurrency limit (${owner}) allows for ${priority} ones${waiting}; nothing was sent`,
    { target, field: 'concurrency', limit: String(limit), priority, owner },
  );
}

/** RESOURCE_EXHAUSTED `CONCURRENCY_QUEUE_TIMEOUT`: no place became free while the call might wait. */
export function concurrencyQueueTimeout(
  { owner, queueTimeoutMs }: ConcurrencySettings,
  target: string,
  priority: CallPriority,
): LimitRefusal {
  const limit = formatDuration(queueTimeoutMs);
  return refusedConcurrency(
    'CONCURRENCY_QUEUE_TIMEOUT',
    `no place among the calls of ${target} became free within the queue's timeout of ${limit} (${owner}); nothing was sent`,
    { target, field: 'concurrency.queue.timeout', limit, priority, owner },
  );
}

function refusedConcurrency(
  reason: 'CONCURRENCY_FULL' | 'CONCURRENCY_QUEUE_TIMEOUT',
  message: string,
  metadata: Readonly<Record<string, string>>,
): LimitRefusal {
  const code = Code.resourceExhausted;
  const error = new ServiceError({ code, reason, message, metadata, retryDelayMs });
  return { error, headers: ['retry-after', seconds(retryDelayMs)] };
}

/** `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10, and `Retry-After` of RFC 9110 §10.2.3. */
function limitHeaders(limit: CountedLimit, remaining: number, waitMs: number): HeaderPairs {
  const name = `"${limit.name}"`;
  return [
    ...['ratelimit-policy', `${name};q=${limit.requests}${windowOf(limit)}`],
    ...['ratelimit', `${name};r=${remaining};t=${seconds(waitMs)}`],
    ...['retry-after', seconds(waitMs)],
  ];
}

/** Windows are told in whole seconds; others, and months, which differ, are not told. */
function windowOf(limit: CountedLimit): string {
  const lengthMs =
    limit.kind === 'rate' ? limit.perMs : { hour: 3.6e6, day: 8.64e7, month: 0 }[limit.period];
  return lengthMs === 0 || lengthMs % 1000 !== 0 ? '' : `;w=${lengthMs / 1000}`;
}

function seconds(milliseconds: number): string {
  return String(Math.max(1, Math.ceil(milliseconds / 1000)));
}
