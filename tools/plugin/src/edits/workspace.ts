import { readJson, type Tree, updateJson } from '@nx/devkit';

interface Reference {
  readonly path: string;
}

interface Lockfile {
  packages: Record<string, object>;
}

/** Whether the workspace has `@raftway/<name>`, in whatever folder. */
export function hasProject(tree: Tree, name: string): boolean {
  return `node_modules/@raftway/${name}` in readJson<Lockfile>(tree, 'package-lock.json').packages;
}

/**
 * Makes a project known: to the compiler in the root's `tsconfig.json`, and to npm in `package-lock.json`, as `npm install` would write it.
 * A package of the workspace needs no registry, so that this works offline, and shows in a dry run.
 */
export function addProject(tree: Tree, directory: string): void {
  updateJson<{ references: Reference[] }>(tree, 'tsconfig.json', (root) => ({
    ...root,
    references: [...root.references, { path: `./${directory}` }],
  }));
  const { name, version, license, dependencies, devDependencies } = readJson<
    Record<string, unknown>
  >(tree, `${directory}/package.json`);
  updateJson<Lockfile>(tree, 'package-lock.json', (lock) => {
    const packages = {
      ...lock.packages,
      [directory]: { name, version, license, dependencies, devDependencies },
      [`node_modules/${String(name)}`]: { resolved: directory, link: true },
    };
    const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
    return { ...lock, packages: Object.fromEntries(sorted) };
  });
}
