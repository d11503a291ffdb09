import { createHash } from 'node:crypto';
import type { Kustomization } from './kustomization';
import { at, isRecord, type KubeObject, listAt } from './kube-object';

type Generator = Kustomization['configMapGenerator'][number];

/** ConfigMaps that kustomize generates: their names get a hash of their content, so that changed options roll the pods. */
export class GeneratedConfigMaps {
  private readonly generated = new Map<string, KubeObject>();

  /**
   * Makes a ConfigMap, or merges into one.
   *
   * @param read the text of a file that the generator names.
   * @returns the object when it is new.
   */
  generate(generator: Generator, read: (file: string) => string): KubeObject | undefined {
    const lines = [
      ...generator.envs.flatMap((file) => envLines(read(file))),
      ...generator.literals,
    ];
    const data = Object.fromEntries(lines.map(pair));
    const found = this.generated.get(generator.name);
    if (generator.behavior === 'merge') {
      if (found === undefined)
        throw new Error(`there is no ConfigMap ${generator.name} to merge into`);
      found['data'] = { ...(found['data'] as Record<string, string>), ...data };
      return undefined;
    }
    if (found !== undefined) throw new Error(`the ConfigMap ${generator.name} is there twice`);
    const created: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: generator.name },
      data,
    };
    this.generated.set(generator.name, created);
    return created;
  }

  /** Gives the ConfigMaps their last names, and everything that refers to them. */
  rename(objects: readonly KubeObject[]): void {
    const names = new Map<string, string>();
    for (const [name, configMap] of this.generated) {
      configMap.metadata.name = `${name}-${contentHash(configMap)}`;
      names.set(name, configMap.metadata.name);
    }
    for (const object of objects) {
      for (const reference of configMapReferences(object)) {
        const renamed = names.get(String(reference['name']));
        if (renamed !== undefined) reference['name'] = renamed;
      }
    }
  }
}

/** Every place of an object's pod template that names a ConfigMap. */
export function configMapReferences(object: KubeObject): Record<string, unknown>[] {
  const pod = at(object, 'spec', 'template', 'spec');
  const containers = [...listAt(pod, 'containers'), ...listAt(pod, 'initContainers')];
  return [
    ...containers.flatMap((container) =>
      listAt(container, 'envFrom').map((one) => one['configMapRef']),
    ),
    ...containers.flatMap((container) =>
      listAt(container, 'env').map((one) => at(one, 'valueFrom', 'configMapKeyRef')),
    ),
    ...listAt(pod, 'volumes').map((one) => one['configMap']),
  ].filter(isRecord);
}

/**
 * The hash that kustomize puts behind a ConfigMap's name: of its kind and data as Go writes them in JSON, in ten characters that spell no
 * words (`api/hasher/hasher.go`). The name is always empty in it, as it is looked for under a key that no object has.
 */
function contentHash(configMap: KubeObject): string {
  const data = Object.fromEntries(Object.entries(configMap['data'] as object).sort(byKey));
  const json = JSON.stringify({ data, kind: 'ConfigMap', name: '' });
  // Go escapes these three for HTML.
  const escaped = json.replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
  const hex = createHash('sha256').update(escaped).digest('hex').slice(0, 10);
  const spelled: Record<string, string> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };
  return [...hex].map((digit) => spelled[digit] ?? digit).join('');
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function envLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
}

function pair(line: string): [string, string] {
  const match = /^([A-Za-z_]\w*)=(.*)$/.exec(line);
  const [, key, value] = match ?? [];
  if (key === undefined || value === undefined) throw new Error(`${line} is not key=value`);
  // kustomize strips quotes from literals and keeps them in files, and the shell's reading would differ from both.
  if (/^["']|["'\s]$/.test(value)) throw new Error(`${key}: values are neither quoted nor padded`);
  return [key, value];
}
