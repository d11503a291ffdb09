import { type RateDecision, RateLimiter, WindowQuota } from '@raftway/resilience';
import {
  type ConcurrencySettings,
  type CountedLimit,
  type Quota,
  type RateLimit,
  type RuleLimits,
  type TargetLimit,
} from './limit-settings';
import { quotaWindow } from './quota-window';
import { TargetConcurrency } from './target-concurrency';

/** The two clocks that limits go by, in milliseconds. */
export interface LimitClocks {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Since 1970. */
  readonly wallMs: () => number;
}

/** What one gateway has counted for a limit. */
export interface LimitState {
  readonly limit: CountedLimit;
  /** What {@link take} would say. */
  peek(key: string, cost: number): RateDecision;
  /** Lets a call through or not. */
  take(key: string, cost: number): RateDecision;
  /** Undoes a {@link take} that let a call through. */
  giveBack(key: string, cost: number): void;
  /** Whether a key is counted by itself. */
  hasPlaceFor(key: string): boolean;
}

class RateState implements LimitState {
  private readonly limiter: RateLimiter;

  constructor(
    readonly limit: RateLimit,
    private readonly clocks: LimitClocks,
  ) {
    const { requests, perMs, burst, keysMax } = limit;
    this.limiter = new RateLimiter({ perSecond: (requests * 1000) / perMs, burst, keysMax });
  }

  peek(key: string, cost: number): RateDecision {
    return this.limiter.peek(key, cost, this.clocks.nowMs());
  }

  take(key: string, cost: number): RateDecision {
    return this.limiter.take(key, cost, this.clocks.nowMs());
  }

  giveBack(key: string, cost: number): void {
    this.limiter.giveBack(key, cost);
  }

  hasPlaceFor(key: string): boolean {
    return this.limiter.hasPlaceFor(key, this.clocks.nowMs());
  }
}

class QuotaState implements LimitState {
  private readonly quota: WindowQuota;
  private window = { startMs: 0, endMs: 0 };

  constructor(
    readonly limit: Quota,
    private readonly clocks: LimitClocks,
  ) {
    this.quota = new WindowQuota({ max: limit.requests, keysMax: limit.keysMax });
  }

  peek(key: string, cost: number): RateDecision {
    const wallMs = this.clocks.wallMs();
    return this.quota.peek(key, cost, this.windowAt(wallMs), wallMs);
  }

  take(key: string, cost: number): RateDecision {
    const wallMs = this.clocks.wallMs();
    return this.quota.take(key, cost, this.windowAt(wallMs), wallMs);
  }

  giveBack(key: string, cost: number): void {
    this.quota.giveBack(key, cost, this.windowAt(this.clocks.wallMs()));
  }

  hasPlaceFor(key: string): boolean {
    return this.quota.hasPlaceFor(key, this.windowAt(this.clocks.wallMs()));
  }

  private windowAt(wallMs: number) {
    const { startMs, endMs } = this.window;
    if (wallMs < startMs || wallMs >= endMs) this.window = quotaWindow(this.limit.period, wallMs);
    return this.window;
  }
}

/**
 * The counts of all limits in one gateway. A limit that stays as it is keeps its count when documents change; one that is changed begins
 * anew.
 */
export class LimitStates {
  private readonly counted = new Map<string, { source: CountedLimit; state: LimitState }>();
  private readonly concurrency = new Map<
    string,
    { source: ConcurrencySettings; state: TargetConcurrency }
  >();

  constructor(private readonly clocks: LimitClocks) {}

  /** The count of a limit. */
  of(limit: CountedLimit): LimitState {
    const known = this.counted.get(limit.id);
    if (known?.source === limit) return known.state;
    const state =
      known !== undefined && isSame(known.source, limit) ? known.state : this.countOf(limit);
    this.counted.set(limit.id, { source: limit, state });
    return state;
  }

  /** The calls under way of a target. */
  concurrencyOf(limit: TargetLimit): TargetConcurrency {
    const { target, settings } = limit;
    const known = this.concurrency.get(target);
    if (known?.source === settings) return known.state;
    const state =
      known !== undefined && isSame(known.source, settings)
        ? known.state
        : new TargetConcurrency(limit);
    this.concurrency.set(target, { source: settings, state });
    return state;
  }

  /** What is counted of concurrency, by target. */
  concurrencies(): readonly TargetConcurrency[] {
    return [...this.concurrency.values()].map(({ state }) => state);
  }

  /** Forgets the counts of limits that are in none of these. */
  retain(all: Iterable<RuleLimits>): void {
    const counted = new Set<string>();
    const targets = new Set<string>();
    for (const limits of all) {
      for (const { id } of limits.counted) counted.add(id);
      if (limits.concurrency !== undefined) targets.add(limits.concurrency.target);
    }
    for (const id of this.counted.keys()) if (!counted.has(id)) this.counted.delete(id);
    for (const target of this.concurrency.keys())
      if (!targets.has(target)) this.concurrency.delete(target);
  }

  private countOf(limit: CountedLimit): LimitState {
    return limit.kind === 'quota'
      ? new QuotaState(limit, this.clocks)
      : new RateState(limit, this.clocks);
  }
}

/** Whether settings that were compiled anew say what those of before said. */
function isSame<Settings>(before: Settings, after: Settings): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
