// What a stranger does: clones the repository, runs the README's first command with nothing but Node and npm, and then every other command of the
// README and of the guide for the first five minutes, which have to show what the pages say; presses Ctrl-C; starts once more. Uses only what is
// committed.
//
//   node tools/scripts/first-run.mjs
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { proportionalBytes } from './first-run/memory.mjs';
import { commandBlocks, isShownIn } from './first-run/pages.mjs';
import { withSuite } from './first-run/suite.mjs';
import { root } from './lib.mjs';

const PAGES = ['README.md', 'docs/guides/first-five-minutes.md'];
const COLD_START_MAX_MS = 180_000;
const MEMORY_MAX_BYTES = 1.2e9;
const BLOCK_TIMEOUT_MS = 180_000;
/** Whether the machine has other work to do: then times say nothing about the suite, and are told, not judged. */
const isBusy = loadavg()[0] > 2 * availableParallelism();

const scratch = mkdtempSync(path.join(tmpdir(), 'raftway-first-run-'));
const clone = path.join(scratch, 'clone');
const home = path.join(scratch, 'home');
mkdirSync(home);
try {
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  const env = bareEnvironment();
  await withSuite(clone, env, visit);
  // The second start, with everything installed and built, and with state.
  await withSuite(clone, env, (_suite, startMs) => {
    report('warm start, from everything built to ready', startMs);
  });
  console.log(
    'first run: the clone starts, shows what README and guide say, stops and starts again',
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function visit(suite, startMs) {
  report('cold start, from nothing installed to ready', startMs);
  if (startMs > COLD_START_MAX_MS && !isBusy) {
    throw new Error(`the first npm start took more than ${COLD_START_MAX_MS / 1000} s`);
  }
  for (const page of PAGES) {
    const blocks = commandBlocks(readFileSync(path.join(clone, page), 'utf8'));
    if (!blocks.some(({ shown }) => shown !== undefined)) throw new Error(`${page} shows nothing`);
    for (const block of blocks) follow(page, block, suite.output);
  }
  checkMemory(suite.pid);
}

function report(what, milliseconds) {
  const load = loadavg()[0].toFixed(1);
  console.log(`first run: ${what}: ${(milliseconds / 1000).toFixed(1)} s (load ${load})`);
}

function checkMemory(pid) {
  const bytes = proportionalBytes(pid);
  if (bytes === undefined) return;
  console.log(
    `first run: the suite keeps ${(bytes / 1e6).toFixed(0)} MB of memory, shared pages counted once`,
  );
  if (bytes > MEMORY_MAX_BYTES) throw new Error(`that is more than ${MEMORY_MAX_BYTES / 1e6} MB`);
}

/** Runs one block of a page. */
function follow(page, { line, commands, exit, shown }, suiteOutput) {
  const where = `${page}:${line}`;
  const isStart = commands.trim() === 'npm start';
  // The gate runs the tests by themselves; what grpcurl does is done with buf curl, too, by the block behind.
  if (commands.trim() === 'npm test') return;
  if (commands.startsWith('grpcurl ') && !isThere('grpcurl')) return;
  const output = isStart ? suiteOutput : run(where, commands, exit);
  if (shown !== undefined && !isShownIn(shown, output)) {
    throw new Error(`${where} shows\n\n${shown}\nand the output was\n\n${output}`);
  }
}

function run(where, commands, exit) {
  console.log(`\n${where}\n$ ${commands.trimEnd().replaceAll('\n', '\n$ ')}`);
  const env = { ...process.env, BUF_CACHE_DIR: home };
  const { status, stdout } = spawnSync('sh', ['-e', '-c', commands], {
    ...{ cwd: clone, env, encoding: 'utf8', timeout: BLOCK_TIMEOUT_MS },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(stdout);
  if (status !== exit) throw new Error(`${where} ended with ${status}, not with ${exit}`);
  return stdout;
}

function isThere(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/** Node and npm on the PATH, with the shell that npm itself needs; an empty HOME; nothing else. */
function bareEnvironment() {
  const bin = path.join(scratch, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, path.join(bin, 'node'));
  symlinkSync(which('npm'), path.join(bin, 'npm'));
  symlinkSync(which('sh'), path.join(bin, 'sh'));
  const env = { PATH: bin, HOME: home };
  // Where the machine's npm needs to be told of a certificate or a registry, that is part of having npm.
  for (const name of ['NODE_EXTRA_CA_CERTS', 'npm_config_registry', 'npm_config_cafile']) {
    if (process.env[name] !== undefined) env[name] = process.env[name];
  }
  return env;
}

function which(name) {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
}
