import { Code } from '@raftway/errors';
import {
  type CallResult,
  CircuitBreaker,
  type CircuitBreakerSettings,
  decideRetry,
  type EjectionCause,
  type FailedAttempt,
  type Limit,
  limitOf,
  type NoRetryCause,
  OutlierEjection,
  type OutlierEjectionSettings,
  type RandomSource,
  RequestQueue,
  RetryBudget,
  type RetryBudgetSettings,
  type RetrySettings,
} from '@raftway/resilience';

/** gRPC codes by which an instance says that it, and not the request, is the trouble. */
export const failureCodes: ReadonlySet<number> = new Set<number>([
  Code.unknown,
  Code.internal,
  Code.unavailable,
  Code.dataLoss,
]);

/** Which calls are made again, and how many of them. */
export interface BackendRetrySettings extends RetrySettings {
  readonly budget: RetryBudgetSettings;
  /** Calls under way that are made again; undefined for any number. */
  readonly retriesMax: number | undefined;
  /** Methods that may run twice: `package.Service/Method`, or `package.Service/*` for all of a service. */
  readonly methods: ReadonlySet<string>;
}

/** What protects a backend from its callers, and callers from a bad instance. Plain data; undefined is off. */
export interface ProtectionSettings {
  /** Who set this, as refusals name it. */
  readonly owner: string;
  readonly outliers: OutlierEjectionSettings | undefined;
  readonly breaker: CircuitBreakerSettings | undefined;
  readonly retry: BackendRetrySettings | undefined;
  /** Calls under way; undefined for any number. */
  readonly requestsMax: number | undefined;
  /** Calls that wait for one of those to end. */
  readonly pendingMax: number;
  /** How long they wait at most, in milliseconds. */
  readonly pendingTimeoutMs: number;
}

/** A call that waits for a place. */
export interface PendingCall {
  /** One is free and its own now. */
  onPlace(): void;
}

/** Why a call is not made again: the decision's own causes, no place among retries, or an empty budget. */
export type RetryRefusal = NoRetryCause | 'limit' | 'budget';

/** The state of one backend's protection: its breaker, its budget, its places, and which instances are left out. */
export class Protection {
  readonly outliers: OutlierEjection | undefined;
  readonly breaker: CircuitBreaker | undefined;
  readonly budget: RetryBudget | undefined;
  readonly retries: Limit | undefined;
  readonly requests: Limit | undefined;
  readonly pending: RequestQueue<PendingCall>;
  private isServing = false;

  constructor(readonly settings: ProtectionSettings) {
    const { outliers, breaker, retry, requestsMax, pendingMax } = settings;
    this.outliers = outliers && new OutlierEjection(outliers);
    this.breaker = breaker && new CircuitBreaker(breaker);
    this.budget = retry && new RetryBudget(retry.budget);
    this.retries = limitOf(retry?.retriesMax);
    this.requests = limitOf(requestsMax);
    this.pending = new RequestQueue(pendingMax);
  }

  /** Whether a call needs a place or the breaker's permit before it is sent anywhere. */
  get isGuarded(): boolean {
    return this.requests !== undefined || this.breaker !== undefined;
  }

  /** Notes how a call ended for an instance; says why the instance is left out from now on, if it is. */
  noteEnd(key: string, code: number, nowMs: number): EjectionCause | undefined {
    return this.outliers?.record(key, failureCodes.has(code), nowMs);
  }

  /** What the outcome of a call says about the backend. */
  resultOf(code: number): CallResult {
    if (failureCodes.has(code)) return 'failure';
    return code === Code.cancelled || code === Code.deadlineExceeded ? 'ignored' : 'success';
  }

  /** Takes a place among the calls under way, in front of nobody that waits. */
  tryEnter(): boolean {
    return this.requests === undefined || (this.pending.size === 0 && this.requests.tryTake());
  }

  /** Gives a place back, and on to those that wait. */
  leave(nowMs: number): void {
    const { requests, pending } = this;
    requests?.giveBack();
    // Whoever gets the place may fail at once and give it back: in this loop, and not one inside the other.
    if (requests === undefined || this.isServing) return;
    this.isServing = true;
    try {
      while (pending.size > 0 && requests.used < requests.max) {
        const next = pending.take(nowMs);
        if (next === undefined) return;
        requests.tryTake();
        next.onPlace();
      }
    } finally {
      this.isServing = false;
    }
  }

  /** Whether a method may run twice, by the settings. */
  isIdempotent(grpcService: string, method: string): boolean {
    const methods = this.settings.retry?.methods;
    if (methods === undefined || methods.size === 0) return false;
    return methods.has(`${grpcService}/${method}`) || methods.has(`${grpcService}/*`);
  }

  /**
   * Decides whether a failed call is made again, and takes what that needs: out of the budget, and a place among the
   * retries.
   * @param hasPlace whether the call has such a place already.
   */
  decideRetry(
    failed: FailedAttempt,
    hasPlace: boolean,
    nowMs: number,
    random: RandomSource,
  ): { readonly afterMs: number } | { readonly cause: RetryRefusal } {
    const { retry } = this.settings;
    if (retry === undefined || this.budget === undefined) return { cause: 'attempts' };
    const decision = decideRetry(retry, failed, random);
    if ('cause' in decision) return decision;
    const takesPlace = !hasPlace && this.retries !== undefined;
    if (takesPlace && this.retries?.tryTake() === false) return { cause: 'limit' };
    if (this.budget.tryRetry(nowMs)) return decision;
    if (takesPlace) this.retries?.giveBack();
    return { cause: 'budget' };
  }
}
