import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { directoryHolder } from '@raftway/raft';
import { listenProblem } from '../up/preflight';
import { isWell } from '../up/readiness';
import type { LocalProcess } from '../suite/targets';
import type { DirectoryFacts, DiskFacts, MachineFacts, PortFacts, ProcessFacts } from './facts';

/** Looks at the processes, ports, directories and disks of a suite on this machine; changes nothing. */
export async function gather(processes: readonly LocalProcess[]): Promise<MachineFacts> {
  const paths = processes
    .flatMap(({ dataDir }) => dataDir ?? [])
    .filter((path) => existsSync(path));
  return {
    processes: await Promise.all(processes.map(processFacts)),
    directories: paths.map(directoryFacts),
    disks: diskFacts(paths),
  };
}

async function processFacts(one: LocalProcess): Promise<ProcessFacts> {
  const holder = one.dataDir === undefined ? undefined : directoryHolder(one.dataDir);
  const pid = holder ?? one.pid;
  const isAlive = holder !== undefined || isRunning(one.pid, one.entry);
  return {
    name: one.name,
    pid,
    isAlive,
    answers: await isWell(one.httpAddress, 'livez'),
    ports: await Promise.all(one.listens.map(portFacts)),
    openFiles: pid === undefined || !isAlive ? undefined : openFilesOf(pid),
  };
}

/** A process with this id runs, and it is this program: ids are used again. */
function isRunning(pid: number | undefined, entry: string): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It runs, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(entry);
  } catch {
    return false;
  }
}

async function portFacts(address: string): Promise<PortFacts> {
  const code = await listenProblem(address);
  if (code === undefined) return { address, state: 'free' };
  return { address, state: code === 'EADDRINUSE' ? 'taken' : code };
}

function openFilesOf(pid: number): ProcessFacts['openFiles'] {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    if (soft === undefined) return undefined;
    const limit = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
    return { used: readdirSync(`/proc/${pid}/fd`).length, limit };
  } catch {
    // Not Linux, or somebody else's process.
    return undefined;
  }
}

function directoryFacts(path: string): DirectoryFacts {
  const holder = directoryHolder(path);
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return { path, holder, refused: undefined };
  } catch (error) {
    return { path, holder, refused: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

/** One for each file system. */
function diskFacts(paths: readonly string[]): DiskFacts[] {
  const disks = new Map<number, DiskFacts>();
  for (const path of paths) {
    const { dev } = statSync(path);
    if (disks.has(dev)) continue;
    const { bavail, bsize, ffree, files } = statfsSync(path);
    const freeFiles = files === 0 ? undefined : ffree;
    disks.set(dev, { path, freeBytes: bavail * bsize, freeFiles });
  }
  return [...disks.values()];
}
