import { Code } from '@raftway/errors';
import {
  ActiveHealth,
  type ActiveHealthSettings,
  type CallResult,
  CircuitBreaker,
  type CircuitBreakerSettings,
  decideRetry,
  type EjectionCause,
  type FailedAttempt,
  type HedgingSettings,
  Limit,
  type NoRetryCause,
  OutlierEjection,
  type OutlierEjectionSettings,
  type RandomSource,
  RequestQueue,
  RetryBudget,
  type RetryBudgetSettings,
  type RetrySettings,
} from '@raftway/resilience';
import { MethodLatencies } from './method-latencies';
import { MethodTable } from './method-table';

/** gRPC codes by which an instance says that it, and not the request, is the trouble. */
export const failureCodes: ReadonlySet<number> = new Set<number>([
  Code.unknown,
  Code.internal,
  Code.unavailable,
  Code.dataLoss,
]);

/** Which calls are made again, and how. */
export interface CallRetrySettings extends RetrySettings {
  /** Methods that may run twice: `package.Service/Method`, `package.Service/*` for all of a service, or `*` for all. */
  readonly methods: ReadonlySet<string>;
}

/** … and how many of a backend's. */
export interface BackendRetrySettings extends CallRetrySettings {
  readonly budget: RetryBudgetSettings;
  /** Calls under way that are made again; undefined for any number. */
  readonly retriesMax: number | undefined;
}

/** How instances are asked for their health (`grpc.health.v1.Health/Check`). */
export interface HealthCheckSettings extends ActiveHealthSettings {
  /** Who set this, as refusals name it. */
  readonly owner: string;
  /** What they are asked for; '' is the instance as a whole. */
  readonly service: string;
  /** From one check to the next, in milliseconds, ±10 %. */
  readonly intervalMs: number;
  /** How long the answer may take, with connecting, in milliseconds. */
  readonly timeoutMs: number;
}

/** What protects a backend from its callers, and callers from a bad instance. Plain data; undefined is off. */
export interface ProtectionSettings {
  /** Who set the breaker, as refusals name it. */
  readonly breakerOwner: string;
  /** Who set the limits. */
  readonly limitsOwner: string;
  readonly outliers: OutlierEjectionSettings | undefined;
  readonly breaker: CircuitBreakerSettings | undefined;
  readonly retry: BackendRetrySettings;
  readonly hedging: HedgingSettings | undefined;
  readonly healthCheck: HealthCheckSettings | undefined;
  /** Connections to one instance; undefined for as many as to those of other backends. */
  readonly connectionsMax: number | undefined;
  /** Calls under way; undefined for any number. */
  readonly requestsMax: number | undefined;
  /** Calls that wait for one of those to end. */
  readonly pendingMax: number;
  /** How long they wait at most, in milliseconds. */
  readonly pendingTimeoutMs: number;
}

/** What a route says of its own calls, other than their backend does. The same object for all of them. */
export interface RoutePolicy {
  readonly retry: Partial<CallRetrySettings> | undefined;
  readonly hedging: HedgingSettings | undefined;
}

/** When one call is made again or twice. */
export interface CallPolicy {
  readonly retry: CallRetrySettings;
  readonly hedging: HedgingSettings | undefined;
  /** Methods that may run twice. */
  readonly safe: MethodTable<true>;
  /** Whether something happens while an attempt is under way. */
  readonly isTimed: boolean;
}

/** A call that waits for a place. */
export interface PendingCall {
  /** One is free and its own now. */
  onPlace(): void;
}

/** Why a call is not made again: the decision's own causes, no place among retries, or an empty budget. */
export type RetryRefusal = NoRetryCause | 'limit' | 'budget';

/**
 * The state of one backend's protection: its breaker, its budget, its places, and which instances are left out. Settings are exchanged under
 * it: what is known stays.
 */
export class Protection {
  outliers: OutlierEjection | undefined;
  checks: ActiveHealth | undefined;
  breaker: CircuitBreaker | undefined;
  readonly budget: RetryBudget;
  readonly retries = new Limit(Infinity);
  readonly requests = new Limit(Infinity);
  readonly pending = new RequestQueue<PendingCall>(0);
  readonly latencies = new MethodLatencies();
  /** Whether a call needs a place or the breaker's permit before it is sent anywhere. */
  isGuarded = false;
  private current: ProtectionSettings;
  private common: CallPolicy;
  private byRoute = new WeakMap<RoutePolicy, CallPolicy>();
  private isServing = false;

