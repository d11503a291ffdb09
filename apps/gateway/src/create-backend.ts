import { type Health } from '@raftway/load-balancing';
import { type Logger } from '@raftway/observability';
import { type EjectionCause } from '@raftway/resilience';
import { Backend, type BackendLoadBalancing } from './domain/backend';
import { Protection, type ProtectionSettings } from './domain/protection';

/** What all backends are built with. */
export interface BackendFactoryParts {
  /** As it is to be now. */
  readonly loadBalancing: (service: string) => BackendLoadBalancing;
  /** As it is to be now. */
  readonly protection: (service: string) => ProtectionSettings;
  readonly setAside: Health;
  readonly logger: Logger;
  readonly observer: { onEjected(service: string, cause: EjectionCause): void };
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Builds the backend of each registered service, and brings it up to date. */
export function backendFactory(parts: BackendFactoryParts): {
  readonly backend: (service: string) => Backend;
  readonly reconfigure: (backend: Backend) => boolean;
} {
  const { loadBalancing, protection, setAside, logger, observer, nowMs } = parts;
  return {
    backend: (service) =>
      new Backend({
        ...{ service, loadBalancing: loadBalancing(service), setAside },
        protection: new Protection(protection(service)),
        onEjected: ({ address }, cause) => {
          observer.onEjected(service, cause);
          logger.warn('instance left out: it fails more than the others', {
            service,
            address,
            cause,
          });
        },
      }),
    reconfigure: (backend) =>
      backend.configure(loadBalancing(backend.service), protection(backend.service), nowMs()),
  };
}
