import { durationMs, redisUrl, text } from '@raftway/config';

/** The options of limits that gateways share. */
export const limitShape = {
  rateLimitRedisUrl: redisUrl()
    .optional()
    .describe(
      'Redis in which gateways count limits of the scope `shared` together: `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. Without it each counts by itself.',
    )
    .meta({ defaultText: 'none' }),
  rateLimitRedisKeyPrefix: text({ lengthMax: 128 })
    .default('raftway:limit:')
    .describe('Before every key; gateways with the same Redis and prefix share their counts.'),
  rateLimitRedisTimeoutMs: durationMs({ minMs: 1, maxMs: 1000 })
    .default(10)
    .describe('How long a call waits for that Redis, before its gateway counts it by itself.'),
};
