// Installs node_modules when it is missing or does not match package-lock.json.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../lib.mjs';
import { withLock } from './lock.mjs';
import { ASIDE, run, runtimePackage } from './runtime.mjs';

const MARKER = path.join(root, 'node_modules/.raftway-install');
const LOCK = path.join(root, '.raftway/install.lock');

/** Returns when node_modules holds what package-lock.json says; one process installs, others wait. */
export async function install(env) {
  if (isCurrent()) return;
  await withLock(LOCK, () => installLocked(env), {
    onWait: (pid) => say(`another process (${pid}) is installing, waiting for it`),
  });
}

async function installLocked(env) {
  if (isCurrent()) return;
  if (matchesByHand()) return mark();
  const began = Date.now();
  say('installing dependencies with npm ci (a minute or two, once)');
  const [command, ...args] = npm(env);
  const code = await run(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ASIDE,
    env: { ...env, PATH: [path.dirname(process.execPath), env.PATH].join(path.delimiter) },
  });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
  mark();
  say(`installed in ${Math.round((Date.now() - began) / 1000)} s`);
}

function say(text) {
  console.error(`raftway: ${text}`);
}

function mark() {
  mkdirSync(path.dirname(MARKER), { recursive: true });
  writeFileSync(MARKER, lockfileHash());
}

function isCurrent() {
  return existsSync(MARKER) && readFileSync(MARKER, 'utf8') === lockfileHash();
}

function lockfileHash() {
  const platform = `${process.platform}-${process.arch}\n`;
  return createHash('sha256')
    .update(platform)
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
}

/** Whether somebody's own `npm install` left just what package-lock.json asks for. */
function matchesByHand() {
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const have = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const want = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const needed = path.posix.join('node_modules', runtimePackage() ?? '');
  return Object.entries(want).every(([location, entry]) => {
    if (!location.includes('node_modules/')) return true;
    if (entry.link) return pointsTo(path.join(root, location), path.join(root, entry.resolved));
    const found = have[location];
    if (found === undefined) return entry.optional === true && location !== needed;
    return (
      existsSync(path.join(root, location)) &&
      found.version === entry.version &&
      found.integrity === entry.integrity
    );
  });
}

/** Whether a link leads to a package of the workspace. The generators make it, so that a new one needs no install. */
function pointsTo(link, directory) {
  return existsSync(link) && realpathSync(link) === realpathSync(directory);
}

/** The command that starts npm: the one that started us, else the one beside this Node, else PATH's. */
function npm(env) {
  const beside = path.dirname(realpathSync(process.execPath));
  const script = [
    env.npm_execpath,
    path.join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    path.join(beside, '../share/nodejs/npm/bin/npm-cli.js'),
  ].find((file) => file && /npm-cli\.js$/.test(file) && existsSync(file));
  return script ? [process.execPath, script] : ['npm'];
}
