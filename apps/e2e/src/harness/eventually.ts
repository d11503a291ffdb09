const INTERVAL_MS = 50;

/** Waits until the condition holds; fails with what was waited for when the time is over. */
export async function eventually(
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

/** Like {@link eventually}, for calls that may fail for a while: yields the first answer and how long it took. */
export async function answered<T>(
  what: string,
  timeoutMs: number,
  call: () => Promise<T>,
): Promise<{ readonly value: T; readonly tookMs: number }> {
  const start = performance.now();
  let value: { readonly of: T } | undefined;
  let last: unknown;
  const attempt = async (): Promise<boolean> => {
    try {
      value = { of: await call() };
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  };
  await eventually(what, timeoutMs, attempt).catch((error: unknown) => {
    throw new Error(`${String(error)}; last: ${String(last)}`, { cause: last });
  });
  if (value === undefined) throw new Error(`${what}: no value`);
  return { value: value.of, tookMs: performance.now() - start };
}
