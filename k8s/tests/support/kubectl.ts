import { execFileSync, spawnSync } from 'node:child_process';
import { describeWith } from '@raftway/spec-needs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../render/kube-object';

const { stdout } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });

/** Describes what is compared with the real kustomize 5. Debian's kubectl has an older one, so that the gate may be without; fixtures hold what it gave. */
export const describeKustomize = describeWith({
  missing: /Kustomize Version: v5\./.test(stdout)
    ? undefined
    : 'no kubectl with kustomize 5 is installed',
  isInGate: false,
});

/** What the real kustomize makes of a directory. */
export function kustomize(directory: string): KubeObject[] {
  const text = execFileSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}
