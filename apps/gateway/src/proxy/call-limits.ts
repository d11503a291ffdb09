/*
 * The limits that one call counts against, before it is sent anywhere: rate limits and quotas, and then a place among the calls under way
 * of its target.
 *
 * A call counts against all of its rate limits and quotas, or, when one of them refuses it, against none. Those of this gateway are looked
 * at first: whoever they refuse costs no way to Redis. What gateways count together this one counts for itself, too, so that it can go on
 * from there when Redis is away.
 */
import { type ServiceError } from '@raftway/errors';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { type CallPriority, type RateDecision } from '@raftway/resilience';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { type CallIdentity } from '../domain/call-identity';
import { type KeyFacts, limitKey } from '../domain/limits/limit-key';
import {
  concurrencyFull,
  concurrencyQueueTimeout,
  limitExceeded,
  type LimitRefusal,
} from '../domain/limits/limit-refusals';
import { type CountedLimit, costOf, type RuleLimits } from '../domain/limits/limit-settings';
import { type LimitState } from '../domain/limits/limit-states';
import {
  priorityOf,
  type QueuedCall,
  type TargetConcurrency,
} from '../domain/limits/target-concurrency';
import { type SharedVerdict } from './limit-context';
import { type ProxyContext } from './proxy-context';

/** Longer keys are held, and compared, as their digest: clients choose headers. */
const keyLengthMax = 64;

/** The call that {@link CallLimits} are of. */
export interface LimitedCall {
  /** Its limits let it through. */
  onAdmitted(): void;
  /** @param headers beside the status */
  fail(error: ServiceError, headers: HeaderPairs): void;
}

/** What is known of the call. */
export interface LimitedStart {
  readonly route: { readonly grpcService: string };
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly clientAddress: string;
  /** Undefined when nothing has been proved. */
  readonly identity?: CallIdentity | undefined;
}

/** One of the call's limits, with what it counts under which key. */
interface Charge {
  readonly limit: CountedLimit;
  readonly state: LimitState;
  readonly key: string;
  readonly cost: number;
}

const none: readonly Charge[] = [];

/** A call's way through its limits. */
export class CallLimits implements Expirable, QueuedCall {
  private stage: 'before' | 'asking' | 'waiting' | 'inside' | 'over' = 'before';
  /** Charges that count in this gateway alone. */
  private local: readonly Charge[] = none;
  /** Charges that count in all gateways. */
  private shared: readonly Charge[] = none;
  private concurrency: TargetConcurrency | undefined;
  private priority: CallPriority = 'critical';
  private deadline: Deadline | undefined;
  private admittedMs = 0;
  private answeredMs: number | undefined;

  constructor(
    private readonly call: LimitedCall,
    private readonly limits: RuleLimits,
    private readonly start: LimitedStart,
    private readonly context: ProxyContext,
  ) {}

  /** Says `onAdmitted` or `fail`, now or later. */
  enter(): void {
    this.collect();
    if (!this.take(this.local)) return;
    const { shared, context } = this;
    if (shared.length === 0) return this.enterConcurrency();
    const store = context.limits.shared;
    if (store === undefined) return this.onVerdict(undefined);
    this.stage = 'asking';
    const charges = shared.map(({ limit, state, key, cost }) => ({
      ...{ limit, cost },
      key: state.hasPlaceFor(key) ? key : undefined,
    }));
    store.take(charges, (verdict) => {
      if (this.stage === 'asking') this.onVerdict(verdict);
    });
  }

  /** The backend has begun to answer. */
  onAnswer(): void {
    this.answeredMs ??= this.context.nowMs();
  }

  /** The call has ended with this code. Once. */
  leave(code: number): void {
    const { stage, concurrency, context } = this;
    this.stage = 'over';
    this.stopWaiting();
    if (stage === 'waiting') concurrency?.cancel(this, this.priority);
    if (stage !== 'inside') return;
    const nowMs = context.nowMs();
    concurrency?.leave(code, (this.answeredMs ?? nowMs) - this.admittedMs, nowMs);
  }

  /** It has waited as long as it may. */
  onDeadline(): void {
    this.deadline = undefined;
    const { concurrency } = this;
    if (concurrency === undefined) return;
    const { settings, target } = concurrency;
    this.context.limits.observer.onConcurrency(target, 'timeout');
    this.refuse(concurrencyQueueTimeout(settings, target, this.priority));
  }

  onPlace(): void {
    this.stopWaiting();
    this.admit('waited');
  }

