import { isoDate } from '@raftway/config';
import {
  registrationOptionsShape,
  replicaOptionsShape,
  serverOptionsShape,
} from '@raftway/service-kit';
import { z } from 'zod';

/** The earliest epoch: wall clocks are counted from 1970. */
const EPOCH_MIN = new Date(0);

/** Every option of the id service; the environment variable of `idEpoch` is `RAFTWAY_ID_EPOCH`. */
export const idServiceOptionsSchema = z.object({
  ...serverOptionsShape({ bind: '127.0.0.1:50081' }),
  ...registrationOptionsShape(),
  ...replicaOptionsShape({ peerBind: '127.0.0.1:51081' }),
  idEpoch: isoDate()
    .refine((epoch) => epoch >= EPOCH_MIN && epoch <= new Date(), {
      message: 'must be a date between 1970 and now',
    })
    .default(new Date('2025-01-01T00:00:00Z'))
    .describe(
      'Date from which Snowflake milliseconds count. Fixed by the group’s first worker lease.',
    ),
});

/** The validated options. */
export type IdServiceOptions = z.output<typeof idServiceOptionsSchema>;
