import { totalmem } from 'node:os';
import type { Metrics } from '@raftway/observability';

/** Declares what every server says of itself; read at each scrape. @param isReady what /readyz says */
export function reportServer(metrics: Metrics, isReady: () => boolean): void {
  const ready = metrics.gauge({
    name: 'raftway_server_ready',
    help: '1 while this process is to get calls, as /readyz says; 0 while it is not.',
  });
  const memory = metrics.gauge({
    name: 'raftway_server_memory_limit_bytes',
    help: 'Memory that this process may use: the limit of its container, or all of the machine.',
  });
  metrics.onScrape(() => {
    ready.set(isReady() ? 1 : 0);
    memory.set(memoryLimitBytes());
  });
}

/** Without a limit the kernel names none, or a number beyond any machine. */
function memoryLimitBytes(): number {
  const machine = totalmem();
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, machine) : machine;
}
