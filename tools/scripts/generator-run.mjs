// A stranger's own service: in a fresh clone, runs the commands of docs/guides/add-a-service.md that generate a service, methods and a library,
// checks them as the gate would, starts the suite and makes the guide's calls. Uses only what is committed.
//
//   node tools/scripts/generator-run.mjs
//   node tools/scripts/generator-run.mjs --gate     instead of its own checks the whole gate, at the end
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withSuite } from './first-run/suite.mjs';
import { pathOutside, root } from './lib.mjs';

const GUIDE = 'docs/guides/add-a-service.md';
const isGate = process.argv.includes('--gate');

const scratch = mkdtempSync(path.join(tmpdir(), 'raftway-generator-run-'));
const clone = path.join(scratch, 'clone');
const env = { ...process.env, PATH: pathOutside(), BUF_CACHE_DIR: path.join(scratch, 'buf') };
// Where npm was started: with it, what the clone's scripts execute would be executed here.
delete env.INIT_CWD;
try {
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  await followGuide();
  if (isGate) run('npm run all');
  console.log('generator run: the guide’s service is generated, passes its checks and answers');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function followGuide() {
  const generated = [...commands('npm run add -- '), ...commands('npm run generate')];
  const calls = [...commands('npx buf curl '), ...commands('npm run raftway -- ')];
  if (generated.length < 5 || calls.length < 3) {
    throw new Error(`${GUIDE} has fewer commands than it had: is it still followed?`);
  }
  for (const line of generated) run(line);
  if (!isGate) check();
  await withSuite(clone, env, () => {
    for (const line of calls) run(line);
  });
}

/** The part of the gate that a new service can break. */
function check() {
  const inClone = (...words) => run(`node tools/scripts/bootstrap.mjs ${words.join(' ')}`);
  inClone('exec -- prettier --check --log-level=warn .');
  inClone('exec -- nx sync:check');
  inClone('check-generated');
  const lock = path.join(clone, 'package-lock.json');
  const written = readFileSync(lock, 'utf8');
  run('npm install --package-lock-only --ignore-scripts');
  if (readFileSync(lock, 'utf8') !== written) {
    throw new Error('package-lock.json is not what npm makes of the generated packages');
  }
  const many = 'exec -- nx run-many --outputStyle=static --parallel=2';
  inClone(many, '-t lint typecheck build test -p orders pricing');
  inClone(many, '-t lint -p protos contracts k8s docker e2e');
  // What the manifests and the compose files need of an app; these specs start nothing.
  inClone('exec -- jest --config k8s/jest.config.cjs policy schema');
  inClone('exec -- jest --config docker/jest.config.cjs compose');
}

/** The lines of the guide that begin so, as they are pasted. */
function commands(beginning) {
  const lines = readFileSync(path.join(clone, GUIDE), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(beginning));
}

function run(line) {
  console.log(`$ ${line}`);
  execFileSync('sh', ['-c', line], { cwd: clone, env, stdio: 'inherit' });
}
