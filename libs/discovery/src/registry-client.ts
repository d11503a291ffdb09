import { randomUUID } from 'node:crypto';
import { registry } from '@raftway/contracts';
import { type ServiceClient, toDuration } from '@raftway/service-kit';
import { type SeedCallOptions, SeedClients, type SeedClientsOptions } from './seed-clients';

/** The client of one replica of the registry. */
export type RegistryReplica = ServiceClient<typeof registry.RegistryServiceService>;

/** Optional input of {@link RegistryClient}. */
export type RegistryClientOptions = SeedClientsOptions;

/** Limits of one call. */
export type RegistryCallOptions = SeedCallOptions;

/** What Register needs; the registry fills in the rest (protocol grpc, weight 100, SERVING). */
export type NewInstance = Partial<registry.Instance> &
  Pick<registry.Instance, 'service' | 'instanceId' | 'address'>;

/** A client of the registry that knows several of its replicas; see {@link SeedClients}. */
export class RegistryClient extends SeedClients<typeof registry.RegistryServiceService> {
  /** @param seeds `host:port` of at least one replica. */
  constructor(seeds: readonly string[], options: RegistryClientOptions = {}) {
    super(registry.RegistryServiceService, seeds, options);
  }

  /** Registers an instance. @throws ServiceError */
  register(
    instance: NewInstance,
    ttlMs: number,
    options?: RegistryCallOptions,
  ): Promise<registry.RegisterResponse> {
    const request = {
      instance: registry.Instance.fromPartial(instance),
      ttl: toDuration(ttlMs),
      requestId: randomUUID(),
    };
    return this.call((replica, call) => replica.register(request, call), options);
  }

  /** Removes an instance. @throws ServiceError, LEASE_NOT_FOUND when it is gone. */
  async deregister(leaseId: string, options?: RegistryCallOptions): Promise<void> {
    const request = { leaseId, requestId: randomUUID() };
    await this.call((replica, call) => replica.deregister(request, call), options);
  }

  /** @throws ServiceError, LEASE_NOT_FOUND when the instance is gone. */
  async setStatus(
    leaseId: string,
    status: registry.InstanceStatus,
    options?: RegistryCallOptions,
  ): Promise<void> {
    const request = { leaseId, status, requestId: randomUUID() };
    await this.call((replica, call) => replica.setStatus(request, call), options);
  }

  /** The instances of one service now. @throws ServiceError */
  lookup(service: string, options?: RegistryCallOptions): Promise<registry.LookupResponse> {
    return this.call((replica, call) => replica.lookup({ service }, call), options);
  }

  /** One page of services. @throws ServiceError */
  listServices(
    request: { readonly pageSize?: number; readonly pageToken?: string } = {},
    options?: RegistryCallOptions,
  ): Promise<registry.ListServicesResponse> {
    return this.call((replica, call) => replica.listServices(request, call), options);
  }
}
