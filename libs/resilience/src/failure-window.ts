import { RollingCounts } from './rolling-counts';

/** When failures are too many: in a row, or as a share of the calls within a window. */
export interface FailureThresholds {
  /** Over which time results are counted, in milliseconds. */
  readonly windowMs: number;
  /** Too many at this share of failures, above 0 to 1, … */
  readonly errorShare: number;
  /** … when at least so many calls ended within the window. */
  readonly requestsMin: number;
  /** Too many after so many failures in a row, however few calls there are. */
  readonly consecutiveFailures: number;
}

/** Which of the thresholds was reached. */
export type FailureCause = 'consecutive' | 'error_share';

/** The results of calls within the last window, and whether failures are too many among them. */
export class FailureWindow {
  /** Calls, and failures of them. */
  private counts: RollingCounts;
  private inARow = 0;

  constructor(private thresholds: FailureThresholds) {
    this.counts = new RollingCounts(thresholds.windowMs);
  }

  /** Goes by other thresholds from the next result on, and what was counted counts on, unless the window differs. */
  configure(thresholds: FailureThresholds): void {
    if (thresholds.windowMs !== this.thresholds.windowMs)
      this.counts = new RollingCounts(thresholds.windowMs);
    this.thresholds = thresholds;
  }

  /**
   * Notes how a call ended.
   * @returns why there are too many failures now; undefined when there are not, and after a success.
   */
  note(failed: boolean, nowMs: number): FailureCause | undefined {
    this.counts.add(1, failed ? 1 : 0, nowMs);
    this.inARow = failed ? this.inARow + 1 : 0;
    if (!failed) return undefined;
    const { requestsMin, errorShare, consecutiveFailures } = this.thresholds;
    if (this.inARow >= consecutiveFailures) return 'consecutive';
    const enough = this.counts.firstTotal(nowMs) >= requestsMin;
    return enough && this.share(nowMs) >= errorShare ? 'error_share' : undefined;
  }

  /** The share of failures at `nowMs`; 0 when there was no call. */
  share(nowMs: number): number {
    const calls = this.counts.firstTotal(nowMs);
    return calls === 0 ? 0 : this.counts.secondTotal(nowMs) / calls;
  }

  /** Forgets everything. */
  clear(): void {
    this.counts.clear();
    this.inARow = 0;
  }
}
