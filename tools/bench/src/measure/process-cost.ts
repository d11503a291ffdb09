import { readFileSync } from 'node:fs';

/** Linux gives CPU time in ticks of a hundredth of a second to user space, whatever the kernel's own tick is (proc(5), USER_HZ). */
const TICK_MICROSECONDS = 10_000;
const KIBIBYTE = 1024;
/** Fields of /proc/<pid>/stat behind the name, which may contain spaces: state is 0. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const REAPED_TICKS = [13, 14];

/** What some processes have used so far. */
export interface ProcessCost {
  readonly cpuMicroseconds: number;
  /** Memory that is resident now. */
  readonly residentBytes: number;
}

/** CPU time since their start, and resident memory, of processes and all of their children. */
export function processCost(pids: readonly number[]): ProcessCost {
  let ticks = 0;
  let residentBytes = 0;
  for (const pid of pids.flatMap(withChildren)) {
    const fields = statFields(pid);
    ticks += Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS]);
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    residentBytes += Number(resident?.[1] ?? 0) * KIBIBYTE;
  }
  return { cpuMicroseconds: ticks * TICK_MICROSECONDS, residentBytes };
}

/** CPU time of a process's children that have ended, in hundredths of a second. */
export function reapedTicks(pid: number): number {
  const fields = statFields(pid);
  return REAPED_TICKS.reduce((sum, field) => sum + Number(fields[field]), 0);
}

function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(withChildren)];
}
