import { defaultInstanceId, registeredServer } from '@raftway/discovery';
import type { Logger, Metrics } from '@raftway/observability';
import { createServer } from '@raftway/service-kit';
import type { ServerTls } from '@raftway/tls';
import type { GreeterOptions } from './options';
import { GREETER_GRPC_SERVICE, greeterService } from './service/greeter-service';
import { NumberedGreetings } from './service/numbered-greetings';

const SERVICE = 'greeter';

/** What {@link createGreeterApp} takes. */
export interface GreeterAppInput {
  readonly options: GreeterOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Certificates of all links. @default plaintext */
  readonly tls?: ServerTls | undefined;
}

/** One greeter. */
export interface GreeterApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
}

/** Builds a greeter; nothing happens before start(). */
export function createGreeterApp({ options, logger, metrics, tls }: GreeterAppInput): GreeterApp {
  const instanceId = () => options.instanceId ?? defaultInstanceId(SERVICE, server.address);
  const numbered = new NumberedGreetings(options.gateway, instanceId, tls?.source);
  const server = createServer({
    ...options,
    name: SERVICE,
    logger,
    metrics,
    tls,
    services: [greeterService(numbered)],
  });
  const running = registeredServer({
    server,
    options,
    service: SERVICE,
    instanceId,
    grpcServices: [GREETER_GRPC_SERVICE],
    logger,
    tls: tls?.source,
  });
  return {
    start: () => running.start(),
    stop: async () => {
      await running.stop();
      numbered.close();
    },
    get address() {
      return server.address;
    },
  };
}
