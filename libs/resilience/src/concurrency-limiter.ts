import { type ConcurrencyLimit } from './concurrency-limit';

/** Which calls go first when not all can, most important first. */
export const callPriorities = ['critical', 'normal', 'sheddable'] as const;

/** One of {@link callPriorities}. */
export type CallPriority = (typeof callPriorities)[number];

/** How a {@link ConcurrencyLimiter} measures, and how it shares. */
export interface ConcurrencyLimiterSettings {
  /** The limit is looked at again after this time, in milliseconds, … */
  readonly windowMs: number;
  /** … if so many calls have ended. */
  readonly samplesMin: number;
  /** The share of the limit that calls of each priority may fill, above 0 to 1. */
  readonly shares: Readonly<Record<CallPriority, number>>;
}

/** Each second, from 10 calls on; the last tenth is for critical calls, and sheddable ones fill seven tenths. */
export const defaultConcurrencyLimiterSettings: ConcurrencyLimiterSettings = {
  windowMs: 1000,
  samplesMin: 10,
  shares: { critical: 1, normal: 0.9, sheddable: 0.7 },
};

/** How a call ended, for the limit: `dropped` for overload, `ignored` when its duration says nothing. */
export type ConcurrencyOutcome = 'done' | 'dropped' | 'ignored';

/** Lets so many calls through at a time as a {@link ConcurrencyLimit} says, the important ones first. */
export class ConcurrencyLimiter {
  private inFlight = 0;
  private windowStartMs: number | undefined;
  private samples = 0;
  private durationsMs = 0;
  private inFlightMax = 0;
  private hasDrops = false;

  constructor(
    private readonly limit: ConcurrencyLimit,
    private readonly settings: ConcurrencyLimiterSettings = defaultConcurrencyLimiterSettings,
  ) {}

  /** Calls under way. */
  get used(): number {
    return this.inFlight;
  }

  /** The limit for calls of a priority now; from 1, so that nobody starves on a small one. */
  limitOf(priority: CallPriority): number {
    return Math.max(1, Math.floor(this.limit.current * this.settings.shares[priority]));
  }

  /** Lets a call through, or not. Whoever is let through calls {@link release} once. */
  tryAcquire(priority: CallPriority): boolean {
    if (this.inFlight >= this.limitOf(priority)) return false;
    this.inFlight += 1;
    if (this.inFlight > this.inFlightMax) this.inFlightMax = this.inFlight;
    return true;
  }

  /** Notes the end of a call that took so long. */
  release(outcome: ConcurrencyOutcome, durationMs: number, nowMs: number): void {
    this.inFlight -= 1;
    if (outcome === 'ignored') return;
    this.windowStartMs ??= nowMs;
    this.samples += 1;
    this.durationsMs += durationMs;
    if (outcome === 'dropped') this.hasDrops = true;
    const { windowMs, samplesMin } = this.settings;
    if (nowMs - this.windowStartMs < windowMs || this.samples < samplesMin) return;
    const { inFlightMax, hasDrops } = this;
    this.limit.update({ durationMs: this.durationsMs / this.samples, inFlightMax, hasDrops });
    this.windowStartMs = nowMs;
    this.samples = 0;
    this.durationsMs = 0;
    this.inFlightMax = this.inFlight;
    this.hasDrops = false;
  }
}
