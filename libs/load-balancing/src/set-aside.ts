import { type RandomSource } from './endpoint';
import { type Health } from './health';

/** How long an endpoint that failed is left out. */
export interface SetAsideOptions {
  /** After the first failure, in milliseconds. */
  readonly initialMs: number;
  /** At most, in milliseconds. */
  readonly maximumMs: number;
  /** Growth with each further failure. */
  readonly multiplier: number;
  /** Share of the time that is random, 0 to 1, so that many callers do not come back at the same moment. */
  readonly jitter: number;
}

/** 250 ms, doubling, up to 10 s, ±20 %: below a lease's usual time to live, so that the registry has the last word. */
export const defaultSetAsideOptions: SetAsideOptions = {
  initialMs: 250,
  maximumMs: 10_000,
  multiplier: 2,
  jitter: 0.2,
};

interface Failure {
  count: number;
  untilMs: number;
}

/**
 * Which endpoints are set aside, and until when. An endpoint that fails again, after it was tried again, is left out
 * longer each time; one success forgets all of it. Holds an entry only for endpoints that failed and are still known:
 * call {@link retain} whenever the endpoints change.
 */
export class SetAside implements Health {
  private changes = 0;
  private readonly failures = new Map<string, Failure>();

  constructor(
    private readonly random: RandomSource,
    private readonly options: SetAsideOptions = defaultSetAsideOptions,
  ) {}

  /** How many endpoints have failed and not succeeded since. */
  get size(): number {
    return this.failures.size;
  }

  /** How often something was set aside or forgotten. */
  get version(): number {
    return this.changes;
  }

  /** The time, in the caller's milliseconds, before which the endpoint should not be picked; 0 when it may be. */
  until(key: string): number {
    return this.failures.size === 0 ? 0 : (this.failures.get(key)?.untilMs ?? 0);
  }

  /** Notes a failure. Failures while the endpoint is already set aside count as the same one. Returns until when. */
  fail(key: string, nowMs: number): number {
    const failure = this.failures.get(key);
    if (failure !== undefined && nowMs < failure.untilMs) return failure.untilMs;
    const count = (failure?.count ?? 0) + 1;
    const { initialMs, maximumMs, multiplier, jitter } = this.options;
    const backoffMs = Math.min(maximumMs, initialMs * multiplier ** (count - 1));
    const untilMs = nowMs + backoffMs * (1 + jitter * (2 * this.random() - 1));
    this.failures.set(key, { count, untilMs });
    this.changes += 1;
    return untilMs;
  }

  /** Notes that the endpoint works. */
  succeed(key: string): void {
    if (this.failures.size > 0 && this.failures.delete(key)) this.changes += 1;
  }

  /** Forgets every endpoint that is not known any more. */
  retain(isKnown: (key: string) => boolean): void {
    for (const key of this.failures.keys()) if (!isKnown(key)) this.succeed(key);
  }
}
