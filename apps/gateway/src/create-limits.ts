import { type Logger, type Metrics } from '@raftway/observability';
import { type z } from 'zod';
import { LimitMetrics } from './adapters/limit-metrics';
import { keyDigest } from './adapters/redis/limit-script';
import { RedisLimits } from './adapters/redis/redis-limits';
import { type CompiledDocuments } from './domain/documents';
import { LimitStates } from './domain/limits/limit-states';
import { type limitShape } from './limit-options';
import { type LimitContext } from './proxy/limit-context';
import { nowMs, turnNowMs } from './timing';

/** The limits of one gateway, and what they are counted in. */
export interface GatewayLimits {
  readonly context: LimitContext;
  /** Begins to connect to Redis, if there is to be one. */
  open(): Promise<void>;
  close(): void;
  /** Forgets what was counted for limits that these documents do not have. */
  retain(documents: CompiledDocuments): void;
}

/** Builds them; nothing happens before `open()`. */
export function createLimits(
  options: z.output<z.ZodObject<typeof limitShape>>,
  metrics: Metrics,
  logger: Logger,
): GatewayLimits {
  const states = new LimitStates({ nowMs: turnNowMs, wallMs: Date.now });
  const { rateLimitRedisUrl: target } = options;
  const redis =
    target &&
    new RedisLimits({
      ...{ target, logger, nowMs, wallMs: Date.now },
      keyPrefix: options.rateLimitRedisKeyPrefix,
      timeoutMs: options.rateLimitRedisTimeoutMs,
    });
  const observer = new LimitMetrics(metrics, () => ({
    concurrencies: states.concurrencies(),
    isRedisUp: redis?.isUp,
  }));
  return {
    context: { states, shared: redis, observer, digest: keyDigest },
    open: async () => redis?.open(),
    close: () => redis?.close(),
    retain: (documents) => states.retain(documents.limits.items()),
  };
}
