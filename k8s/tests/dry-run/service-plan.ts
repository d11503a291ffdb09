import { at, type KubeObject, listAt } from '../render/kube-object';
import { fields, textFields, type Workload } from '../support/workloads';
import type { ClusterIpPort } from './cluster-ip';
import type { PodPlan } from './pod-plan';

/** A pod as far as names lead to it. */
export interface NamedPod {
  readonly plan: Pick<PodPlan, 'name' | 'workload' | 'namespace' | 'ip'>;
  readonly isReady: boolean;
}

/** A Service, and the address that stands for it. */
export interface ServicePlan {
  readonly object: KubeObject;
  /** Undefined for a headless one: its name stands for its pods. */
  readonly clusterIp: string | undefined;
  readonly ports: readonly ClusterIpPort[];
}

/** Cluster IPs have addresses from here. */
const FIRST_CLUSTER_IP = 210;

/** The Services of a rendering. @param network the first three numbers of their addresses */
export function planServices(
  objects: readonly KubeObject[],
  workloads: readonly Workload[],
  network: string,
): ServicePlan[] {
  return objects
    .filter(({ kind }) => kind === 'Service')
    .map((object, index) => {
      const isHeadless = at(object, 'spec', 'clusterIP') === 'None';
      const workload = workloads.find(({ labels }) => isSelected(object, labels));
      return {
        object,
        clusterIp: isHeadless ? undefined : `${network}.${FIRST_CLUSTER_IP + index}`,
        ports: listAt(object.spec, 'ports').map(({ port, targetPort }) => ({
          port: Number(port),
          targetPort: workload?.ports.get(String(targetPort)) ?? Number(targetPort ?? port),
        })),
      };
    });
}

/** The pods that a Service leads to. */
export function endpointsOf<Pod extends NamedPod>(
  { object }: ServicePlan,
  pods: readonly Pod[],
): Pod[] {
  const isForAll = fields(object.spec)['publishNotReadyAddresses'] === true;
  return pods
    .filter(({ plan }) => isSelected(object, plan.workload.labels))
    .filter(({ isReady }) => isReady || isForAll);
}

/** What the cluster's DNS answers: addresses by name, in the short and the long forms. */
export function clusterNames(
  services: readonly ServicePlan[],
  pods: readonly NamedPod[],
): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const service of services) {
    const { metadata } = service.object;
    const found = endpointsOf(service, pods);
    const add = (name: string, addresses: string[]): void => {
      const long = `${name}.${metadata.namespace ?? 'default'}`;
      for (const one of [name, long, `${long}.svc`, `${long}.svc.cluster.local`]) {
        names[one] = addresses;
      }
    };
    const { clusterIp } = service;
    add(metadata.name, clusterIp === undefined ? found.map(({ plan }) => plan.ip) : [clusterIp]);
    for (const { plan } of found) {
      const isGoverning = at(plan.workload.object, 'spec', 'serviceName') === metadata.name;
      if (isGoverning) add(`${plan.name}.${metadata.name}`, [plan.ip]);
    }
  }
  return names;
}

function isSelected(service: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  const selector = Object.entries(textFields(at(service, 'spec', 'selector')));
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}
