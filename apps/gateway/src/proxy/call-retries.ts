import { headerValue, type HeaderPairs } from '@raftway/http2';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { withoutHeader } from '../domain/header-rules';
import { type CallPolicy, type Protection, type RoutePolicy } from '../domain/protection';
import { type Route } from '../domain/routing-table';
import { CallHedging, type HedgedCall, type HedgeSource } from './call-hedging';
import { type ProxyContext } from './proxy-context';

/** A client says with `true` that its request may run twice. */
const retryableHeader = 'raftway-retryable';
/** How often a call was made before, by whoever made it. Source: gRFC A6. */
const attemptsHeader = 'grpc-previous-rpc-attempts';
const pushbackHeader = 'grpc-retry-pushback-ms';

/** The call that {@link CallRetries} are of. */
export interface RetriedCall extends HedgedCall {
  /** The pause is over. */
  proceed(): void;
  /** The attempt has not begun to answer in its time. */
  onTryTimeout(): void;
}

/** What is known of the call. */
export interface RetriedStart {
  readonly route: Route;
  readonly method: string;
  readonly headers: HeaderPairs;
  /** What documents say of its route; undefined for nothing. */
  readonly calls?: RoutePolicy | undefined;
}

/**
 * When one call is made again because of the code that it ended with, or because it took too long: only a call that may run
 * twice, and only as far as its backend's budget goes. Made when the first attempt fails, or has a time.
 */
export class CallRetries implements Expirable, HedgeSource {
  /** How often the call was made again. */
  count = 0;
  /** Whether the call may run twice. */
  readonly isSafe: boolean;
  readonly policy: CallPolicy;
  /** Undefined for a call that is sent to one instance at a time. */
  hedging: CallHedging | undefined;
  /** Attempts that the caller made before this call. */
  private readonly earlier: number;
  private hasPlace = false;
  private deadline: Deadline | undefined;
  private isPausing = false;

  constructor(
    private readonly call: RetriedCall,
    private readonly start: RetriedStart,
    private readonly protection: Protection,
    private readonly context: ProxyContext,
  ) {
    const { headers, method } = start;
    const { grpcService } = start.route;
    this.policy = protection.policyFor(start.calls);
    this.isSafe = this.policy.safe.get(grpcService, method) === true || isMarkedRetryable(headers);
    this.earlier = countOf(headerValue(headers, attemptsHeader));
  }

  /**
   * Decides whether the call is made again; then `proceed` is called after a pause.
   * @param code undefined when the attempt took too long.
   * @param headers of the instance's answer, if it gave one.
   */
  begin(code: number | undefined, headers: HeaderPairs, remainingMs: number | undefined): boolean {
    const { context, protection } = this;
    const nowMs = context.nowMs();
    const pushback = headerValue(headers, pushbackHeader);
    const failed = {
      ...{ code, isSafe: this.isSafe, remainingMs, attempts: this.earlier + this.count + 1 },
      pushbackMs: pushback === undefined ? undefined : pushbackOf(pushback),
    };
    const { retry } = this.policy;
    const decision = protection.decideRetry(retry, failed, this.hasPlace, nowMs, context.random);
    if ('cause' in decision) {
      const { cause } = decision;
      if (cause === 'budget' || cause === 'limit')
        context.observer.onRetryRefused(this.start.route.service, cause);
      return false;
    }
    this.hasPlace = true;
    this.count += 1;
    context.observer.onRetry(this.start.route.service, code === undefined ? 'timeout' : 'code');
    this.wait(nowMs + decision.afterMs, true);
    return true;
  }

  /** Takes what one more attempt beside the first needs; false when budget or limit do not allow it. */
  takeHedge(): boolean {
    const { context, protection, start } = this;
    const refused = protection.takeRetry(this.hasPlace, context.nowMs());
    if (refused !== undefined) context.observer.onRetryRefused(start.route.service, refused);
    else {
      this.hasPlace = true;
      this.count += 1;
    }
    return refused === undefined;
  }

  /** The call has been given to an instance: `onTryTimeout`, or a hedge, when that does not answer in time. @param hash where its key lies */
  beginAttempt(hash: number | undefined): void {
    this.beginTry();
    const { call, context, policy, protection, start } = this;
    if (policy.hedging === undefined || !this.isSafe) return;
    const { route, method } = start;
    const hedged = { route, method, hash };
    this.hedging ??= new CallHedging(call, hedged, policy.hedging, this, protection, context);
    this.hedging.begin();
  }

  /** An attempt begins: `onTryTimeout` is called when its time is over. */
  beginTry(): void {
    const timeoutMs = this.policy.retry.perTryTimeoutMs;
    if (timeoutMs !== undefined && this.isSafe) this.wait(this.context.nowMs() + timeoutMs, false);
  }

  /** The attempt has ended or begun to answer. */
  endTry(): void {
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
  }

  /** The call has ended. */
  end(): void {
    this.endTry();
    this.hedging?.end();
    if (this.hasPlace) this.protection.retries.giveBack();
    this.hasPlace = false;
  }

  onDeadline(): void {
    this.deadline = undefined;
    if (this.isPausing) this.call.proceed();
    else this.call.onTryTimeout();
  }

  /** The headers for the instance, with the number of attempts before this one. */
  withAttempts(headers: HeaderPairs): HeaderPairs {
    if (this.count === 0) return headers;
    const result = withoutHeader(headers, attemptsHeader);
    result.push(attemptsHeader, String(this.earlier + this.count));
    return result;
  }

  private wait(untilMs: number, isPausing: boolean): void {
    this.endTry();
    this.isPausing = isPausing;
    this.deadline = this.context.deadlines.add(this, untilMs);
  }
}

/** Whether a client says that its request may run twice. */
export function isMarkedRetryable(headers: HeaderPairs): boolean {
  return headerValue(headers, retryableHeader) === 'true';
}

/** A whole number that a header says; 0 when it does not. */
function countOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 0;
}

/** NaN for what is no whole number, which means not again. Source: gRFC A6. */
function pushbackOf(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : NaN;
}
