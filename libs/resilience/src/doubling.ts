/** A time that was doubled so often, but at most `maxMs`. */
export function doubledMs(firstMs: number, times: number, maxMs: number): number {
  // Beyond 30 times any maximum is reached, and the product stays a number.
  return Math.min(maxMs, firstMs * 2 ** Math.min(times, 30));
}