  private collect(): void {
    const { route, method, headers, clientAddress, identity } = this.start;
    const { grpcService } = route;
    const { trustForwarded } = this.context;
    const { states, digest } = this.context.limits;
    const facts: KeyFacts = {
      grpcService,
      method,
      headers,
      clientAddress,
      identity,
      trustForwarded,
    };
    for (const limit of this.limits.counted) {
      const cost = costOf(limit, grpcService, method);
      if (cost === 0) continue;
      const text = limitKey(limit.key, facts);
      const key = text.length > keyLengthMax ? digest(text) : text;
      const charge = { limit, state: states.of(limit), key, cost };
      if (limit.scope === 'shared') this.shared = [...this.shared, charge];
      else this.local = [...this.local, charge];
    }
  }

  /** Counts all of these, or refuses the call for the one that it would have to wait for longest, and counts none. */
  private take(charges: readonly Charge[]): boolean {
    const [only] = charges;
    if (only !== undefined && charges.length === 1) return this.takeOnly(only);
    let refusing: Charge | undefined;
    let decision: RateDecision | undefined;
    for (const charge of charges) {
      const { state, key, cost } = charge;
      const said = state.peek(key, cost);
      if (said.isAllowed || said.retryAfterMs <= (decision?.retryAfterMs ?? -1)) continue;
      refusing = charge;
      decision = said;
    }
    if (refusing !== undefined && decision !== undefined) {
      this.refuseFor(refusing.limit, decision);
      return false;
    }
    const { observer } = this.context.limits;
    for (const { limit, state, key, cost } of charges) {
      state.take(key, cost);
      observer.onCounted(limit, true);
    }
    return true;
  }

  /** The same for one, which need not be looked at before. */
  private takeOnly({ limit, state, key, cost }: Charge): boolean {
    const decision = state.take(key, cost);
    if (!decision.isAllowed) this.refuseFor(limit, decision);
    else this.context.limits.observer.onCounted(limit, true);
    return decision.isAllowed;
  }

  private onVerdict(verdict: SharedVerdict): void {
    this.stage = 'before';
    const { observer } = this.context.limits;
    if (verdict === undefined) {
      observer.onCountedAlone();
      if (!this.take(this.shared)) return this.giveBack();
      return this.enterConcurrency();
    }
    if (verdict !== 'allowed') {
      const charge = this.shared[verdict.index];
      this.giveBack();
      if (charge !== undefined) this.refuseFor(charge.limit, { ...verdict, isAllowed: false });
      return;
    }
    for (const { limit, state, key, cost } of this.shared) {
      state.take(key, cost);
      observer.onCounted(limit, true);
    }
    this.enterConcurrency();
  }

  /** A call that is refused has cost nothing. */
  private giveBack(): void {
    for (const { state, key, cost } of this.local) state.giveBack(key, cost);
  }

  private enterConcurrency(): void {
    const { route, method, headers } = this.start;
    const { states, observer } = this.context.limits;
    const limited = this.limits.concurrency;
    if (limited === undefined) return this.admit('allowed');
    const concurrency = states.concurrencyOf(limited);
    this.concurrency = concurrency;
    const { settings, target } = concurrency;
    this.priority = priorityOf(settings.priorities, route.grpcService, method, (name) =>
      headerValue(headers, name),
    );
    const untilMs = this.context.nowMs() + settings.queueTimeoutMs;
    const found = concurrency.enter(this, this.priority, untilMs);
    if (found === 'inside') return this.admit('allowed');
    if (found === 'waiting') {
      this.stage = 'waiting';
      this.deadline = this.context.deadlines.add(this, untilMs);
      return;
    }
    observer.onConcurrency(target, 'full');
    const limit = concurrency.limitOf(this.priority);
    this.refuse(concurrencyFull(settings, target, limit, this.priority));
  }

  private admit(how: 'allowed' | 'waited'): void {
    this.stage = 'inside';
    const { concurrency, context } = this;
    if (concurrency !== undefined) {
      this.admittedMs = context.nowMs();
      context.limits.observer.onConcurrency(concurrency.target, how);
    }
    this.call.onAdmitted();
  }

  private refuseFor(limit: CountedLimit, decision: RateDecision): void {
    this.context.limits.observer.onCounted(limit, false);
    this.refuse(limitExceeded(limit, decision));
  }

  private refuse({ error, headers }: LimitRefusal): void {
    this.call.fail(error, headers);
  }

  private stopWaiting(): void {
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
  }
}
