import { type Endpoint, type RandomSource } from './endpoint';

/** What a new endpoint gets at least, of what an old one gets: without any call it would never warm up. */
const shareMin = 0.1;

/** The share of its weight that an endpoint has so long after it came: rises evenly from a tenth to all over the window. */
export function slowStartShare(ageMs: number, windowMs: number): number {
  return ageMs >= windowMs ? 1 : Math.max(shareMin, ageMs / windowMs);
}

/** Gives new endpoints a part of the calls that are due to them, and more with time. */
export class SlowStart<E extends Endpoint> {
  private oldestMs = 0;

  /** @param windowMs how long an endpoint is new, in milliseconds; 0 for never. */
  constructor(private readonly windowMs: number) {}

  replace(endpoints: readonly E[]): void {
    this.oldestMs = Math.min(...endpoints.map(({ load }) => load.sinceMs));
  }

  /** The share of its weight that an endpoint has now. */
  share(endpoint: E, nowMs: number): number {
    return this.windowMs === 0 ? 1 : slowStartShare(nowMs - endpoint.load.sinceMs, this.windowMs);
  }

  /** Whether an endpoint that was drawn is taken. The oldest one always is: when all are new, none is held back. */
  takes(endpoint: E, nowMs: number, random: RandomSource): boolean {
    const share = this.share(endpoint, nowMs);
    return share === 1 || random() * slowStartShare(nowMs - this.oldestMs, this.windowMs) < share;
  }
}
