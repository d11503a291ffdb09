/** Monotonic milliseconds. */
export function nowMs(): number {
  return performance.now();
}
