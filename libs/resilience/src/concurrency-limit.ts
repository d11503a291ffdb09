/** What a window of calls showed. */
export interface ConcurrencySample {
  /** How long a call took on average, in milliseconds. */
  readonly durationMs: number;
  /** Most calls that were under way at a time. */
  readonly inFlightMax: number;
  /** Whether a call was given up for overload: by its deadline, or refused by the backend. */
  readonly hasDrops: boolean;
}

/** How many calls may be under way at a time. */
export interface ConcurrencyLimit {
  /** The limit now: a whole number from 1. */
  readonly current: number;
  /** Takes a window of calls into account. */
  update(sample: ConcurrencySample): void;
}

/** Always the same. */
export class FixedConcurrencyLimit implements ConcurrencyLimit {
  /** @param current a whole number from 1 */
  constructor(readonly current: number) {}

  update(): void {}
}

/** Bounds and speed of a {@link GradientConcurrencyLimit}. */
export interface GradientSettings {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** Calls that may queue at the backend: room for bursts, and how fast the limit grows. */
  readonly queue: number;
  /** How much longer than usual a call may take before the limit falls; from 1. */
  readonly tolerance: number;
  /** Share of each new value in the limit, above 0 to 1. */
  readonly smoothing: number;
  /** Windows over which the usual duration is averaged. */
  readonly longWindow: number;
}

/** 20 at first, 4 to 1000, room for 4, half as long again as usual. */
export const defaultGradientSettings: GradientSettings = {
  initial: 20,
  min: 4,
  max: 1000,
  queue: 4,
  tolerance: 1.5,
  smoothing: 0.2,
  longWindow: 600,
};

/** What the limit is multiplied with when calls were given up. */
const dropFactor = 0.9;

/**
 * Finds how many calls a backend can work on by how long they take: as long as they take as long as ever, the limit grows
 * by `queue`; when they take longer it shrinks in proportion, because they wait for each other.
 *
 * Source: the Gradient2 limit of Netflix's concurrency-limits. What differs: calls that were given up shrink the limit.
 */
export class GradientConcurrencyLimit implements ConcurrencyLimit {
  private estimate: number;
  private usualMs = 0;
  private windows = 0;

  constructor(private readonly settings: GradientSettings = defaultGradientSettings) {
    this.estimate = settings.initial;
  }

  get current(): number {
    return Math.max(1, Math.floor(this.estimate));
  }

  update({ durationMs, inFlightMax, hasDrops }: ConcurrencySample): void {
    const { queue, tolerance, smoothing } = this.settings;
    // A duration of 0 would have no ratio to anything; clocks are no finer than this.
    const shortMs = Math.max(durationMs, 0.001);
    this.noteUsual(shortMs);
    if (hasDrops) return this.set(this.estimate * dropFactor);
    // Too few calls to say anything about more of them.
    if (inFlightMax < this.estimate / 2) return;
    // Never below a half at once: one slow window is no proof.
    const gradient = Math.max(0.5, Math.min(1, (tolerance * this.usualMs) / shortMs));
    const target = this.estimate * gradient + queue;
    this.set(this.estimate * (1 - smoothing) + target * smoothing);
  }

  private set(estimate: number): void {
    const { min, max } = this.settings;
    this.estimate = Math.max(min, Math.min(max, estimate));
  }

  private noteUsual(shortMs: number): void {
    this.windows += 1;
    // An average of all at first, exponential after a while.
    const factor = 1 / Math.min(this.windows, this.settings.longWindow);
    this.usualMs += (shortMs - this.usualMs) * factor;
    // After a long overload the usual would stay too high for long, and the limit with it.
    if (this.usualMs > 2 * shortMs) this.usualMs *= 0.9;
  }
}
