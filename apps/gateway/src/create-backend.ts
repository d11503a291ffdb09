import { type Health } from '@raftway/load-balancing';
import { type Logger } from '@raftway/observability';
import { type EjectionCause } from '@raftway/resilience';
import { Backend, type BackendLoadBalancing } from './domain/backend';
import { type BackendSettings } from './domain/documents';
import { Protection, type ProtectionSettings } from './domain/protection';
import { type GatewayOptions, loadBalancingOf } from './options';
import { protectionOf } from './protection-options';

/** What all backends are built with. */
export interface BackendFactoryParts {
  readonly options: GatewayOptions;
  /** What a document says of a registered service now; undefined for nothing. */
  readonly policyOf: (service: string) => BackendSettings | undefined;
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
  const { options, policyOf, setAside, logger, observer, nowMs } = parts;
  const common = loadBalancingOf(options);
  const loadBalancing = (service: string): BackendLoadBalancing => ({
    ...common,
    ...policyOf(service)?.loadBalancing,
  });
  const protection = (service: string): ProtectionSettings =>
    protectionOf(options, policyOf(service)?.protection);
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
