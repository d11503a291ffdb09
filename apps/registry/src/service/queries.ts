import { registry } from '@raftway/contracts';
import type { RegistryState } from '../domain/registry-state';
import { REGISTRY_SERVICE } from './own-replicas';
import { pageTokenOf } from './validation';

type Instances = readonly registry.Instance[];

/** The instances of one service, in the order in which they registered; none when it is unknown. */
export function lookUp(
  state: RegistryState,
  ownReplicas: Instances,
  service: string,
): registry.LookupResponse {
  return {
    instances: [...instancesOf(state, ownReplicas, service)],
    revision: BigInt(state.revision),
  };
}

/** One page of services, sorted by name. */
export function listServices(
  state: RegistryState,
  ownReplicas: Instances,
  page: { readonly pageSize: number; readonly after: string },
): registry.ListServicesResponse {
  const names = new Set(state.services.keys());
  if (ownReplicas.length > 0) names.add(REGISTRY_SERVICE);
  const left = [...names].filter((name) => name > page.after).sort();
  const shown = left.slice(0, page.pageSize);
  const last = shown.at(-1);
  const isLastPage = shown.length === left.length;
  return {
    services: shown.map((name) => summaryOf(name, instancesOf(state, ownReplicas, name))),
    revision: BigInt(state.revision),
    nextPageToken: isLastPage || last === undefined ? '' : pageTokenOf(last),
  };
}

function instancesOf(state: RegistryState, ownReplicas: Instances, service: string): Instances {
  if (service === REGISTRY_SERVICE) return ownReplicas;
  const registrations = state.services.get(service)?.registrations.values() ?? [];
  return [...registrations].map(({ instance }) => instance);
}

function summaryOf(service: string, instances: Instances): registry.ServiceSummary {
  const { SERVING } = registry.InstanceStatus;
  return {
    service,
    instances: instances.length,
    serving: instances.filter(({ status }) => status === SERVING).length,
    grpcServices: [...new Set(instances.flatMap(({ grpcServices }) => grpcServices))].sort(),
  };
}
