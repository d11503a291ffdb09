import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { StorageError } from '../errors';

/**
 * One process a data directory.
 *
 * Node has no flock, and a file that merely exists would outlive a killed process. So the file says which process made it: the pid, when
 * that process started, and the machine's boot. A pid alone is not enough: in a container it is always 1, and pids are reused. The start
 * time tells a restarted container's process 1 from the one that died.
 *
 * Limit: two living containers that mount one directory see different processes under one pid. Volumes that only one pod can mount, and
 * StatefulSets, rule that out.
 */
interface Holder {
  readonly pid: number;
  /** When the process started, in the operating system's own terms; compared for equality only. */
  readonly started: string;
  readonly boot: string;
}

const LOCK_NAME = 'LOCK';
const ATTEMPTS_MAX = 5;

/**
 * Takes the directory's lock, taking over one whose process is gone.
 *
 * @returns gives the lock back.
 * @throws StorageError `locked` when a living process holds it.
 */
export function acquireDirectoryLock(directory: string): () => void {
  const file = path.join(directory, LOCK_NAME);
  const mine = JSON.stringify(holderOf(process.pid));
  const draft = path.join(directory, `${LOCK_NAME}.${process.pid}.${randomUUID()}`);
  fs.writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      // link() creates the name together with its contents, or fails when it is there: nobody ever reads half a lock.
      if (linked(draft, file)) return () => release(file, mine);
      takeOverOrThrow(directory, file);
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
  throw new StorageError('locked', 'other processes keep taking this data directory', { file });
}

/**
 * The living process that uses a data directory; undefined when there is none, or its lock cannot be read. Only looks: whoever starts next takes over
 * the lock of a process that is gone.
 */
export function directoryHolder(directory: string): number | undefined {
  try {
    const holder = parseHolder(fs.readFileSync(path.join(directory, LOCK_NAME), 'utf8'));
    return holder !== undefined && isAlive(holder) ? holder.pid : undefined;
  } catch {
    return undefined;
  }
}

function linked(draft: string, file: string): boolean {
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function takeOverOrThrow(directory: string, file: string): void {
  const found = readOrUndefined(file);
  if (found === undefined) return;
  const holder = parseHolder(found);
  if (holder !== undefined && isAlive(holder)) {
    throw new StorageError('locked', `process ${holder.pid} is using this data directory`, {
      file,
      remedy: 'Stop that process, or give this one a data directory of its own',
    });
  }
  // Rename first and look at what was caught: another process may have taken over in between, and its lock is put back.
  const aside = path.join(directory, `${LOCK_NAME}.stale.${randomUUID()}`);
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readOrUndefined(aside) !== found) linked(aside, file);
  fs.rmSync(aside, { force: true });
}

function release(file: string, mine: string): void {
  if (readOrUndefined(file) === mine) fs.rmSync(file, { force: true });
}

function readOrUndefined(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<Holder>;
    return typeof parsed.pid === 'number' ? (parsed as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  const now = holderOf(holder.pid);
  return now.started !== '' && now.started === holder.started && now.boot === holder.boot;
}

function holderOf(pid: number): Holder {
  return { pid, started: startOf(pid), boot: bootId() };
}

/** '' when there is no such process. */
function startOf(pid: number): string {
  if (process.platform !== 'linux') return startByPs(pid);
  try {
    // The command's name, in parentheses, may hold spaces and parentheses; the start time is the 20th field after it (proc(5)).
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie (Z) or dead (X) process holds no files.
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function startByPs(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

function bootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
