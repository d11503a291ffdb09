import path from 'node:path';
import { describeObject, type KubeObject, listAt, at } from '../render/kube-object';
import { configMapData, type Workload } from '../support/workloads';

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
}

/** Addresses that pods may have, and those above are their loopback addresses. */
export const POD_NUMBER_MAX = 99;
const LOOPBACK_DISTANCE = 100;

/** The names of a workload's first pods. */
export function podNames(workload: Workload): string[] {
  return Array.from({ length: workload.replicas }, (_, ordinal) => podName(workload, ordinal));
}

/** @param number the ordinal, or for a Deployment, whose pods have random names, one that no other pod of it had. */
export function podName({ name, isStateful }: Workload, number: number): string {
  return isStateful ? `${name}-${number}` : `${name}-7d9c5b8f6c-x${number}`;
}

/**
 * One pod.
 *
 * @param number of its addresses, 1 to 99.
 * @throws Error for a field that the runner does not know.
 */
export function planPod(
  objects: readonly KubeObject[],
  workload: Workload,
  name: string,
  number: number,
  { network, directory }: PlanRoom,
): PodPlan {
  if (workload.container['lifecycle'] !== undefined) {
    throw new Error(`${name} has a lifecycle hook, which is not run here`);
  }
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
    // A dry run has only the Secrets that are mounted.
    if (at(valueFrom, 'secretKeyRef', 'optional') === true) continue;
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
