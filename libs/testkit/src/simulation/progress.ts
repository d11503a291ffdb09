/* eslint-disable no-console -- for a command line program */

const EVERY_MS = 10_000;

/** Says now and then how far many runs have come, how fast they are and how long the rest will take. */
export class Progress {
  private readonly startedMs = Date.now();
  private saidMs = Date.now();
  private runs = 0;

  constructor(
    private readonly wanted: number,
    /** When they end at the latest. */
    private readonly untilMs: number,
  ) {}

  /** One more has passed. */
  ran(): void {
    this.runs += 1;
    const nowMs = Date.now();
    if (nowMs - this.saidMs < EVERY_MS) return;
    this.saidMs = nowMs;
    console.log(this.describe(nowMs));
  }

  describe(nowMs: number): string {
    const { runs, wanted } = this;
    const perSecond = runs / Math.max(0.001, (nowMs - this.startedMs) / 1000);
    const leftMs = Math.min((1000 * (wanted - runs)) / perSecond, this.untilMs - nowMs);
    const left = `${(Math.max(0, leftMs) / 60_000).toFixed(1)} minutes left`;
    return `${runs} of ${wanted} runs passed, ${perSecond.toFixed(1)} a second, ${left}`;
  }

  summary(nextSeed: number): string {
    const seconds = (Date.now() - this.startedMs) / 1000;
    const rate = (this.runs / Math.max(0.001, seconds)).toFixed(1);
    const rest =
      this.runs < this.wanted ? `; ${this.wanted - this.runs} left, from seed ${nextSeed}` : '';
    return `${this.runs} runs passed in ${seconds.toFixed(1)} s, ${rate} a second${rest}`;
  }
}
