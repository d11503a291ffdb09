import { type ServiceError } from '@raftway/errors';
import { type CircuitBreaker, type CircuitPermit } from '@raftway/resilience';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { type PendingCall, type Protection } from '../domain/protection';
import * as refusal from '../domain/refusal';
import { type ProxyContext, type RefusalCause } from './proxy-context';

/** The call that a {@link Place} is for. */
export interface PlaceSeeker {
  /** It may be sent now. */
  proceed(): void;
  fail(error: ServiceError): void;
}

/** Whether a call may be sent to its backend: the breaker's permit and a place among the calls under way, or in the queue for one. */
export class Place implements PendingCall, Expirable {
  /** … of the breaker that there was. */
  private permit: { readonly breaker: CircuitBreaker; readonly of: CircuitPermit } | undefined;
  private state: 'outside' | 'waiting' | 'inside' = 'outside';
  private deadline: Deadline | undefined;

  constructor(
    private readonly call: PlaceSeeker,
    private readonly service: string,
    private readonly protection: Protection,
    private readonly context: ProxyContext,
  ) {}

  /** Says `proceed` or `fail`, now or later. */
  enter(): void {
    const { protection, context } = this;
    const nowMs = context.nowMs();
    const { breaker, pending, settings } = protection;
    if (breaker !== undefined) {
      const permit = breaker.acquire(nowMs);
      if (permit === undefined) {
        const afterMs = Math.ceil(breaker.retryAfterMs(nowMs));
        const { breakerOwner } = settings;
        return this.refuse('circuit', refusal.circuitOpen(this.service, breakerOwner, afterMs));
      }
      this.permit = { breaker, of: permit };
    }
    if (protection.tryEnter()) return this.onPlace();
    const untilMs = nowMs + settings.pendingTimeoutMs;
    if (!pending.offer(this, untilMs)) {
      const [cause, reason, field, limit] =
        settings.pendingMax === 0
          ? (['requests', 'BACKEND_REQUESTS_FULL', 'requestsMax', settings.requestsMax] as const)
          : (['pending', 'BACKEND_PENDING_FULL', 'pendingMax', settings.pendingMax] as const);
      return this.refuse(
        cause,
        refusal.backendFull(reason, this.service, field, limit ?? 0, settings.limitsOwner),
      );
    }
    this.state = 'waiting';
    this.deadline = context.deadlines.add(this, untilMs);
  }

  onPlace(): void {
    this.state = 'inside';
    this.stopWaiting();
    this.call.proceed();
  }

  /** It has waited as long as it may. */
  onDeadline(): void {
    this.deadline = undefined;
    const { limitsOwner, pendingTimeoutMs } = this.protection.settings;
    this.refuse(
      'pending_timeout',
      refusal.backendPendingTimeout(this.service, pendingTimeoutMs, limitsOwner),
    );
  }

  /** The call has ended with this code. Once. */
  leave(code: number): void {
    const { protection, permit, state } = this;
    const nowMs = this.context.nowMs();
    this.state = 'outside';
    this.stopWaiting();
    if (state === 'waiting') protection.stopWaiting(this, nowMs);
    const result = state === 'inside' ? protection.resultOf(code) : 'ignored';
    permit?.breaker.end(permit.of, result, nowMs);
    if (state === 'inside') protection.leave(nowMs);
  }

  private stopWaiting(): void {
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
  }

  private refuse(cause: RefusalCause, error: ServiceError): void {
    this.context.observer.onRefused(this.service, cause);
    this.call.fail(error);
  }
}
