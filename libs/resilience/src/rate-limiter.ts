/** What a {@link RateLimiter} lets through, of each key. */
export interface RateLimitSettings {
  /** Cost a second in the long run, above 0. */
  readonly perSecond: number;
  /** Cost at once after a pause, from 1. */
  readonly burst: number;
  /** Keys that are counted by themselves; all further ones share one count. */
  readonly keysMax: number;
}

/** What became of one request. */
export interface RateDecision {
  readonly isAllowed: boolean;
  /** Cost that would be let through at once after this. */
  readonly remaining: number;
  /** Milliseconds after which the same request is let through, if no other comes: RetryInfo's delay. 0 when it was; Infinity when it costs more than a burst. */
  readonly retryAfterMs: number;
}

/** What sums of fractions may be off by, in milliseconds: who waits as long as told is let through. */
const roundingMs = 1e-6;

/** Keys looked at for one to forget when the table is full. */
const sweepMax = 8;

/**
 * Limits the rate of each key by the generic cell rate algorithm: one number a key, the time at which all that was let
 * through would have arrived at an even rate. Within any `t` seconds a key gets at most `burst + perSecond × t`.
 * Source: ITU-T I.371, virtual scheduling.
 *
 * Keys come from callers, so the table is bounded. A key whose burst is whole again is forgotten without loss. When there
 * is none to forget, further keys share one count until there is: whoever invents keys gets no more than one caller.
 */
export class RateLimiter {
  /** Theoretical arrival times in milliseconds, least recently used first. */
  private readonly arrivals = new Map<string, number>();
  /** The one of all keys that have no place. */
  private sharedArrival = 0;
  private readonly intervalMs: number;
  private readonly toleranceMs: number;

  constructor(private readonly settings: RateLimitSettings) {
    this.intervalMs = 1000 / settings.perSecond;
    this.toleranceMs = settings.burst * this.intervalMs;
  }

  /** Keys in the table. */
  get size(): number {
    return this.arrivals.size;
  }

  /** Lets a request through or not. @param cost from 0 */
  take(key: string, cost: number, nowMs: number): RateDecision {
    const hasPlace = this.hasPlaceFor(key, nowMs);
    const arrival = this.arrivalOf(key, nowMs);
    const decision = this.decide(arrival, cost, nowMs);
    if (decision.isAllowed) this.store(key, hasPlace, arrival + cost * this.intervalMs);
    return decision;
  }

  /** What {@link take} would say now. */
  peek(key: string, cost: number, nowMs: number): RateDecision {
    return this.decide(this.arrivalOf(key, nowMs), cost, nowMs);
  }

  /** Undoes a {@link take} that let a request through: it was refused for another reason. What the shared count let through stays counted. */
  giveBack(key: string, cost: number): void {
    const arrival = this.arrivals.get(key);
    if (arrival !== undefined) this.arrivals.set(key, arrival - cost * this.intervalMs);
  }

  /** Whether a key is counted by itself, or would be from now on. */
  hasPlaceFor(key: string, nowMs: number): boolean {
    return this.arrivals.has(key) || this.makePlace(nowMs);
  }

  private arrivalOf(key: string, nowMs: number): number {
    // A key that gets a place only now may have been let through by the shared count before.
    return Math.max(this.arrivals.get(key) ?? this.sharedArrival, nowMs);
  }

  private decide(arrival: number, cost: number, nowMs: number): RateDecision {
    const next = arrival + cost * this.intervalMs;
    const isAllowed = next - nowMs <= this.toleranceMs + roundingMs;
    const freeMs = this.toleranceMs + roundingMs - ((isAllowed ? next : arrival) - nowMs);
    return {
      isAllowed,
      remaining: Math.max(0, Math.floor(freeMs / this.intervalMs)),
      retryAfterMs: isAllowed ? 0 : this.waitMs(cost, next, nowMs),
    };
  }

  private store(key: string, hasPlace: boolean, arrival: number): void {
    if (!hasPlace) {
      this.sharedArrival = arrival;
      return;
    }
    this.arrivals.delete(key);
    this.arrivals.set(key, arrival);
  }

  private waitMs(cost: number, next: number, nowMs: number): number {
    return cost > this.settings.burst ? Infinity : next - this.toleranceMs - nowMs;
  }

  private makePlace(nowMs: number): boolean {
    if (this.arrivals.size < this.settings.keysMax) return true;
    let looked = 0;
    for (const [key, arrival] of this.arrivals) {
      this.arrivals.delete(key);
      if (arrival <= nowMs) return true;
      // Behind the others, so that the next sweep looks at further ones.
      this.arrivals.set(key, arrival);
      looked += 1;
      if (looked === sweepMax) return false;
    }
    return false;
  }
}
