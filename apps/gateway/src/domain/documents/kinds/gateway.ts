import { z } from 'zod';
import { strict, unused } from '../strict';
import { documentSchema, gatewayApiGroup, hostname, objectName, sectionName } from './common';

const allowedRoutes = strict({
  namespaces: strict({
    from: z.enum(['All', 'Selector', 'Same', 'None']).default('Same'),
    selector: unused('documents here carry no labels of namespaces'),
  }).optional(),
  kinds: z
    .array(strict({ group: z.string().default(gatewayApiGroup), kind: z.string() }))
    .max(8)
    .optional(),
});

const listener = strict({
  name: sectionName(),
  hostname: hostname().optional(),
  port: z.int().min(1).max(65_535),
  protocol: z.string().min(1).max(255),
  tls: unused('certificates are those of RAFTWAY_TLS_CERT'),
  allowedRoutes: allowedRoutes.optional(),
});

/** `Gateway` of the Gateway API: which host names routes may attach to. The gateway's one port is every listener's. */
export const gatewaySchema = documentSchema(
  `${gatewayApiGroup}/v1`,
  'Gateway',
  strict({
    gatewayClassName: objectName(),
    listeners: z
      .array(listener)
      .min(1)
      .max(64)
      .refine(
        (listeners) => new Set(listeners.map(({ name }) => name)).size === listeners.length,
        'two listeners have one name',
      ),
    addresses: unused('the gateway listens where RAFTWAY_BIND says'),
    infrastructure: unused('nothing is created for a Gateway'),
    allowedListeners: unused('there are no ListenerSets'),
    backendTLS: unused('certificates are those of RAFTWAY_TLS_CERT'),
    tls: unused('certificates are those of RAFTWAY_TLS_CERT'),
    defaultScope: unused('routes name their parents, or have none'),
  }),
);

/** A validated `Gateway`. */
export type GatewayDocument = z.output<typeof gatewaySchema>;
/** One of its listeners. */
export type Listener = GatewayDocument['spec']['listeners'][number];
