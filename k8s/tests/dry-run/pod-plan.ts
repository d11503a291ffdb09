import path from 'node:path';
import { describeObject, type KubeObject, listAt, at } from '../render/kube-object';
import { configMapData, fields, textFields, type Workload, workloads } from '../support/workloads';

/** One pod that a workload asks for, before anything runs. */
export interface PodPlan {
  readonly name: string;
  readonly workload: Workload;
  readonly namespace: string;
  /** The pod's address: in a cluster its own, here one of loopback. */
  readonly ip: string;
  /** What stands for 127.0.0.1 in it, as all pods share one loopback device. */
  readonly loopbackIp: string;
  /** Where its volumes are, by mount path. */
  readonly mounts: ReadonlyMap<string, string>;
  /** Resolved, and translated to this machine's addresses and directories. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Where a dry run has room. */
export interface PlanRoom {
  /** The first three numbers of its addresses, such as `127.40.7`. */
  readonly network: string;
  readonly directory: string;
  /** The last number of a pod's address, from 1: the same whenever it is asked for. */
  readonly numberOf: (pod: string) => number;
}

/** Pods have addresses from 1, and their loopback addresses this much higher. */
const LOOPBACK_DISTANCE = 100;

/** The pods of all workloads of a rendering. @throws Error for a field that the runner does not know. */
export function planPods(objects: readonly KubeObject[], room: PlanRoom): PodPlan[] {
  const names = workloads(objects).flatMap((workload) =>
    Array.from({ length: workload.replicas }, (_, ordinal) => ({ workload, ordinal })),
  );
  return names.map(({ workload, ordinal }) =>
    planPod(objects, workload, nameOfPod(workload, ordinal), room),
  );
}

function nameOfPod({ name, isStateful }: Workload, ordinal: number): string {
  // A Deployment's pods have random names.
  return isStateful ? `${name}-${ordinal}` : `${name}-7d9c5b8f6c-x${ordinal}`;
}

function planPod(
  objects: readonly KubeObject[],
  workload: Workload,
  name: string,
  { network, directory, numberOf }: PlanRoom,
): PodPlan {
  const number = numberOf(name);
  const ip = `${network}.${number}`;
  const loopbackIp = `${network}.${number + LOOPBACK_DISTANCE}`;
  const namespace = workload.object.metadata.namespace ?? 'default';
  const mounts = new Map(
    listAt(workload.container, 'volumeMounts').map((mount) => [
      String(mount['mountPath']),
      volumeDirectory(workload, name, mount['name'], directory),
    ]),
  );
  const podFields = { 'status.podIP': ip, 'metadata.name': name, 'metadata.namespace': namespace };
  const resolved = resolveEnvironment(objects, workload, podFields);
  return {
    ...{ name, workload, namespace, ip, loopbackIp, mounts },
    environment: Object.fromEntries(
      Object.entries(resolved).map(([key, value]) => [
        key,
        translate(value, { ip, loopbackIp, mounts }),
      ]),
    ),
  };
}

/** A pod's own directory, or what all pods have of a Secret. */
function volumeDirectory(
  { pod }: Workload,
  podName: string,
  volume: unknown,
  directory: string,
): string {
  const secret = at(
    listAt(pod, 'volumes').find(({ name }) => name === volume),
    'secret',
    'secretName',
  );
  return secret === undefined
    ? path.join(directory, podName, String(volume))
    : secretDirectory(directory, secret);
}

/** Where the files of a Secret are in the directory of a dry run. */
export function secretDirectory(directory: string, secretName: unknown): string {
  return path.join(directory, 'secrets', String(secretName));
}

/** A container's environment as the kubelet makes it. */
function resolveEnvironment(
  objects: readonly KubeObject[],
  { object, container }: Workload,
  podFields: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const source of listAt(container, 'envFrom')) {
    Object.assign(environment, configMapData(objects, source));
  }
  for (const { name, value, valueFrom } of listAt(container, 'env')) {
    const field = at(valueFrom, 'fieldRef', 'fieldPath');
    const found = typeof value === 'string' ? expand(value, environment) : podFields[String(field)];
    if (found === undefined) {
      throw new Error(`${describeObject(object)}: cannot resolve ${String(name)}`);
    }
    environment[String(name)] = found;
  }
  return environment;
}

/** `$(NAME)` of what was set before; what was not stays as it is, as the kubelet leaves it. */
function expand(value: string, environment: Readonly<Record<string, string>>): string {
  return value.replace(/\$\((\w+)\)/g, (whole, name: string) => environment[name] ?? whole);
}

/** A pod has a network and directories of its own. Here it has addresses of its own and some of this machine's directories. */
function translate(
  value: string,
  { ip, loopbackIp, mounts }: Pick<PodPlan, 'ip' | 'loopbackIp' | 'mounts'>,
): string {
  for (const [mountPath, directory] of mounts) {
    if (value === mountPath || value.startsWith(`${mountPath}/`)) {
      return directory + value.slice(mountPath.length);
    }
  }
  return value.replace(/^0\.0\.0\.0:/, `${ip}:`).replace(/^127\.0\.0\.1:/, `${loopbackIp}:`);
}

/** A pod as far as names lead to it. */
export interface NamedPod {
  readonly plan: Pick<PodPlan, 'name' | 'workload' | 'namespace' | 'ip'>;
  readonly isReady: boolean;
}

/** What the cluster's DNS answers: addresses by name, in the short and the long forms. */
export function clusterNames(
  objects: readonly KubeObject[],
  pods: readonly NamedPod[],
): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const { kind, metadata, spec } of objects) {
    if (kind !== 'Service') continue;
    const selector = Object.entries(textFields(at(spec, 'selector')));
    const found = pods
      .filter(({ plan }) => selector.every(([key, value]) => plan.workload.labels[key] === value))
      .filter(({ isReady }) => isReady || fields(spec)['publishNotReadyAddresses'] === true);
    const add = (name: string, addresses: string[]): void => {
      const long = `${name}.${metadata.namespace ?? 'default'}`;
      for (const one of [name, long, `${long}.svc`, `${long}.svc.cluster.local`]) {
        names[one] = addresses;
      }
    };
    add(
      metadata.name,
      found.map(({ plan }) => plan.ip),
    );
    for (const { plan } of found) {
      const isGoverning = at(plan.workload.object, 'spec', 'serviceName') === metadata.name;
      if (isGoverning) add(`${plan.name}.${metadata.name}`, [plan.ip]);
    }
  }
  return names;
}
