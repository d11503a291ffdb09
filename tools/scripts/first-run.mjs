// What a stranger does: clones the repository, runs the README's first command with nothing but Node and npm, makes the README's calls, and
// presses Ctrl-C. Uses only what is committed.
//
//   node tools/scripts/first-run.mjs
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './lib.mjs';

const READY = /The suite is ready at (\S+)\./;
const START_TIMEOUT_MS = 15 * 60_000;
const STOP_TIMEOUT_MS = 60_000;

const scratch = mkdtempSync(path.join(tmpdir(), 'raftway-first-run-'));
const clone = path.join(scratch, 'clone');
const home = path.join(scratch, 'home');
mkdirSync(home);
try {
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  await visit();
  console.log('first run: the clone starts, answers the README’s calls and stops');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function visit() {
  // A process group of its own, so that the interrupt below reaches what a terminal's Ctrl-C reaches.
  const suite = spawn('npm', ['start'], {
    cwd: clone,
    env: bareEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise((resolve) => suite.once('close', (code) => resolve(code)));
  let output = '';
  const keep = (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  };
  suite.stdout.on('data', keep);
  suite.stderr.on('data', keep);
  try {
    await until(() => READY.test(output) || suite.exitCode !== null, START_TIMEOUT_MS, 'ready');
    if (suite.exitCode !== null) throw new Error(`npm start ended with ${suite.exitCode}`);
    for (const line of readmeCalls()) call(line);
    process.kill(-suite.pid, 'SIGINT');
    await until(
      () => suite.exitCode !== null || suite.signalCode !== null,
      STOP_TIMEOUT_MS,
      'over',
    );
    if (!/Stopping: /.test(output)) throw new Error('npm start did not say that it stops');
  } finally {
    if (suite.exitCode === null && suite.signalCode === null) process.kill(-suite.pid, 'SIGKILL');
    await ended;
  }
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

function readmeCalls() {
  const lines = readFileSync(path.join(clone, 'README.md'), 'utf8').split('\n');
  const calls = lines.filter((line) => line.startsWith('npx buf curl '));
  if (calls.length !== 4) throw new Error(`the README has ${calls.length} calls, not 4`);
  return calls;
}

function call(line) {
  console.log(`$ ${line}`);
  const env = { ...process.env, BUF_CACHE_DIR: home };
  execFileSync('sh', ['-c', line], { cwd: clone, env, stdio: 'inherit', timeout: 60_000 });
}

async function until(condition, timeoutMs, what) {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not ${what} within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
