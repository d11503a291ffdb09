import { doubledMs } from './doubling';
import { type FailureThresholds, FailureWindow } from './failure-window';

/** When a {@link CircuitBreaker} opens, and how it closes again. */
export interface CircuitBreakerSettings extends FailureThresholds {
  /** How long it stays open the first time, in milliseconds; doubles each time that probes fail. */
  readonly openMs: number;
  /** How long it stays open at most, in milliseconds. */
  readonly openMaxMs: number;
  /** Calls let through to see whether it works again: so many at once, and so many successes close it. */
  readonly probes: number;
}

/** Half of 20 calls or more within 10 s, or 10 in a row; open for 5 s, up to 60 s; 3 probes. */
export const defaultCircuitBreakerSettings: CircuitBreakerSettings = {
  windowMs: 10_000,
  errorShare: 0.5,
  requestsMin: 20,
  consecutiveFailures: 10,
  openMs: 5000,
  openMaxMs: 60_000,
  probes: 3,
};

/**
 * - `closed`: everything passes.
 * - `open`: nothing passes until its time is over.
 * - `half-open`: a few calls pass as probes.
 */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** `ignored` says nothing about the backend: the caller gave up, or its request was wrong. */
export type CallResult = 'success' | 'failure' | 'ignored';

/** What {@link CircuitBreaker.acquire} gives, and {@link CircuitBreaker.end} takes back: exactly once. */
export type CircuitPermit = number;

/**
 * Stops calls to something that fails, so that neither waits for the other: callers get an answer at once, and the backend
 * gets time to recover.
 *
 * A result counts only in the state in which its call began. Calls that were under way when the circuit opened decide
 * nothing about the probes.
 */
export class CircuitBreaker {
  private readonly results: FailureWindow;
  private current: CircuitState = 'closed';
  /** Grows with each change of state: which permits still count. */
  private generation = 0;
  private openings = 0;
  private untilMs = 0;
  private probesOut = 0;
  private probesGood = 0;

  constructor(private settings: CircuitBreakerSettings) {
    this.results = new FailureWindow(settings);
  }

  /** Goes by other settings from now on: its state, its results and the time that it is open for stay. */
  configure(settings: CircuitBreakerSettings): void {
    this.settings = settings;
    this.results.configure(settings);
    if (this.current === 'half-open' && this.probesGood >= settings.probes) this.close();
  }

  /** The state at `nowMs`. */
  state(nowMs: number): CircuitState {
    if (this.current === 'open' && nowMs >= this.untilMs) this.enter('half-open');
    return this.current;
  }

  /** Milliseconds until probes are let through; 0 when it is not open. */
  retryAfterMs(nowMs: number): number {
    return this.state(nowMs) === 'open' ? this.untilMs - nowMs : 0;
  }

  /** Lets a call through, or says undefined: do not make it. */
  acquire(nowMs: number): CircuitPermit | undefined {
    switch (this.state(nowMs)) {
      case 'closed':
        return this.generation;
      case 'open':
        return undefined;
      case 'half-open':
        if (this.probesOut + this.probesGood >= this.settings.probes) return undefined;
        this.probesOut += 1;
        return this.generation;
    }
  }

  /** Notes how a call ended that was let through. */
  end(permit: CircuitPermit, result: CallResult, nowMs: number): void {
    if (permit !== this.generation) return;
    if (this.current === 'half-open') this.endProbe(result, nowMs);
    else if (result !== 'ignored' && this.results.note(result === 'failure', nowMs) !== undefined)
      this.open(nowMs);
  }

  private endProbe(result: CallResult, nowMs: number): void {
    this.probesOut -= 1;
    if (result === 'failure') return this.open(nowMs);
    if (result === 'ignored') return;
    this.probesGood += 1;
    if (this.probesGood >= this.settings.probes) this.close();
  }

  private close(): void {
    this.openings = 0;
    this.enter('closed');
  }

  private open(nowMs: number): void {
    const { openMs, openMaxMs } = this.settings;
    this.untilMs = nowMs + doubledMs(openMs, this.openings, openMaxMs);
    this.openings += 1;
    this.enter('open');
  }

  private enter(state: CircuitState): void {
    this.current = state;
    this.generation += 1;
    this.results.clear();
    this.probesOut = 0;
    this.probesGood = 0;
  }
}
