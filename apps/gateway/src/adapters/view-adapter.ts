import { registry } from '@raftway/contracts';
import { type Instance, type ServiceView } from '@raftway/discovery';
import { type RoutableInstance } from '../domain/routing-table';

/** The registry's view as the routing table takes it. */
export function routableServices(
  view: ServiceView,
): ReadonlyMap<string, readonly RoutableInstance[]> {
  const services = new Map<string, readonly RoutableInstance[]>();
  for (const [service, instances] of view.services())
    services.set(service, instances.map(routableInstance));
  return services;
}

function routableInstance(instance: Instance): RoutableInstance {
  const { service, instanceId, address, grpcServices, weight, zone } = instance;
  const identity = { service, instanceId, address, grpcServices };
  return { ...identity, weight, zone, takesCalls: takesCalls(instance) };
}

/** Whether new calls may be sent to an instance. */
export function takesCalls(instance: Instance): boolean {
  const { SERVING, UNSPECIFIED } = registry.InstanceStatus;
  const serving = instance.status === SERVING || instance.status === UNSPECIFIED;
  return serving && (instance.protocol === '' || instance.protocol === 'grpc');
}
