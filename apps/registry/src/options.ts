import { peers } from '@raftway/config';
import { replicaOptionsShape, serverOptionsShape } from '@raftway/service-kit';
import { z } from 'zod';

/** Every option of the registry; the environment variable of `dataDir` is `RAFTWAY_DATA_DIR`. */
export const registryOptionsSchema = z.object({
  ...serverOptionsShape({ bind: '127.0.0.1:50061' }),
  ...replicaOptionsShape({ peerBind: '127.0.0.1:51061' }),
  replicas: peers()
    .optional()
    .describe('Client addresses of the registry’s own replicas: how they are listed.')
    .meta({ defaultText: "this node's advertised address" }),
});

/** The validated options. */
export type RegistryOptions = z.output<typeof registryOptionsSchema>;
