import {
  registrationOptionsShape,
  replicaOptionsShape,
  serverOptionsShape,
} from '@raftway/service-kit';
import { z } from 'zod';

/** Every option of the lock service; the environment variable of `dataDir` is `RAFTWAY_DATA_DIR`. */
export const lockOptionsSchema = z.object({
  ...serverOptionsShape({ bind: '127.0.0.1:50071' }),
  ...replicaOptionsShape({ peerBind: '127.0.0.1:51071' }),
  ...registrationOptionsShape(),
});

/** The validated options. */
export type LockOptions = z.output<typeof lockOptionsSchema>;
