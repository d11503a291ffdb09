import { Code } from '@raftway/errors';
import {
  callPriorities,
  type CallPriority,
  ConcurrencyLimiter,
  type ConcurrencyOutcome,
  defaultConcurrencyLimiterSettings,
  defaultGradientSettings,
  FixedConcurrencyLimit,
  GradientConcurrencyLimit,
  RequestQueue,
} from '@raftway/resilience';
import { failureCodes } from '../protection';
import {
  type ConcurrencySettings,
  ofMethod,
  type PriorityRules,
  type TargetLimit,
} from './limit-settings';

/** A call that waits for a place. */
export interface QueuedCall {
  /** One is free and its own now. */
  onPlace(): void;
}

const equal = { critical: 1, normal: 1, sheddable: 1 };

/** The calls under way of one target, and those that wait, the important ones first. */
export class TargetConcurrency {
  readonly target: string;
  readonly settings: ConcurrencySettings;
  private readonly limiter: ConcurrencyLimiter;
  private readonly queues: Readonly<Record<CallPriority, RequestQueue<QueuedCall>>>;
  private isServing = false;

  constructor({ target, settings }: TargetLimit) {
    this.target = target;
    this.settings = settings;
    const { limit, priorities, queueMax } = settings;
    this.limiter = new ConcurrencyLimiter(
      limit.type === 'fixed'
        ? new FixedConcurrencyLimit(limit.max)
        : new GradientConcurrencyLimit({ ...defaultGradientSettings, ...limit }),
      {
        ...defaultConcurrencyLimiterSettings,
        ...(priorities === undefined && { shares: equal }),
      },
    );
    this.queues = {
      critical: new RequestQueue(queueMax),
      normal: new RequestQueue(queueMax),
      sheddable: new RequestQueue(queueMax),
    };
  }

  /** Calls that have a place. */
  get used(): number {
    return this.limiter.used;
  }

  /** Calls that wait for one. */
  get waiting(): number {
    const { critical, normal, sheddable } = this.queues;
    return critical.size + normal.size + sheddable.size;
  }

  /** How many calls may have a place now. @param priority of those calls */
  limitOf(priority: CallPriority = 'critical'): number {
    return this.limiter.limitOf(priority);
  }

  /** Takes a place, in front of nobody of that priority that waits; or waits for one until `untilMs`; or does neither. */
  enter(call: QueuedCall, priority: CallPriority, untilMs: number): 'inside' | 'waiting' | 'full' {
    const queue = this.queues[priority];
    if (queue.size === 0 && this.limiter.tryAcquire(priority)) return 'inside';
    return queue.offer(call, untilMs) ? 'waiting' : 'full';
  }

  /** A call waits no longer. */
  cancel(call: QueuedCall, priority: CallPriority): void {
    this.queues[priority].cancel(call);
  }

  /**
   * Gives a place back, and on to those that wait.
   * @param code gRPC status that the call ended with
   * @param answeredMs how long its backend took to begin its answer
   */
  leave(code: number, answeredMs: number, nowMs: number): void {
    this.limiter.release(outcomeOf(code), answeredMs, nowMs);
    // Whoever gets the place may fail at once and give it back: in this loop, and not one inside the other.
    if (this.isServing) return;
    this.isServing = true;
    try {
      for (const priority of callPriorities) this.serve(priority, nowMs);
    } finally {
      this.isServing = false;
    }
  }

  private serve(priority: CallPriority, nowMs: number): void {
    const { limiter } = this;
    const queue = this.queues[priority];
    while (queue.size > 0 && limiter.used < limiter.limitOf(priority)) {
      const next = queue.take(nowMs);
      if (next === undefined) return;
      limiter.tryAcquire(priority);
      next.onPlace();
    }
  }
}

/** How important a call is. @param header the first value of a header */
export function priorityOf(
  rules: PriorityRules | undefined,
  grpcService: string,
  method: string,
  header: (name: string) => string | undefined,
): CallPriority {
  if (rules === undefined) return 'critical';
  const named = ofMethod(rules.methods, grpcService, method);
  if (named !== undefined) return named;
  const said = rules.header && header(rules.header);
  return callPriorities.find((one) => one === said) ?? rules.otherwise;
}

/** What the end of a call says about its backend's load. What fails at once would otherwise count as fast. */
function outcomeOf(code: number): ConcurrencyOutcome {
  if (code === Code.deadlineExceeded || code === Code.resourceExhausted) return 'dropped';
  return code === Code.cancelled || failureCodes.has(code) ? 'ignored' : 'done';
}
