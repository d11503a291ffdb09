import type { Kustomization } from './kustomization';
import { at, isRecord, type KubeObject, listAt } from './kube-object';

/** Puts all objects into a namespace, and calls the Namespace object by its name. Bindings name the namespace of accounts that are among the objects. */
export function setNamespace(objects: readonly KubeObject[], namespace: string): void {
  for (const { kind, metadata } of objects) {
    if (kind === 'Namespace') metadata.name = namespace;
    else metadata.namespace = namespace;
  }
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
  for (const binding of objects.filter(({ kind }) => kind === 'RoleBinding')) {
    for (const subject of listAt(binding, 'subjects')) {
      const isOurs = accounts.some(({ metadata }) => metadata.name === subject['name']);
      if (subject['kind'] === 'ServiceAccount' && isOurs) subject['namespace'] = namespace;
    }
  }
}

/** Adds labels; to templates also where kustomize does, which includes claims of volumes. */
export function addLabels(
  objects: readonly KubeObject[],
  { pairs, includeTemplates }: Kustomization['labels'][number],
): void {
  for (const object of objects) {
    const owners = includeTemplates ? [object, ...templates(object)] : [object];
    for (const owner of owners) {
      const metadata = (owner['metadata'] ??= {}) as Record<string, unknown>;
      metadata['labels'] = { ...(metadata['labels'] as object | undefined), ...pairs };
    }
  }
}

function templates(object: KubeObject): Record<string, unknown>[] {
  const template = at(object, 'spec', 'template');
  return [
    ...(isRecord(template) ? [template] : []),
    ...listAt(object, 'spec', 'volumeClaimTemplates'),
  ];
}

/** Sets how many pods a workload has. @throws Error when there is no such workload. */
export function setReplicas(
  objects: readonly KubeObject[],
  { name, count }: Kustomization['replicas'][number],
): void {
  const workloads = objects.filter(
    ({ kind, metadata }) => ['Deployment', 'StatefulSet'].includes(kind) && metadata.name === name,
  );
  if (workloads.length === 0) throw new Error(`there is no workload ${name} to set replicas of`);
  for (const workload of workloads) (workload['spec'] as { replicas: number }).replicas = count;
}

/** Changes an image's name or tag wherever it is used. */
export function setImage(
  objects: readonly KubeObject[],
  { name, newName, newTag }: Kustomization['images'][number],
): void {
  for (const object of objects) {
    const pod = at(object, 'spec', 'template', 'spec');
    for (const container of [...listAt(pod, 'containers'), ...listAt(pod, 'initContainers')]) {
      const [, repository, tag] = /^(.+?)(?::([\w.-]+))?$/.exec(String(container['image'])) ?? [];
      if (repository !== name) continue;
      const chosen = newTag ?? tag;
      container['image'] = `${newName ?? repository}${chosen === undefined ? '' : `:${chosen}`}`;
    }
  }
}
