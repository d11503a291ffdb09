/** Monotonic milliseconds. */
export function nowMs(): number {
  return performance.now();
}

/** Waits so long, or until the signal. */
export function delay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Whether something happens within a time. */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const timedOut = delay(timeoutMs, timer.signal).then(() => false);
  const done = await Promise.race([work.then(() => true), timedOut]);
  timer.abort();
  return done;
}
