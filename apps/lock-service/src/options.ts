import { oneOf, redisUrl, text } from '@raftway/config';
import {
  registrationOptionsShape,
  replicaOptionsShape,
  serverOptionsShape,
} from '@raftway/service-kit';
import { z } from 'zod';

/** Every option of the lock service; the environment variable of `dataDir` is `RAFTWAY_DATA_DIR`. */
export const lockOptionsSchema = z
  .object({
    ...serverOptionsShape({ bind: '127.0.0.1:50071' }),
    ...replicaOptionsShape({ peerBind: '127.0.0.1:51071' }),
    ...registrationOptionsShape(),
    lockBackend: oneOf(['raft', 'redis'])
      .default('raft')
      .describe(
        'Where locks are kept: in our own Raft group, or in one Redis, which may lose them.',
      ),
    redisUrl: redisUrl()
      .optional()
      .describe('`redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.')
      .meta({ defaultText: 'none; the redis backend needs it' }),
    redisKeyPrefix: text({ lengthMax: 128 })
      .default('raftway:lock:')
      .describe('Before every key; replicas with the same Redis and prefix share their locks.'),
  })
  .superRefine((options, context) => {
    if (options.lockBackend === 'redis' && options.redisUrl === undefined)
      context.addIssue({ code: 'custom', path: ['redisUrl'], message: 'is required' });
  });

/** The validated options. */
export type LockOptions = z.output<typeof lockOptionsSchema>;
