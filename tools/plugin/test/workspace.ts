import { type Tree } from '@nx/devkit';
import { createTree } from '@nx/devkit/testing';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..', '..');
/** What the generators look at or extend; the rest of the workspace does not matter to them. */
const PARTS = [
  ...[
    '.prettierrc.json',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'ARCHITECTURE.md',
    'README.md',
  ],
  ...['apps/apps.json', 'apps/e2e/calls.json', 'apps/greeter', 'protos', 'libs/ids'],
  ...['libs/contracts/src/index.ts', 'docker/compose.yaml', 'docker/compose.observability.yaml'],
  ...['docker/observability/prometheus.yaml', 'k8s/base', 'k8s/components', 'k8s/overlays'],
];
const SKIPPED = ['node_modules', 'dist', 'out-tsc', 'test-results'];

/** This workspace in memory. */
export function workspaceTree(): Tree {
  const tree = createTree();
  for (const file of PARTS.flatMap(filesOf)) tree.write(file, readFileSync(join(ROOT, file)));
  return tree;
}

function filesOf(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return readdirSync(join(ROOT, path))
    .filter((name) => !SKIPPED.includes(name))
    .flatMap((name) => filesOf(`${path}/${name}`));
}

/** The text of every file. */
export function textsOf(tree: Tree): Map<string, string> {
  return new Map(tree.listChanges().map(({ path, content }) => [path, String(content)]));
}

/** Paths that were added, and paths whose text is another one. */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): { readonly added: string[]; readonly changed: string[] } {
  const paths = [...after.keys()];
  return {
    added: paths.filter((path) => !before.has(path)).sort(),
    changed: paths
      .filter((path) => before.has(path) && before.get(path) !== after.get(path))
      .sort(),
  };
}