  constructor(settings: ProtectionSettings) {
    this.current = settings;
    this.common = callPolicy(settings, undefined);
    this.budget = new RetryBudget(settings.retry.budget);
    // Nobody waits and nobody is left out yet, so that the time makes no difference.
    this.configure(settings, 0);
  }

  get settings(): ProtectionSettings {
    return this.current;
  }

  /**
   * Goes by other settings from now on. Calls that began while there was no limit do not count in one that comes; those that wait for a place
   * get what has become free.
   */
  configure(settings: ProtectionSettings, nowMs: number): void {
    const { outliers, breaker, healthCheck, retry, requestsMax, pendingMax } = settings;
    this.current = settings;
    this.common = callPolicy(settings, undefined);
    this.byRoute = new WeakMap();
    if (outliers !== undefined) this.outliers?.configure(outliers, nowMs);
    this.outliers = outliers && (this.outliers ?? new OutlierEjection(outliers));
    if (breaker !== undefined) this.breaker?.configure(breaker);
    this.breaker = breaker && (this.breaker ?? new CircuitBreaker(breaker));
    if (healthCheck !== undefined) this.checks?.configure(healthCheck);
    this.checks = healthCheck && (this.checks ?? new ActiveHealth(healthCheck));
    this.budget.configure(retry.budget);
    this.retries.resize(retry.retriesMax ?? Infinity);
    this.requests.resize(requestsMax ?? Infinity);
    this.pending.resize(pendingMax);
    this.isGuarded = requestsMax !== undefined || breaker !== undefined;
    this.serve(nowMs);
  }

  /** When calls of a route are made again or twice. @param route undefined when it says nothing of its own */
  policyFor(route: RoutePolicy | undefined): CallPolicy {
    if (route === undefined) return this.common;
    let policy = this.byRoute.get(route);
    if (policy === undefined) this.byRoute.set(route, (policy = callPolicy(this.current, route)));
    return policy;
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
    return this.pending.size === 0 && this.requests.tryTake();
  }

  /** Gives a place back, and on to those that wait. */
  leave(nowMs: number): void {
    this.requests.giveBack();
    this.serve(nowMs);
  }

  /** A call does not wait for a place any more. */
  stopWaiting(call: PendingCall, nowMs: number): void {
    // Whoever came behind one whose time was over has waited for it.
    if (this.pending.cancel(call)) this.serve(nowMs);
  }

  /**
   * Decides whether a failed call is made again, and takes what that needs: out of the budget, and a place among the
   * retries.
   * @param hasPlace whether the call has such a place already.
   */
  decideRetry(
    settings: RetrySettings,
    failed: FailedAttempt,
    hasPlace: boolean,
    nowMs: number,
    random: RandomSource,
  ): { readonly afterMs: number } | { readonly cause: RetryRefusal } {
    const decision = decideRetry(settings, failed, random);
    if ('cause' in decision) return decision;
    const cause = this.takeRetry(hasPlace, nowMs);
    return cause === undefined ? decision : { cause };
  }

  /** Takes what a further attempt needs, as {@link decideRetry} does, or says why it cannot. */
  takeRetry(hasPlace: boolean, nowMs: number): 'limit' | 'budget' | undefined {
    if (!hasPlace && !this.retries.tryTake()) return 'limit';
    if (this.budget.tryRetry(nowMs)) return undefined;
    if (!hasPlace) this.retries.giveBack();
    return 'budget';
  }

  /** Gives those that wait what is free. */
  private serve(nowMs: number): void {
    const { requests, pending } = this;
    // Whoever gets the place may fail at once and give it back: in this loop, and not one inside the other.
    if (pending.size === 0 || this.isServing) return;
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
}

function callPolicy(settings: ProtectionSettings, route: RoutePolicy | undefined): CallPolicy {
  const retry = { ...settings.retry, ...route?.retry };
  const wanted = route?.hedging ?? settings.hedging;
  const hedging = wanted === undefined || wanted.attemptsMax < 2 ? undefined : wanted;
  const isTimed = hedging !== undefined || retry.perTryTimeoutMs !== undefined;
  const safe = new MethodTable([...retry.methods].map((name) => [name, true as const]));
  return { retry, hedging, safe, isTimed };
}
