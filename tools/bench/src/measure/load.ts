/** What one stretch of load did. */
export interface LoadResult {
  readonly operations: number;
  readonly seconds: number;
  /** One for each operation, in any order. */
  readonly latenciesMs: readonly number[];
}

/**
 * Keeps a number of operations in flight for some time: each worker begins its next one when its last has ended.
 *
 * @param operation rejects = the benchmark fails, since an error is cheaper than an answer.
 */
export async function closedLoop(
  inFlight: number,
  seconds: number,
  operation: (worker: number) => Promise<void>,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const work = async (worker: number): Promise<void> => {
    for (let fromMs = performance.now(); fromMs < endMs;) {
      await operation(worker);
      const nowMs = performance.now();
      latenciesMs.push(nowMs - fromMs);
      fromMs = nowMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));
  const elapsed = (performance.now() - startedMs) / 1000;
  return { operations: latenciesMs.length, seconds: elapsed, latenciesMs };
}

/** The value that a share (0 to 1) of the sorted values do not exceed; NaN for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
