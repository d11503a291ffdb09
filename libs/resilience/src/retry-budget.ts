import { RollingCounts } from './rolling-counts';

/** How many retries a {@link RetryBudget} allows. */
export interface RetryBudgetSettings {
  /** Retries for each call, from 0: 0.2 is one for five calls. */
  readonly share: number;
  /** Retries a second that are always allowed, so that seldom calls are retried, too. */
  readonly perSecondMin: number;
  /** Over which time both are counted, in milliseconds. */
  readonly windowMs: number;
}

/** 20 % of the calls of 10 s, and 3 a second. */
export const defaultRetryBudgetSettings: RetryBudgetSettings = {
  share: 0.2,
  perSecondMin: 3,
  windowMs: 10_000,
};

/**
 * Bounds the load that retries add. A maximum of attempts alone multiplies the load just when a backend cannot bear it;
 * a share of all calls does not: whatever fails, the backend gets at most `1 + share` times its calls, and a little.
 */
export class RetryBudget {
  /** Calls, and retries of them. */
  private counts: RollingCounts;

  constructor(private settings: RetryBudgetSettings) {
    this.counts = new RollingCounts(settings.windowMs);
  }

  /** Goes by other settings from now on, and what was counted counts on, unless the window differs. */
  configure(settings: RetryBudgetSettings): void {
    if (settings.windowMs !== this.settings.windowMs)
      this.counts = new RollingCounts(settings.windowMs);
    this.settings = settings;
  }

  /** Retries allowed within the window at `nowMs`. */
  limit(nowMs: number): number {
    const { share, perSecondMin, windowMs } = this.settings;
    return share * this.counts.firstTotal(nowMs) + (perSecondMin * windowMs) / 1000;
  }

  /** Retries made within the window at `nowMs`. */
  used(nowMs: number): number {
    return this.counts.secondTotal(nowMs);
  }

  /** Notes a call's first attempt. */
  noteCall(nowMs: number): void {
    this.counts.add(1, 0, nowMs);
  }

  /** Takes a retry out of the budget, if there is one. */
  tryRetry(nowMs: number): boolean {
    if (this.used(nowMs) + 1 > this.limit(nowMs)) return false;
    this.counts.add(0, 1, nowMs);
    return true;
  }
}
