import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The living process that uses a replica's data directory; undefined when there is none.
 *
 * Reads the LOCK file that @raftway/raft's storage keeps there (its `directory-lock.ts` says why it names more than a pid). Only reads it:
 * whoever starts next takes over the lock of a process that is gone.
 */
export function directoryHolder(directory: string): number | undefined {
  try {
    const holder: unknown = JSON.parse(readFileSync(join(directory, 'LOCK'), 'utf8'));
    if (typeof holder !== 'object' || holder === null || !('pid' in holder)) return undefined;
    const pid = Number(holder.pid);
    if ('boot' in holder && holder.boot !== bootId()) return undefined;
    return 'started' in holder && holder.started === startOf(pid) ? pid : undefined;
  } catch {
    // No such file, or one that says nothing: nobody.
    return undefined;
  }
}

/** When a process started, in the operating system's own words. @throws Error when there is no such process */
function startOf(pid: number): string {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  // The command's name, in parentheses, may hold spaces and parentheses; the start time is the 20th field after it (proc(5)).
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || started === undefined) throw new Error('it has ended');
  return started;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
