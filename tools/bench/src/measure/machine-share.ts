import { readFileSync } from 'node:fs';
import { processCost, reapedTicks } from './process-cost';

const TICK_MICROSECONDS = 10_000;
/** Columns of the first line of /proc/stat that are idle time: idle and iowait. The eighth, steal, is what other machines took. */
const IDLE_COLUMNS = [3, 4];
const COLUMNS = 8;

/** Notices how much of the processors went to processes that have nothing to do with the benchmark. */
export class MachineShare {
  private readonly from = reading();

  /** From 0 to 1, since this was made. What still runs must be running: a server that has ended would count as a stranger. */
  othersShare(): number {
    const now = reading();
    const total = now.total - this.from.total;
    const others = now.busy - this.from.busy - (now.own - this.from.own);
    return total === 0 ? 0 : Math.max(0, others / total);
  }
}

function reading(): { readonly total: number; readonly busy: number; readonly own: number } {
  const line = readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? '';
  const columns = line
    .trim()
    .split(/\s+/)
    .slice(1, 1 + COLUMNS)
    .map(Number);
  const total = columns.reduce((sum, ticks) => sum + ticks, 0);
  const idle = IDLE_COLUMNS.reduce((sum, column) => sum + (columns[column] ?? 0), 0);
  const own = processCost([process.pid]).cpuMicroseconds / TICK_MICROSECONDS;
  return { total, busy: total - idle, own: own + reapedTicks(process.pid) };
}
