import { doubledMs } from './doubling';
import { type FailureCause, type FailureThresholds, FailureWindow } from './failure-window';

/** When an {@link OutlierEjection} leaves an endpoint out, and for how long. */
export interface OutlierEjectionSettings extends FailureThresholds {
  /** How long an endpoint is left out the first time, in milliseconds; doubles each further time. */
  readonly ejectionMs: number;
  /** How long it is left out at most, in milliseconds. */
  readonly ejectionMaxMs: number;
  /** The share of the endpoints that may be left out at a time, 0 to 1, rounded down: never all. */
  readonly ejectedShareMax: number;
}

/** 5 in a row or 40 % of 10 calls or more within 10 s; out for 10 s, up to 5 min; at most half of them. */
export const defaultOutlierEjectionSettings: OutlierEjectionSettings = {
  windowMs: 10_000,
  consecutiveFailures: 5,
  errorShare: 0.4,
  requestsMin: 10,
  ejectionMs: 10_000,
  ejectionMaxMs: 300_000,
  ejectedShareMax: 0.5,
};

/** Why an endpoint was left out. */
export type EjectionCause = FailureCause;

interface Watched {
  readonly results: FailureWindow;
  /** How often it was left out lately: one less for each time that it worked as long as it was out. */
  ejections: number;
  ejectedMs: number;
  /** 0 when it was never left out. */
  untilMs: number;
  /** Of the last time. */
  cause: EjectionCause | undefined;
}

/**
 * Leaves out the endpoints of a backend that answer clearly worse than the others, as the results of calls show.
 *
 * Worse than the others, and not only bad: when all fail alike, because the backend has a bug, its database is away or a
 * caller sends nonsense, leaving half of them out would halve the capacity and help nobody. So an endpoint is left out only
 * while a quarter of the others, at least one, have at most half its share of failures; one that nobody asked lately counts
 * as good.
 *
 * An endpoint that comes back begins with no results.
 */
export class OutlierEjection {
  private readonly endpoints = new Map<string, Watched>();
  private readonly ejected = new Map<string, Watched>();
  private changes = 0;

  constructor(private settings: OutlierEjectionSettings) {}

  /** Goes by other settings from now on: results and those that are left out stay, as far as the share allows. */
  configure(settings: OutlierEjectionSettings, nowMs: number): void {
    this.settings = settings;
    for (const { results } of this.endpoints.values()) results.configure(settings);
    this.readmitBeyondShare(nowMs);
  }

  /** Endpoints that are left out or were when somebody asked last: 0 when none is, without asking for the time. */
  get size(): number {
    return this.ejected.size;
  }

  /** Changes whenever somebody is left out or comes back before the time. */
  get version(): number {
    return this.changes;
  }

  /** Endpoints left out at `nowMs`. */
  ejectedCount(nowMs: number): number {
    for (const [key, { untilMs }] of this.ejected) if (untilMs <= nowMs) this.ejected.delete(key);
    return this.ejected.size;
  }

  /** The time, in the caller's milliseconds, before which the endpoint should not be picked; 0 when it may be. */
  until(key: string): number {
    return this.ejected.size === 0 ? 0 : (this.ejected.get(key)?.untilMs ?? 0);
  }

  /** Says which endpoints there are. What is known of others is forgotten; whoever is left out beyond the share comes back. */
  setEndpoints(keys: Iterable<string>, nowMs: number): void {
    const known = new Set(keys);
    for (const key of this.endpoints.keys()) if (!known.has(key)) this.forget(key);
    for (const key of known) if (!this.endpoints.has(key)) this.endpoints.set(key, this.watch());
    this.readmitBeyondShare(nowMs);
  }

  /** Why an endpoint is left out; undefined when it is not. */
  causeOf(key: string): EjectionCause | undefined {
    return this.ejected.get(key)?.cause;
  }

  /**
   * Notes how a call at an endpoint ended.
   * @returns why the endpoint is left out from now on; undefined when it is not, or was before.
   */
  record(key: string, failed: boolean, nowMs: number): EjectionCause | undefined {
    const endpoint = this.endpoints.get(key);
    // Results of calls that began before it was left out say nothing new.
    if (endpoint === undefined || nowMs < endpoint.untilMs) return undefined;
    const cause = endpoint.results.note(failed, nowMs);
    if (cause === undefined || !this.mayEject(key, endpoint, nowMs)) return undefined;
    this.eject(key, endpoint, nowMs);
    endpoint.cause = cause;
    return cause;
  }

  private get ejectedMax(): number {
    const { size } = this.endpoints;
    return Math.max(0, Math.min(size - 1, Math.floor(size * this.settings.ejectedShareMax)));
  }

  private mayEject(key: string, endpoint: Watched, nowMs: number): boolean {
    if (this.ejectedCount(nowMs) + 1 > this.ejectedMax) return false;
    const half = endpoint.results.share(nowMs) / 2;
    let others = 0;
    let better = 0;
    for (const [otherKey, other] of this.endpoints) {
      if (otherKey === key || this.ejected.has(otherKey)) continue;
      others += 1;
      if (other.results.share(nowMs) <= half) better += 1;
    }
    return better >= Math.max(1, others / 4);
  }

  private eject(key: string, endpoint: Watched, nowMs: number): void {
    const { ejectionMs, ejectionMaxMs } = this.settings;
    if (endpoint.ejectedMs > 0) {
      const workedFor = Math.floor((nowMs - endpoint.untilMs) / endpoint.ejectedMs);
      endpoint.ejections = Math.max(0, endpoint.ejections - workedFor);
    }
    endpoint.ejectedMs = doubledMs(ejectionMs, endpoint.ejections, ejectionMaxMs);
    endpoint.ejections += 1;
    endpoint.untilMs = nowMs + endpoint.ejectedMs;
    endpoint.results.clear();
    this.ejected.set(key, endpoint);
    this.changes += 1;
  }

  private readmitBeyondShare(nowMs: number): void {
    while (this.ejectedCount(nowMs) > this.ejectedMax) this.readmitSoonest();
  }

  private readmitSoonest(): void {
    let soonest: string | undefined;
    for (const [key, { untilMs }] of this.ejected)
      if (soonest === undefined || untilMs < this.until(soonest)) soonest = key;
    if (soonest === undefined) return;
    const endpoint = this.ejected.get(soonest);
    if (endpoint !== undefined) endpoint.untilMs = 0;
    this.ejected.delete(soonest);
    this.changes += 1;
  }

  private watch(): Watched {
    const results = new FailureWindow(this.settings);
    return { results, ejections: 0, ejectedMs: 0, untilMs: 0, cause: undefined };
  }

  private forget(key: string): void {
    this.endpoints.delete(key);
    if (this.ejected.delete(key)) this.changes += 1;
  }
}
