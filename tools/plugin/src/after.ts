import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { GeneratorCallback } from '@nx/devkit';

/** Links a new package into `node_modules`, as npm would. Not part of the tree: Nx writes no links. */
export function linkPackage(root: string, name: string, directory: string): GeneratorCallback {
  return () => {
    const link = join(root, 'node_modules', '@raftway', name);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(root, directory)), link);
  };
}

/** Writes `libs/contracts` from the protos. */
export function generateContracts(root: string): GeneratorCallback {
  return () => {
    const script = join(root, 'tools', 'scripts', 'generate.mjs');
    const { status } = spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error('the contracts could not be generated: npm run generate');
  };
}
