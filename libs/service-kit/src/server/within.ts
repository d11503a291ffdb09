import { setTimeout as delay } from 'node:timers/promises';

/** Whether something happens within a time. */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const timedOut = delay(timeoutMs, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([work.then(() => true), timedOut]);
  timer.abort();
  return done;
}
