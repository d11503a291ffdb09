import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { type KubeObject } from '../render/kube-object';
import { render } from '../render/render';

/** The k8s/ folder. */
export const K8S = path.resolve(__dirname, '..', '..');

export const OVERLAYS = ['local', 'staging', 'production'] as const;

const COMPONENTS = ['network-policies', 'monitoring', 'hpa', 'redis', 'mtls', 'documents'];

/** Every set of components. The policies of Redis are there exactly where they are needed. */
export function componentSets(): string[][] {
  return Array.from({ length: 2 ** COMPONENTS.length }, (_, bits) => {
    const set = COMPONENTS.filter((_name, index) => (bits >> index) % 2 === 1);
    const needsBoth = set.includes('redis') && set.includes('network-policies');
    return needsBoth ? [...set, 'redis-network-policies'] : set;
  });
}

/** One rendering of the manifests, and what it is called. */
export interface Rendering {
  readonly name: string;
  readonly objects: readonly KubeObject[];
}

/** Every overlay, and the base with every set of components. */
export function allRenderings(): Rendering[] {
  const overlays = OVERLAYS.map((name) => ({
    name: `overlays/${name}`,
    objects: render(path.join(K8S, 'overlays', name)),
  }));
  const sets = componentSets().map((set) => ({
    name: `base with ${set.join(', ') || 'no component'}`,
    objects: withComponents(set, render),
  }));
  return [...overlays, ...sets];
}

/** Calls `use` with the directory of a kustomization that puts components on the base. */
export function withComponents<T>(components: readonly string[], use: (directory: string) => T): T {
  return withOverlay('base', { components: components.map((name) => `components/${name}`) }, use);
}

/** Calls `use` with the directory of an overlay: fields on top of a directory of k8s/, in which paths are relative to k8s/. */
export function withOverlay<T>(
  on: string,
  { components = [], ...fields }: { components?: readonly string[]; [field: string]: unknown },
  use: (directory: string) => T,
): T {
  const parent = mkdtempSync(path.join(tmpdir(), 'raftway-k8s-'));
  try {
    const directory = path.join(parent, 'overlay');
    mkdirSync(directory);
    const fromHere = (name: string): string => path.relative(directory, path.join(K8S, name));
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [fromHere(on)],
      components: components.map(fromHere),
      ...fields,
    };
    writeFileSync(path.join(directory, 'kustomization.yaml'), stringify(kustomization));
    return use(directory);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
