/** How a {@link PeakEwma} forgets and what it makes of failures. */
export interface PeakEwmaOptions {
  /** Time constant of forgetting, in milliseconds: what was measured so long ago counts 1/e ≈ 37 %. */
  readonly decayMs: number;
  /** A failure counts as an answer after at least so many milliseconds, so that failing fast attracts no calls. */
  readonly failurePenaltyMs: number;
}

/** Below this a latency makes no difference, in milliseconds; it keeps the product with the open calls above zero. */
const floorMs = 0.001;

/**
 * A latency that rises at once and falls slowly: a moving average, weighted exponentially by time, that takes over any
 * greater sample as it is. Between samples it is read as decaying towards nothing, so that an endpoint that was slow is
 * tried again; the next sample is weighed against the last value all the same.
 * Source: "peak EWMA" of Twitter's Finagle (`PeakEwma.scala`), which Linkerd took over.
 */
export class PeakEwma {
  private valueMs: number | undefined;
  private atMs = 0;

  constructor(private readonly options: PeakEwmaOptions) {}

  /** Takes a latency into account. */
  observe(sampleMs: number, nowMs: number): void {
    if (this.valueMs === undefined || sampleMs > this.valueMs) this.valueMs = sampleMs;
    else {
      const kept = this.kept(nowMs);
      this.valueMs = this.valueMs * kept + sampleMs * (1 - kept);
    }
    this.atMs = nowMs;
  }

  /** Takes into account that there was no answer within so long: it says nothing when it is less than what is known. */
  observeAtLeast(sampleMs: number, nowMs: number): void {
    if (sampleMs > this.at(nowMs)) this.observe(sampleMs, nowMs);
  }

  /** Takes a failure after so long into account. */
  observeFailure(sampleMs: number, nowMs: number): void {
    this.observe(Math.max(sampleMs, this.options.failurePenaltyMs), nowMs);
  }

  /** Whether anything was ever observed. */
  get isMeasured(): boolean {
    return this.valueMs !== undefined;
  }

  /** The latency now, in milliseconds; next to nothing when none was ever observed. */
  at(nowMs: number): number {
    return Math.max(floorMs, (this.valueMs ?? 0) * this.kept(nowMs));
  }

  private kept(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.atMs) / this.options.decayMs);
  }
}
