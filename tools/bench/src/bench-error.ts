/** The benchmark cannot run here, or its result would not count; the message says why. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
