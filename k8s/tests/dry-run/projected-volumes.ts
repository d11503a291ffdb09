import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { at, listAt } from '../render/kube-object';
import type { ApiServer } from './api-server';
import type { PodPlan } from './pod-plan';

/** What is projected, by the fields of a source. */
const KINDS = ['serviceAccountToken', 'configMap', 'downwardAPI'];

/** Writes what the kubelet projects into a pod's volumes: tokens, the cluster's CA, fields of the pod. @throws Error for anything else. */
export function writeProjectedVolumes(
  { workload, namespace, mounts }: PodPlan,
  api: ApiServer,
): void {
  for (const volume of listAt(workload.pod, 'volumes')) {
    const sources = listAt(volume, 'projected', 'sources');
    const mount = listAt(workload.container, 'volumeMounts').find(
      ({ name }) => name === volume['name'],
    );
    const directory = mounts.get(String(mount?.['mountPath']));
    if (sources.length === 0 || directory === undefined) continue;
    mkdirSync(directory, { recursive: true });
    const write = (file: unknown, text: string): void =>
      writeFileSync(path.join(directory, String(file)), text);
    for (const source of sources) {
      const unknown = Object.keys(source).find((kind) => !KINDS.includes(kind));
      if (unknown !== undefined) throw new Error(`cannot project ${unknown}`);
      const token = at(source, 'serviceAccountToken', 'path');
      const account = String(workload.pod['serviceAccountName']);
      if (token !== undefined) write(token, api.tokenOf(namespace, account));
      for (const item of listAt(source, 'configMap', 'items')) {
        const name = at(source, 'configMap', 'name');
        if (name !== 'kube-root-ca.crt') throw new Error(`cannot project ${String(name)}`);
        write(item['path'], api.caPem);
      }
      for (const item of listAt(source, 'downwardAPI', 'items')) {
        const field = at(item, 'fieldRef', 'fieldPath');
        if (field !== 'metadata.namespace') throw new Error(`cannot project ${String(field)}`);
        write(item['path'], namespace);
      }
    }
  }
}
