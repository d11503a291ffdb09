import { hostPort } from '@raftway/config';
import { registrationOptionsShape, serverOptionsShape } from '@raftway/service-kit';
import { z } from 'zod';

/** Every option of the greeter; the environment variable of `gateway` is `RAFTWAY_GATEWAY`. */
export const greeterOptionsSchema = z.object({
  ...serverOptionsShape({ bind: '127.0.0.1:50051' }),
  ...registrationOptionsShape(),
  gateway: hostPort()
    .default('127.0.0.1:8080')
    .describe('The gateway through which other services are called.'),
});

/** The validated options. */
export type GreeterOptions = z.output<typeof greeterOptionsSchema>;
