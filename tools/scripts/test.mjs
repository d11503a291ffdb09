// Runs every project's tests through Nx and sums their counts.
//
// The last line is exactly `N passed, N failed`. Each project's Jest run leaves its numbers in
// test-results/counts.json, which Nx restores from its cache when nothing changed.
// What failed is repeated before it: in a long log nobody should have to look for it.
// The exit code is 0 only when Nx succeeded, nothing failed, and at least one test passed.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { run } from './bootstrap/runtime.mjs';
import { root } from './lib.mjs';

const FOLDERS = ['apps', 'libs', 'tools'];
/** Projects at the top level. */
const TOP = ['docker', 'k8s'];
const FAILURE_CHARACTERS_MAX = 4000;

const projects = [
  ...TOP,
  ...FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder)).map((name) => path.join(folder, name)),
  ),
].filter((directory) => existsSync(path.join(root, directory, 'jest.config.cjs')));

const counts = (directory) => path.join(root, directory, 'test-results/counts.json');
for (const directory of projects) rmSync(counts(directory), { force: true });

const status = await run(
  path.join(root, 'node_modules/.bin/nx'),
  ['run-many', '-t', 'test', '--parallel=2', '--outputStyle=static', ...process.argv.slice(2)],
  { env: process.env },
);

const total = { passed: 0, failed: 0, skipped: 0 };
for (const directory of projects) {
  if (!existsSync(counts(directory))) continue;
  const one = JSON.parse(readFileSync(counts(directory), 'utf8'));
  for (const key of Object.keys(total)) total[key] += one[key];
  for (const failure of one.failures) {
    console.log(
      `\nFailed in ${directory}: ${stripVTControlCharacters(failure).slice(0, FAILURE_CHARACTERS_MAX)}`,
    );
  }
}
// A run that ended without counts (a crash, a failed build) is a failure as well.
if (status !== 0 && total.failed === 0) total.failed = 1;

if (total.skipped > 0) console.log(`${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed} failed`);
