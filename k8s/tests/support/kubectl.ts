import { execFileSync, spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../render/kube-object';

/** Whether a kubectl with kustomize 5 is installed: the tests that compare with it are skipped without. */
export function hasKustomize(): boolean {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  return status === 0 && /Kustomize Version: v5\./.test(stdout);
}

/** What the real kustomize makes of a directory. */
export function kustomize(directory: string): KubeObject[] {
  const text = execFileSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}
