import { type Health } from '@raftway/load-balancing';
import { type Logger } from '@raftway/observability';
import { type EjectionCause } from '@raftway/resilience';
import { Backend, type BackendLoadBalancing } from './domain/backend';
import { Protection, type ProtectionSettings } from './domain/protection';

/** What all backends are built with. */
export interface BackendFactoryParts {
  readonly loadBalancing: BackendLoadBalancing;
  /** Undefined for none. */
  readonly protection: ProtectionSettings | undefined;
  readonly setAside: Health;
  readonly logger: Logger;
  readonly observer: { onEjected(service: string, cause: EjectionCause): void };
}

/** Builds the backend of each registered service. */
export function backendFactory(parts: BackendFactoryParts): (service: string) => Backend {
  const { loadBalancing, protection, setAside, logger, observer } = parts;
  return (service) =>
    new Backend({
      ...{ service, loadBalancing, setAside },
      protection: protection && new Protection(protection),
      onEjected: ({ address }, cause) => {
        observer.onEjected(service, cause);
        logger.warn('instance left out: it fails more than the others', {
          service,
          address,
          cause,
        });
      },
    });
}
