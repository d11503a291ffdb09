/** What a series of durations says, in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** By nearest rank: every figure was measured, none is interpolated. @throws RangeError when there is nothing */
export function percentilesOf(durationsMs: readonly number[]): Percentiles {
  if (durationsMs.length === 0) throw new RangeError('there is nothing to take percentiles of');
  const sorted = [...durationsMs].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** One line for people. */
export function formatPercentiles({ p50, p99, max }: Percentiles): string {
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  return `p50 ${ms(p50)}  p99 ${ms(p99)}  max ${ms(max)}`;
}
