/*
 * Disks that are full, and disks that are slow
 *
 * A full disk is a real one: the data directory lies on a tmpfs of limited size, which root may mount, and a ballast file takes all that is left of it until it is
 * removed. Its syncs do nothing, so only some replicas have one.
 *
 * A slow disk is made where a replica meets it: strace attaches to the process for some seconds and lets every fdatasync and fsync return late. All other system calls stop for
 * a moment, too, so for so long the replica is slow altogether.
 *
 * Nothing is left by a run that dies: tracing ends by a timeout of its own, and mounts are seen in the run's own mount namespace only, or, where it has none, carry the
 * process id of the run, so that the next one can remove them.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SIZE_MEBIBYTES = 64;
const SOURCE = 'raftway-';

/** Which faults of disks can be made here. */
export interface DiskFaults {
  readonly canFill: boolean;
  readonly canSlow: boolean;
}

/** Tries what can be done to disks, and says what cannot. */
export async function findDiskFaults(notice: (line: string) => void): Promise<DiskFaults> {
  const [filling, slowing] = [await limitedDisksMissing(), await slowDisksMissing()];
  if (filling !== undefined) notice(`disks are not filled in this run: ${filling}`);
  if (slowing !== undefined) notice(`disks are not slowed in this run: ${slowing}`);
  return { canFill: filling === undefined, canSlow: slowing === undefined };
}

/** Why no disk of limited size can be had here; undefined when it can. */
export async function limitedDisksMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'tmpfs exists on Linux only';
  const folder = mkdtempSync(join(tmpdir(), 'raftway-mount-'));
  try {
    (await LimitedDisk.mount(folder)).free();
    return undefined;
  } catch (error) {
    return String((error as Error).message).trim();
  } finally {
    releaseDisks(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tmpfs of {@link SIZE_MEBIBYTES} MiB. */
export class LimitedDisk {
  private constructor(private readonly folder: string) {}

  static async mount(folder: string): Promise<LimitedDisk> {
    mkdirSync(folder, { recursive: true });
    const options = `size=${SIZE_MEBIBYTES}m,mode=700`;
    await run('mount', ['-t', 'tmpfs', '-o', options, `${SOURCE}${process.pid}`, folder]);
    return new LimitedDisk(folder);
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  /** From now on there is no room for a single byte. */
  fill(): void {
    const ballast = openSync(this.ballast, 'a');
    try {
      for (let bytes = 1 << 20; bytes >= 1; bytes >>= 4) fillBy(ballast, Buffer.alloc(bytes, 1));
    } finally {
      closeSync(ballast);
    }
  }

  free(): void {
    rmSync(this.ballast, { force: true });
  }

  /** For a look at it when the disk is gone. */
  copyTo(folder: string): void {
    if (existsSync(this.dataDir)) cpSync(this.dataDir, folder, { recursive: true });
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}

function fillBy(file: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, block) < block.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

/** Unmounts what is mounted below a folder, and what runs that are over have left. */
export function releaseDisks(folder: string): void {
  if (!existsSync('/proc/mounts')) return;
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [source = '', place = ''] = line.split(' ');
    const pid = new RegExp(`^${SOURCE}(\\d+)$`).exec(source)?.[1];
    if (pid === undefined) continue;
    if (place.startsWith(folder) || !existsSync(`/proc/${pid}`)) {
      execFileSync('umount', ['-l', place]);
    }
  }
}

/** Why syncs cannot be made slow here; undefined when they can. */
export async function slowDisksMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'strace exists on Linux only';
  const sleeper = spawn('sleep', ['5'], { stdio: 'ignore' });
  try {
    return await slowSyncs(sleeper.pid ?? 0, 1, 300);
  } finally {
    sleeper.kill();
  }
}

/**
 * Lets every fdatasync and fsync of a process take so much longer, for so long. Resolves when that is over.
 *
 * @returns why it cannot be done; undefined when it was.
 */
export async function slowSyncs(
  pid: number,
  delayMs: number,
  durationMs: number,
): Promise<string | undefined> {
  const calls = 'fdatasync,fsync';
  const injection = `inject=${calls}:delay_exit=${delayMs * 1000}`;
  const strace = ['strace', '-f', '-p', String(pid), '-o', '/dev/null'];
  const limits = ['--signal=INT', '--kill-after=2', String(durationMs / 1000)];
  const child = spawn('timeout', [...limits, ...strace, '-e', `trace=${calls}`, '-e', injection], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString().slice(0, 1_000);
  });
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => resolve(/ attached/.test(said) ? undefined : said.trim()));
  });
}
