import { registry } from '@raftway/contracts';
import { EMPTY_REVISION } from '../domain/registry-state';

/** The service as which the registry's own replicas are listed. Nobody else may register under it. */
export const REGISTRY_SERVICE = 'registry';

/** What callers find under that name. */
export const REGISTRY_GRPC_SERVICE = 'raftway.registry.v1.RegistryService';

/**
 * The registry's replicas as instances. They come from configuration and hold no lease: a registry that listed itself by leases would
 * forget itself whenever it cannot renew them, which is when callers need to find its other replicas. Their revision is that of the empty
 * registry, so that it never changes.
 *
 * @param addresses client addresses by node id.
 */
export function ownReplicas(addresses: ReadonlyMap<number, string>): readonly registry.Instance[] {
  return [...addresses]
    .sort(([a], [b]) => a - b)
    .map(([nodeId, address]) => ({
      service: REGISTRY_SERVICE,
      instanceId: `${REGISTRY_SERVICE}-${nodeId}`,
      address,
      protocol: 'grpc',
      grpcServices: [REGISTRY_GRPC_SERVICE],
      status: registry.InstanceStatus.SERVING,
      weight: 100,
      zone: '',
      version: '',
      metadata: {},
      modifiedRevision: BigInt(EMPTY_REVISION),
    }));
}
