import { createMetrics, type Logger, silentLogger } from '@raftway/observability';
import { Redis } from 'ioredis';
import { createLockApp } from '../src/app';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from '../src/domain/limits';
import { ENVIRONMENT, register, serveApp, type Served } from './lock-harness';
import { lockOptionsSchema } from '../src/options';

let prefixes = 0;

/** How {@link serveRedis} serves. */
export interface RedisServing {
  readonly url: string;
  /** @default one that nobody else uses */
  readonly keyPrefix?: string;
  readonly limits?: Partial<LockLimits>;
  readonly logger?: Logger | undefined;
}

/** A prefix that no other spec of this process uses. */
export function freshPrefix(): string {
  return `spec-${process.pid}-${++prefixes}:`;
}

/** One replica with the Redis backend behind a real gRPC socket, with a client of it. */
export async function serveRedis(serving: RedisServing): Promise<Served> {
  const { url, keyPrefix = freshPrefix(), limits, logger = silentLogger() } = serving;
  const app = createLockApp({
    options: lockOptionsSchema.parse({
      ...ENVIRONMENT,
      lockBackend: 'redis',
      redisUrl: url,
      redisKeyPrefix: keyPrefix,
    }),
    limits: { ...DEFAULT_LOCK_LIMITS, ...limits },
    logger,
    metrics: createMetrics({ processMetrics: false }),
    register,
  });
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  const key = (name: string) => `${keyPrefix}${name}`;
  return serveApp(app, {
    waiters: (name) => redis.zcard(key(`queue:${name}`)),
    holder: async (name) => (await redis.hget(key(`lock:${name}`), 'sid')) ?? undefined,
    counts: async () => ({
      sessions: await redis.zcard(key('sessions')),
      locks: await redis.zcard(key('names')),
      waiters: await redis.zcard(key('waiters')),
    }),
    state: () => dumpOf(redis, keyPrefix),
    close: () => redis.disconnect(),
  });
}

/** Everything under a prefix that calls can change. */
async function dumpOf(redis: Redis, prefix: string): Promise<string> {
  const keys = (await redis.keys(`${prefix}*`)).filter((key) => key !== `${prefix}alive`).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return keys.map((key, at) => `${key} ${dumps[at]?.toString('hex')}`).join('\n');
}
