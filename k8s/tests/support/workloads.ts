import path from 'node:path';
import { readAppList } from '@raftway/config';
import { at, isRecord, type KubeObject, listAt } from '../render/kube-object';

const apps = readAppList(path.resolve(__dirname, '..', '..', '..'));

/** Apps of ours; everything else in the manifests is somebody else's image. */
export const APPS: readonly string[] = [...apps.keys()];

/** The apps whose pods are members of a Raft group. */
export const RAFT_APPS = APPS.filter((app) => apps.get(app)?.peerPort !== undefined);

/** One of {@link APPS}. */
export type AppName = string;

/** A map of the manifest. */
export type Fields = Record<string, unknown>;

/** A StatefulSet or a Deployment, with what rules ask for. */
export interface Workload {
  readonly object: KubeObject;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: Fields;
  /** The one container that every pod of ours has. */
  readonly container: Fields;
  /** Pods at least. */
  readonly replicas: number;
  /** Container ports by name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly isStateful: boolean;
  /** Undefined for what is not ours. */
  readonly app: AppName | undefined;
}

/** The workloads of a rendering. @throws Error for a pod that has not exactly one container: no rule would look at the others. */
export function workloads(objects: readonly KubeObject[]): Workload[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((object) => {
      const pod = fields(at(object, 'spec', 'template', 'spec'));
      const [container, ...others] = listAt(pod, 'containers');
      const { name } = object.metadata;
      if (container === undefined || others.length > 0 || pod['initContainers'] !== undefined) {
        throw new Error(`${name} has not exactly one container`);
      }
      return {
        object,
        name,
        labels: textFields(at(object, 'spec', 'template', 'metadata', 'labels')),
        pod,
        container,
        replicas: Number(at(object, 'spec', 'replicas') ?? scaledFrom(objects, name)),
        ports: new Map(
          listAt(container, 'ports').map((port) => [
            String(port['name']),
            Number(port['containerPort']),
          ]),
        ),
        isStateful: object.kind === 'StatefulSet',
        app: APPS.find((app) => app === name),
      };
    });
}

/** The workload with a name. @throws Error when there is none. */
export function workloadNamed(objects: readonly KubeObject[], name: string): Workload {
  const found = workloads(objects).find((workload) => workload.name === name);
  if (found === undefined) throw new Error(`there is no workload ${name}`);
  return found;
}

/** The environment that a container gets, before `$(NAME)` and fields are resolved; undefined stands for a field of the pod. */
export function environment(
  objects: readonly KubeObject[],
  { container }: Workload,
): Map<string, string | undefined> {
  const variables = new Map<string, string | undefined>();
  for (const source of listAt(container, 'envFrom')) {
    for (const [key, value] of Object.entries(configMapData(objects, source))) {
      variables.set(key, value);
    }
  }
  for (const { name, value, valueFrom } of listAt(container, 'env')) {
    // What may be absent is.
    if (at(valueFrom, 'secretKeyRef', 'optional') === true) continue;
    variables.set(String(name), typeof value === 'string' ? value : undefined);
  }
  return variables;
}

/** The data of the ConfigMap that an `envFrom` names; empty when there is none, for which there is a rule. */
export function configMapData(
  objects: readonly KubeObject[],
  source: unknown,
): Record<string, string> {
  const name = at(source, 'configMapRef', 'name');
  const found = objects.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name,
  );
  return textFields(found?.['data']);
}

/** Whether labels satisfy a label selector. An absent selector selects nothing, an empty one everything. */
export function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  if (!isRecord(selector)) return false;
  const matches = Object.entries(textFields(selector['matchLabels'])).every(
    ([key, value]) => labels[key] === value,
  );
  return (
    matches &&
    listAt(selector, 'matchExpressions').every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`the operator ${String(operator)} is not supported`);
      return (values as string[]).includes(labels[String(key)] ?? '');
    })
  );
}

/** A map that must be there. */
export function fields(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

/** A map of texts; empty for anything else. */
export function textFields(value: unknown): Record<string, string> {
  return fields(value) as Record<string, string>;
}

function scaledFrom(objects: readonly KubeObject[], name: string): unknown {
  const scaler = objects.find(
    (object) =>
      object.kind === 'HorizontalPodAutoscaler' &&
      at(object, 'spec', 'scaleTargetRef', 'name') === name,
  );
  return at(scaler, 'spec', 'minReplicas') ?? 1;
}
