import { type Logger, type Metrics } from '@raftway/observability';
import { createServer, type RaftwayServer, type ServiceImplementation } from '@raftway/service-kit';
import { type ServerTls } from '@raftway/tls';
import { type GatewayOptions } from './options';

/** What the admin server is built from. */
export interface AdminServerParts {
  readonly options: GatewayOptions;
  readonly services: readonly ServiceImplementation[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tls: ServerTls | undefined;
  /** True, or why the gateway is not ready. */
  readonly readiness: () => true | string;
}

/** Builds the admin server: the admin API, health and reflection of the process, metrics and probes. */
export function createAdminServer({ options, services, ...rest }: AdminServerParts): RaftwayServer {
  return createServer({
    name: 'gateway',
    bind: options.adminBind,
    httpBind: options.httpBind,
    services: [...services],
    ...rest,
    drainDelayMs: 0,
    drainTimeoutMs: 1000,
  });
}
