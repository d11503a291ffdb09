import { type RateDecision } from './rate-limiter';

/** What a {@link WindowQuota} lets through, of each key. */
export interface WindowQuotaSettings {
  /** Cost in one window, from 1. */
  readonly max: number;
  /** Keys that are counted by themselves; all further ones of a window share one count. */
  readonly keysMax: number;
}

/** A stretch of time in which a quota is counted, in milliseconds. */
export interface QuotaWindow {
  readonly startMs: number;
  /** Where the next one starts. */
  readonly endMs: number;
}

/**
 * Counts each key within windows of time, such as days, and begins anew with each window. Two windows that meet let through up to twice
 * the quota around the moment at which they do: it is for what is agreed on or paid for, and not for load.
 *
 * Keys come from callers, so the table is bounded. Further keys of a window share one count until the window is over.
 */
export class WindowQuota {
  private used = new Map<string, number>();
  private sharedUsed = 0;
  private startMs = -Infinity;

  constructor(private readonly settings: WindowQuotaSettings) {}

  /** Keys in the table. */
  get size(): number {
    return this.used.size;
  }

  /** Lets a request through or not. @param cost from 0 @param window that `nowMs` is in */
  take(key: string, cost: number, window: QuotaWindow, nowMs: number): RateDecision {
    const hasPlace = this.hasPlaceFor(key, window);
    const before = this.usedBy(key, hasPlace);
    const decision = this.decide(before, cost, window, nowMs);
    if (!decision.isAllowed) return decision;
    if (hasPlace) this.used.set(key, before + cost);
    else this.sharedUsed = before + cost;
    return decision;
  }

  /** What {@link take} would say now. */
  peek(key: string, cost: number, window: QuotaWindow, nowMs: number): RateDecision {
    return this.decide(this.usedBy(key, this.hasPlaceFor(key, window)), cost, window, nowMs);
  }

  /** Undoes a {@link take} of the same window that let a request through: it was refused for another reason. What the shared count let through stays counted. */
  giveBack(key: string, cost: number, window: QuotaWindow): void {
    const before = window.startMs === this.startMs ? this.used.get(key) : undefined;
    if (before !== undefined) this.used.set(key, before - cost);
  }

  /** Whether a key is counted by itself in this window, or would be from now on. */
  hasPlaceFor(key: string, window: QuotaWindow): boolean {
    if (window.startMs !== this.startMs) {
      this.startMs = window.startMs;
      this.used = new Map();
      this.sharedUsed = 0;
    }
    return this.used.size < this.settings.keysMax || this.used.has(key);
  }

  private usedBy(key: string, hasPlace: boolean): number {
    return hasPlace ? (this.used.get(key) ?? 0) : this.sharedUsed;
  }

  private decide(before: number, cost: number, window: QuotaWindow, nowMs: number): RateDecision {
    const { max } = this.settings;
    const isAllowed = before + cost <= max;
    const waitMs = cost > max ? Infinity : window.endMs - nowMs;
    return {
      isAllowed,
      remaining: Math.max(0, max - before - (isAllowed ? cost : 0)),
      retryAfterMs: isAllowed ? 0 : waitMs,
    };
  }
}
