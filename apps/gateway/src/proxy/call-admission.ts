import { type ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { CallLimits, type LimitedCall } from './call-limits';
import { type ProxyCallStart } from './call-start';
import { type DelayableCall } from './injected-delay';
import { Place, type PlaceSeeker } from './place';
import { type ProxyContext } from './proxy-context';

/** A call that is let through, or not. */
export interface AdmittedCall extends PlaceSeeker {
  /** @param headers beside the status */
  fail(error: ServiceError, headers?: HeaderPairs): void;
}

/** What a call passes before it is sent anywhere, in turn: a delay on purpose, its limits, and a place at its backend. */
export class CallAdmission implements DelayableCall, LimitedCall {
  private limits: CallLimits | undefined;
  /** Undefined when the backend takes whatever comes. */
  private place: Place | undefined;

  private constructor(
    private readonly call: AdmittedCall,
    private readonly start: ProxyCallStart,
    private readonly context: ProxyContext,
  ) {}

  /** Undefined for a call that nothing holds back: it is there. */
  static of(
    call: AdmittedCall,
    start: ProxyCallStart,
    context: ProxyContext,
  ): CallAdmission | undefined {
    const { traffic, limits, route } = start;
    const { protection } = route.backend;
    if (traffic !== undefined || limits !== undefined || protection?.isGuarded === true)
      return new CallAdmission(call, start, context);
    protection?.budget.noteCall(context.nowMs());
    return undefined;
  }

  /** Says `proceed` or `fail` to the call, now or later. */
  enter(): void {
    const { traffic } = this.start;
    if (traffic === undefined) this.admit();
    else traffic.begin(this);
  }

  /** Nothing keeps the call back on purpose any more: it counts from now on. */
  admit(): void {
    const { start, context } = this;
    this.limits = start.limits && new CallLimits(this, start.limits, start, context);
    if (this.limits === undefined) this.onAdmitted();
    else this.limits.enter();
  }

  /** Its limits let it through: its backend may still have to. */
  onAdmitted(): void {
    const { call, start, context } = this;
    const { service, protection } = start.route.backend;
    protection?.budget.noteCall(context.nowMs());
    if (protection?.isGuarded === true) {
      this.place = new Place(call, service, protection, context);
      this.place.enter();
    } else call.proceed();
  }

  fail(error: ServiceError, headers?: HeaderPairs): void {
    this.call.fail(error, headers);
  }

  /** The backend has begun to answer. */
  onAnswer(): void {
    this.limits?.onAnswer();
  }

  /** The call has ended with this code. Once. */
  leave(code: number): void {
    this.place?.leave(code);
    this.limits?.leave(code);
    this.start.traffic?.end();
  }
}
