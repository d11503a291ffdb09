import { splitHostPort } from '@raftway/config';
import { registry } from '@raftway/contracts';
import { registerSelf, type SelfRegistration } from '@raftway/discovery';
import type { Logger, Metrics } from '@raftway/observability';
import { createServer } from '@raftway/service-kit';
import { hostname } from 'node:os';
import type { GreeterOptions } from './options';
import { GREETER_GRPC_SERVICE, greeterService } from './service/greeter-service';
import { NumberedGreetings } from './service/numbered-greetings';

const SERVICE = 'greeter';

/** What {@link createGreeterApp} takes. */
export interface GreeterAppInput {
  readonly options: GreeterOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** One greeter. */
export interface GreeterApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
}

/** Builds a greeter; nothing happens before start(). */
export function createGreeterApp({ options, logger, metrics }: GreeterAppInput): GreeterApp {
  const instanceId = () => options.instanceId ?? defaultInstanceId(server.address);
  const numbered = new NumberedGreetings(options.gateway, instanceId);
  const server = createServer({
    ...options,
    name: SERVICE,
    logger,
    metrics,
    services: [greeterService(numbered)],
  });
  let registration: SelfRegistration | undefined;
  return {
    start: async () => {
      await server.start();
      registration = registerSelf({
        registry: options.registry,
        instance: {
          service: SERVICE,
          instanceId: instanceId(),
          address: options.advertise ?? server.address,
          grpcServices: [GREETER_GRPC_SERVICE],
        },
        logger,
      });
    },
    stop: async () => {
      // At once, so that callers leave during the drain delay; the entry goes when the last call has finished.
      const draining = registration?.setStatus(registry.InstanceStatus.DRAINING);
      await Promise.all([draining, server.stop()]);
      await registration?.deregister();
      numbered.close();
    },
    get address() {
      return server.address;
    },
  };
}

function defaultInstanceId(address: string): string {
  return `${SERVICE}-${hostname()}-${splitHostPort(address)?.port ?? 0}`;
}
