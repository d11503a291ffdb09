// What a stranger does, in a fresh clone with nothing but Node and npm: runs the README's first command, makes the README's calls, presses
// Ctrl-C; then follows docs/guides/add-a-service.md, whose commands generate a service, a method and a library, checks them as the gate
// would, starts the suite again and makes the guide's calls. Uses only what is committed.
//
//   node tools/scripts/first-run.mjs
//   node tools/scripts/first-run.mjs --gate     the guide only, and then the whole gate over what was generated
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './lib.mjs';

const READY = /The suite is ready at (\S+)\./;
const START_TIMEOUT_MS = 15 * 60_000;
const STOP_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 60_000;
const GUIDE = 'docs/guides/add-a-service.md';
const GATE = process.argv.includes('--gate');

const scratch = mkdtempSync(path.join(tmpdir(), 'raftway-first-run-'));
const clone = path.join(scratch, 'clone');
const home = path.join(scratch, 'home');
mkdirSync(home);
try {
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  const env = bareEnvironment();
  if (!GATE) {
    const calls = commands('README.md', 'npx buf curl ');
    if (calls.length !== 4) throw new Error(`the README has ${calls.length} calls, not 4`);
    await whileStarted(env, () => calls.forEach((line) => call(line)));
    console.log('first run: the clone starts, answers the README’s calls and stops');
  }
  await followGuide(env);
  console.log('first run: the guide’s service is generated, passes its checks and answers');
  if (GATE) npm(process.env, 'run', 'all');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Generates what the guide generates, checks it, and calls it. */
async function followGuide(env) {
  const generated = commands(GUIDE, 'npm run add -- ');
  const calls = commands(GUIDE, 'npx buf curl ');
  const looks = commands(GUIDE, 'npm run raftway -- ');
  if (generated.length < 4 || calls.length < 2 || looks.length < 1) {
    throw new Error(`${GUIDE} has fewer commands than it had: is it still followed?`);
  }
  for (const line of generated) run(env, line);
  if (!GATE) check(env);
  await whileStarted(env, () => {
    for (const line of calls) call(line);
    for (const line of looks) run(env, line);
  });
}

/** The part of the gate that a new service can break; `--gate` runs all of it. */
function check(env) {
  const inClone = (...words) => run(env, `node tools/scripts/bootstrap.mjs ${words.join(' ')}`);
  inClone('exec -- prettier --check --log-level=warn .');
  inClone('exec -- nx sync:check');
  inClone('check-generated');
  const lock = readFileSync(path.join(clone, 'package-lock.json'), 'utf8');
  npm(env, 'install', '--package-lock-only', '--ignore-scripts');
  if (readFileSync(path.join(clone, 'package-lock.json'), 'utf8') !== lock) {
    throw new Error('package-lock.json is not what npm makes of the generated packages');
  }
  const many = 'exec -- nx run-many --outputStyle=static --parallel=2';
  inClone(many, '-t lint typecheck build test -p orders pricing');
  inClone(many, '-t lint -p protos contracts k8s docker e2e');
  // Whatever the manifests and the compose files need of an app; they start nothing.
  inClone('exec -- jest --rootDir k8s --config k8s/jest.config.cjs policy schema');
  inClone('exec -- jest --rootDir docker --config docker/jest.config.cjs compose');
}

/** `npm start`, then `work`, then Ctrl-C. */
async function whileStarted(env, work) {
  // A process group of its own, so that the interrupt below reaches what a terminal's Ctrl-C reaches.
  const suite = spawn('npm', ['start'], {
    cwd: clone,
    env,
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
    work();
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

/** The lines of a document that begin so: its commands, as they are pasted. */
function commands(document, beginning) {
  const lines = readFileSync(path.join(clone, document), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(beginning));
}

function npm(env, ...args) {
  run(env, ['npm', ...args].join(' '));
}

function run(env, line) {
  console.log(`$ ${line}`);
  execFileSync('sh', ['-c', line], { cwd: clone, env, stdio: 'inherit' });
}

/** A client that is not ours; it keeps its cache in the empty HOME. */
function call(line) {
  console.log(`$ ${line}`);
  const env = { ...process.env, BUF_CACHE_DIR: home };
  execFileSync('sh', ['-c', line], {
    cwd: clone,
    env,
    stdio: 'inherit',
    timeout: CALL_TIMEOUT_MS,
  });
}

async function until(condition, timeoutMs, what) {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not ${what} within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
