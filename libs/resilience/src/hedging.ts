import { type LatencyQuantiles } from './latency-quantiles';

/** When a call that has not been answered is made a second time, beside the first. */
export interface HedgingSettings {
  /** After this time in milliseconds, or after the time that this share of calls (0 to 1) is answered within. */
  readonly after: { readonly delayMs: number } | { readonly quantile: number };
  /** Attempts of one call at a time, the first included. */
  readonly attemptsMax: number;
  /** With a quantile: calls that must have been measured; below that nothing is hedged. */
  readonly samplesMin: number;
  /** With a quantile: the shortest delay, in milliseconds, so that fast calls do not double for nothing. */
  readonly delayMinMs: number;
}

/** After the time of 95 % of the calls, from 100 calls and 5 ms on; one more attempt. */
export const defaultHedgingSettings: HedgingSettings = {
  after: { quantile: 0.95 },
  attemptsMax: 2,
  samplesMin: 100,
  delayMinMs: 5,
};

/** What is known of a call that has not been answered. */
export interface UnansweredCall {
  /** Attempts made. */
  readonly attempts: number;
  /** Whether a second time does no harm: the method is idempotent. */
  readonly isSafe: boolean;
  /** What is left of the call's time, in milliseconds; undefined without a deadline. */
  readonly remainingMs: number | undefined;
}

/**
 * The time after which another attempt of a call is begun, counted from the last one, in milliseconds; undefined when none
 * is. A {@link RetryBudget} has to agree when that time has come.
 * @param latencies of such calls; undefined when nothing was measured yet.
 *
 * Source of the idea: Dean and Barroso, The Tail at Scale;
 * of the rules: gRFC A6.
 */
export function hedgeDelayMs(
  settings: HedgingSettings,
  call: UnansweredCall,
  latencies: LatencyQuantiles | undefined,
  nowMs: number,
): number | undefined {
  if (!call.isSafe || call.attempts >= settings.attemptsMax) return undefined;
  const delayMs = delayOf(settings, latencies, nowMs);
  const tooLate = call.remainingMs !== undefined && (delayMs ?? 0) >= call.remainingMs;
  return tooLate ? undefined : delayMs;
}

function delayOf(
  { after, samplesMin, delayMinMs }: HedgingSettings,
  latencies: LatencyQuantiles | undefined,
  nowMs: number,
): number | undefined {
  if ('delayMs' in after) return after.delayMs;
  if (latencies === undefined || latencies.size(nowMs) < samplesMin) return undefined;
  const measuredMs = latencies.quantile(after.quantile, nowMs);
  return measuredMs === undefined ? undefined : Math.max(delayMinMs, measuredMs);
}
