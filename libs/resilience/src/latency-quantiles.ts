/** Each bucket's upper bound is so much above the one before: how exact a quantile is. */
const growth = 1.1;
/** From 0.1 ms to about 24 minutes. */
const firstMs = 0.1;
const bucketsMax = 174;

/**
 * Quantiles of durations of the last one to two windows, to 10 %.
 *
 * Two histograms with buckets that grow by a tenth: one is filled while both are read, and the older is emptied when the
 * window is over. No memory grows with the number of calls.
 */
export class LatencyQuantiles {
  private filling = new Float64Array(bucketsMax);
  private previous = new Float64Array(bucketsMax);
  private count = 0;
  private previousCount = 0;
  private window = 0;

  /** @param windowMs from 1 */
  constructor(private readonly windowMs: number) {}

  /** Notes a duration. */
  add(durationMs: number, nowMs: number): void {
    this.advance(nowMs);
    const index = bucketOf(durationMs);
    this.filling[index] = (this.filling[index] ?? 0) + 1;
    this.count += 1;
  }

  /** Durations that are known at `nowMs`. */
  size(nowMs: number): number {
    this.advance(nowMs);
    return this.count + this.previousCount;
  }

  /** The duration that this share of calls (0 to 1) stayed within, in milliseconds, at most a tenth too high; undefined when none is known. */
  quantile(share: number, nowMs: number): number | undefined {
    const total = this.size(nowMs);
    if (total === 0) return undefined;
    const rank = Math.max(1, Math.ceil(share * total));
    let seen = 0;
    for (let index = 0; index < bucketsMax; index += 1) {
      seen += (this.filling[index] ?? 0) + (this.previous[index] ?? 0);
      if (seen >= rank) return firstMs * growth ** index;
    }
    return firstMs * growth ** (bucketsMax - 1);
  }

  private advance(nowMs: number): void {
    const window = Math.floor(nowMs / this.windowMs);
    if (window <= this.window) return;
    const isNext = window === this.window + 1;
    const empty = this.previous.fill(0);
    this.previous = isNext ? this.filling : empty;
    this.previousCount = isNext ? this.count : 0;
    this.filling = isNext ? empty : this.filling.fill(0);
    this.count = 0;
    this.window = window;
  }
}

function bucketOf(durationMs: number): number {
  if (durationMs <= firstMs) return 0;
  const index = Math.ceil(Math.log(durationMs / firstMs) / Math.log(growth) - 1e-9);
  return Math.min(index, bucketsMax - 1);
}
