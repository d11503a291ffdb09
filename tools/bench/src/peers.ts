import { execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { BenchError } from './bench-error';

const run = promisify(execFile);

/** Programs that suites need, and Debian's packages that have them. */
const PACKAGES = {
  etcd: 'etcd-server',
  nginx: 'nginx',
  haproxy: 'haproxy',
  'redis-server': 'redis-server',
  h2load: 'nghttp2-client',
} as const;

/** A program that is compared with, or that makes load. */
export type PeerProgram = keyof typeof PACKAGES;

const VERSION_FLAGS: Record<PeerProgram, string> = {
  etcd: '--version',
  nginx: '-v',
  haproxy: '-v',
  'redis-server': '--version',
  h2load: '--version',
};

/** Installs the programs that are missing, from Debian's packages. @throws BenchError with what to do when that is not possible. */
export async function installPeers(
  programs: readonly PeerProgram[],
  say: (text: string) => void,
): Promise<void> {
  addSystemFolders();
  const missing = programs.filter((program) => !isInstalled(program)).map((it) => PACKAGES[it]);
  if (missing.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${missing.join(' ')}`;
  if (!isInstalled('apt-get') || process.getuid?.() !== 0) {
    throw new BenchError(
      `missing: ${missing.join(', ')}. Install them with your system's package manager (Debian, as root: ${command})`,
    );
  }
  say(`installing ${missing.join(', ')}`);
  if (!(await succeeds(command))) {
    // The list of packages may be too old, or have never been fetched.
    if (!(await succeeds('apt-get update')) || !(await succeeds(command))) {
      throw new BenchError(`could not install the peers: ${command}`);
    }
  }
}

/** The first line in which a program tells its version. */
export async function versionOf(program: PeerProgram): Promise<string> {
  const { stdout, stderr } = await run(program, [VERSION_FLAGS[program]]);
  const text = (stdout + stderr).trim().split('\n')[0] ?? '';
  const number = /\d+\.\d+[.\d]*/.exec(text);
  return number === null ? text : `${program} ${number[0]}`;
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian installs servers where the PATH of an ordinary user does not look. */
function addSystemFolders(): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const more = ['/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder));
  process.env['PATH'] = [...folders, ...more].join(delimiter);
}

function succeeds(commandLine: string): Promise<boolean> {
  const [command = '', ...args] = commandLine.split(' ');
  return new Promise((resolve) => {
    // A package must not start its server by itself: the benchmark starts its own, with its own configuration.
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: environment,
    });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
