// What the scripts in this folder share. Only node:* imports: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace root. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The apps of the workspace, in the order in which they are started, by name: `apps/apps.json`. */
export function readApps() {
  return JSON.parse(readFileSync(path.join(root, 'apps/apps.json'), 'utf8'));
}

/** What a built file of the workspace exports, by its path from the root. */
export function loadBuilt(file) {
  return createRequire(import.meta.url)(path.join(root, file));
}

/** Runs buf from node_modules in the workspace root; returns `{ status, stdout }`. */
export function buf(args, options = {}) {
  const result = spawnSync(path.join(root, 'node_modules/.bin/buf'), args, {
    cwd: root,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (result.error) throw result.error;
  return result;
}

/** PATH without the workspace's own folders: the machine's npm must run on the machine's Node, which may be a distribution's pair. */
export function pathOutside() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.filter((folder) => !folder.startsWith(root + path.sep)).join(path.delimiter);
}

/** Every file below `directory` as a sorted relative path, except those under `skip` folder names. */
export function filesBelow(directory, skip = ['node_modules', 'dist', 'test-results']) {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name];
      if (skip.includes(entry.name)) return [];
      return filesBelow(path.join(directory, entry.name), skip).map((file) =>
        path.join(entry.name, file),
      );
    })
    .sort();
}
