import { setTimeout as delay } from 'node:timers/promises';

const INTERVAL_MS = 50;

/** Waits until the condition holds; what it throws counts as not yet. Fails with what was waited for, and the last error, when the time is over. */
export async function eventually(
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${timeoutMs} ms: ${what}; last: ${String(last)}`, {
        cause: last,
      });
    }
    await delay(INTERVAL_MS);
  }
}
