/*
 * One call on its way through the gateway.
 *
 * Two streams and the rules between them: what comes in on one side goes out on the other, credit flows back, and the
 * end of one side is the end of the other.
 *
 * When a call is tried again on another instance:
 * - no connection could be made: nothing was sent. Up to three instances are tried, each once.
 * - the instance handed the call back as not looked at (REFUSED_STREAM, or a GOAWAY whose last stream is below it), and no
 *   response header has come: once. Needs the request's bytes again, so only while all that was sent is still kept: up to
 *   `replayBytesMax`. An instance that had the call for a while, and hands it back because it drains, starts the count
 *   afresh: a call that waits for a lock outlives every instance that it waits at.
 * - the instance answered with a code that is worth it, broke the connection or took too long, and no response header has
 *   come: only a call that may run twice (call-retries.ts). Any other may have taken effect.
 * Such a call may also be sent to a second instance while the first has not answered (call-hedging.ts).
 */
import { Code, type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { codeOfReset, statusOf } from '../domain/status-mapping';
import { isFinalStatus } from '../domain/header-rules';
import * as refusal from '../domain/refusal';
import { type CallEnd, type InstanceEndpoint } from '../domain/backend';
import { type Protection } from '../domain/protection';
import { type Deadline, type Expirable, statusTrailers } from '@raftway/service-kit';
import { type CallSpan } from '@raftway/observability';
import { Attempt } from './attempt';
import { type AdmittedCall, CallAdmission } from './call-admission';
import { reportCall, startSpan } from './call-report';
import { CallRetries, type RetriedCall } from './call-retries';
import { type ProxyCallStart } from './call-start';
import { IdleWatch } from './idle-watch';
import { type OpenCall } from './open-calls';
import { type ProxyContext } from './proxy-context';
import { avoiding, noInstance, pickInstance, unreachable } from './instances';
import { Replay } from './replay';
import { sendRefusal } from './reply';
import { headersForInstance } from './request-headers';
import { headersForClient, trailersForClient } from './response-headers';
import { errorOfReset } from './reset-error';

/** Instances that one call may be sent to when connections fail. */
const connectAttemptsMax = 3;
/** An instance that kept a call for so long did not refuse it but hands it on, in milliseconds. */
const handedOnAfterMs = 1000;

/** One call. Listens to the client's stream; its {@link Attempt} listens to the instance's. */
export class ProxyCall implements StreamListener, Expirable, OpenCall, AdmittedCall, RetriedCall {
  private readonly startedMs: number;
  private readonly span: CallSpan | undefined;
  /** The one that is answered from, or undefined while it pauses. */
  attempt: Attempt | undefined;
  /** Instances that it is not to be sent to again. */
  tried: Set<string> | undefined;
  private attempts = 0;
  private refusedOnce = false;
  private requestEnded: boolean;
  private responseStarted = false;
  private finished = false;
  private deadline: Deadline | undefined;
  /** Bytes that came from either side and have not left on the other. */
  private heldBytes = 0;
  /** Request bytes that the client's stream has not been given credit for. */
  private unreleasedBytes = 0;
  /** All of the request so far, in order, while it may have to be sent again; undefined when it cannot be any more. */
  private replay: Replay | undefined = new Replay();
  /** Undefined when nothing holds it back before it is sent. */
  private readonly admission: CallAdmission | undefined;
  /** Undefined until an attempt fails with a code, or is given a time. */
  private retries: CallRetries | undefined;
  /** Undefined before it is sent, too: what holds it back here has its own times. */
  private idle: IdleWatch | undefined;

  constructor(
    private readonly context: ProxyContext,
    private readonly client: EngineStream,
    private readonly start: ProxyCallStart,
  ) {
    this.startedMs = context.nowMs();
    this.span = startSpan(start);
    this.requestEnded = start.requestEnded;
    client.setListener(this);
    context.openCalls.add(this);
    if (start.timeoutMs !== undefined)
      this.deadline = context.deadlines.add(this, this.startedMs + start.timeoutMs);
    this.admission = CallAdmission.of(this, start, context);
    if (this.admission === undefined) this.proceed();
    else this.admission.enter();
  }

  /** The call may be sent: it has a place, or its pause is over. */
  proceed(): void {
    const { idleMs } = this.start;
    if (idleMs !== undefined) this.idle ??= new IdleWatch(this, idleMs, this.context);
    this.tryNext('');
  }

  // ---- from the client ----

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.finished) return this.client.release(chunk.length);
    this.hold(chunk.length);
    this.unreleasedBytes += chunk.length;
    this.replay?.push(chunk);
    this.attempt?.forwardData(chunk);
    this.forgetLargeReplay();
  }

  onEnd(): void {
    this.requestEnded = true;
    if (!this.finished) this.attempt?.forwardEnd();
  }

  onSent(bytes: number): void {
    this.hold(-bytes);
    this.attempt?.releaseResponse(bytes);
  }

  onReset(reset: StreamReset): void {
    // Whatever the client's reason, the instance is told that nobody waits for the answer.
    if (this.finish(Code.cancelled, `client ${reset.detail}`)) this.attempt?.cancel();
  }

  onOverdue(): void {
    this.abandon(refusal.connectionTooOld());
  }

  onClosed(): void {
    this.finish(Code.cancelled, 'client closed');
    this.hold(-this.heldBytes);
    this.replay = undefined;
    this.attempt = undefined;
  }

  onDeadline(): void {
    const { traffic, timeoutMs = 0 } = this.start;
    const waiting = !(this.attempt?.isOpen ?? false);
    this.deadline = undefined;
    const what = waiting ? 'a connection to an instance' : 'the instance';
    this.abandon(traffic?.deadlineError(timeoutMs) ?? refusal.deadlineExceeded(timeoutMs, what));
  }

  /** Ends the call with this error, and tells the instance that nobody waits for its answer. */
  abandon(error: ServiceError): void {
    this.attempt?.cancel();
    this.fail(error);
  }

  // ---- from the gateway ----

  /** The instance is not told that nobody waits for the answer: the client may come back through another gateway. */
  stop(error: ServiceError): void {
    // One that waits for a connection would still be sent when there is one.
    if (this.attempt?.isOpen === false) this.attempt.cancel();
    this.fail(error);
  }

  // ---- from the attempt ----

  onStreamOpen(): void {
    if (this.attempt !== undefined) this.sendKept(this.attempt);
  }

  sendKept(attempt: Attempt): void {
    this.replay?.forEach((chunk) => attempt.forwardData(chunk));
    if (this.requestEnded && !this.start.requestEnded) attempt.forwardEnd();
    this.start.traffic?.onSent(this.replay);
    this.forgetLargeReplay();
  }

  /** The headers for the instance. */
  upstreamHeaders(endpoint: InstanceEndpoint): HeaderPairs {
    const forwarded = headersForInstance(this.start, endpoint, {
      remainingMs: this.remainingMs,
      trace: this.span?.headers(),
      context: this.context,
    });
    return this.retries === undefined ? forwarded : this.retries.withAttempts(forwarded);
  }

  get endsWithHeaders(): boolean {
    return this.start.requestEnded;
  }

  onResponseHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (this.finished) return;
    const status = headerValue(headers, ':status') ?? '';
    if (!isFinalStatus(status)) {
      this.attempt?.cancel();
      return this.fail(refusal.upstreamStatusInvalid(this.start.route.service, status));
    }
    if (endOfStream && this.triesAgain('answered', statusOf(headers), headers)) return;
    this.retries?.endTry();
    this.retries?.hedging?.settle(endOfStream ? statusOf(headers) : 0);
    this.responseStarted = true;
    this.idle?.note();
    this.replay = undefined;
    this.attempt?.tellFirstByte();
    this.admission?.onAnswer();
    const sent = headersForClient(headers, endOfStream, this.start, this.attempt?.endpoint);
    this.client.sendHeaders(sent, endOfStream);
    if (endOfStream) this.finishWith(headers);
  }

  onResponseData(chunk: Uint8Array): void {
    if (this.finished) return;
    this.hold(chunk.length);
    this.client.sendData(chunk);
  }

  onResponseEnd(trailers: HeaderPairs | undefined): void {
    if (this.finished) return;
    this.client.sendEnd(trailers && trailersForClient(trailers, this.start));
    this.finishWith(trailers ?? []);
  }

  /** Request bytes have left. After a replay they leave twice; the client's credit is given once. */
  onRequestSent(bytes: number): void {
    const credit = Math.min(bytes, this.unreleasedBytes);
    this.unreleasedBytes -= credit;
    this.hold(-credit);
    if (credit > 0) this.client.release(credit);
  }

  onConnectFailed(endpoint: InstanceEndpoint, detail: string): void {
    this.attempt?.tellEnd('unreachable', Code.unavailable);
    if (!this.finished && this.hedgeTakesOver('unreachable', Code.unavailable)) return;
    this.attempt = undefined;
    this.tried = (this.tried ?? new Set()).add(endpoint.key);
    if (!this.finished) this.tryNext(detail);
  }

  onUpstreamReset(reset: StreamReset): void {
    if (this.finished) return;
    const { service } = this.start.route;
    if ((this.attempt?.openMs ?? 0) >= handedOnAfterMs) {
      this.attempts = 0;
      this.refusedOnce = false;
      this.tried = undefined;
    }
    const mayReplay = this.replay !== undefined && !this.responseStarted && !this.refusedOnce;
    if (reset.unprocessed && mayReplay) {
      if (this.hedgeTakesOver('handed_back', Code.unavailable)) return;
      this.refusedOnce = true;
      // A GOAWAY is about one connection: an only instance may be asked again on a new one.
      if (this.start.route.endpoints.size > 1 && this.attempt !== undefined)
        this.tried = (this.tried ?? new Set()).add(this.attempt.endpoint.key);
      this.context.observer.onRetry(service, 'refused');
      this.attempt?.tellEnd('handed_back', Code.unavailable);
      this.attempt = undefined;
      this.tryNext(reset.detail);
      return;
    }
    const end = reset.connectionLost ? 'lost' : 'answered';
    const code = reset.connectionLost ? Code.unavailable : codeOfReset(reset.code);
    if (this.triesAgain(end, code, [])) return;
    this.attempt?.tellEnd(end, code);
    this.fail(errorOfReset(service, code, reset));
  }

  onTryTimeout(): void {
    // The last attempt has all of the time that is left.
    this.triesAgain('abandoned', undefined, []);
  }

  /** Ends the call with an error of the gateway's own. @param headers beside the status */
  fail(error: ServiceError, headers?: HeaderPairs): void {
    if (!this.finish(error.code, error.reason)) return;
    if (this.responseStarted) this.client.sendEnd(statusTrailers(error));
    else sendRefusal(this.client, error, headers);
  }

  // ---- inside ----

  private tryNext(lastFailure: string): void {
    const { route } = this.start;
    const { context } = this;
    const failure = (): ServiceError => unreachable(route, this.attempts, lastFailure);
    if (this.attempts >= connectAttemptsMax) return this.fail(failure());
    const nowMs = context.nowMs();
    const hash = route.backend.hashOf(this.start.headers, this.start.clientAddress);
    const isFirst = this.attempts === 0;
    const endpoint =
      this.start.traffic?.pick(route, this.tried, nowMs) ??
      pickInstance(route, nowMs, this.tried, isFirst, hash);
    if (endpoint === undefined)
      return this.fail(isFirst ? noInstance(route, context.wallMs()) : failure());
    if (this.attempts > 0 && !this.refusedOnce) context.observer.onRetry(route.service, 'connect');
    this.attempts += 1;
    const upstream = context.pool.get(endpoint);
    this.attempt = new Attempt(this, upstream, endpoint, context.nowMs);
    const { protection } = route.backend;
    if (protection?.policyFor(this.start.calls).isTimed === true)
      this.retriesUnder(protection).beginAttempt(hash);
    upstream.acquire(this.attempt);
  }

  // ---- for retries and hedges ----

  get wholeRequest(): Replay | undefined {
    return this.requestEnded && !this.responseStarted ? this.replay : undefined;
  }

  get remainingMs(): number | undefined {
    const { timeoutMs } = this.start;
    return timeoutMs === undefined ? undefined : timeoutMs - this.context.nowMs() + this.startedMs;
  }

  adopt(attempt: Attempt): void {
    this.attempt?.tellEnd('abandoned', Code.cancelled);
    this.attempt?.cancel();
    this.attempt = attempt;
  }

  /** Makes the call again after a pause, when it may run twice and what happened is worth it. @param code undefined: it took too long */
  private triesAgain(end: CallEnd, code: number | undefined, headers: HeaderPairs): boolean {
    const { protection } = this.start.route.backend;
    if (protection === undefined || code === 0) return false;
    if (this.responseStarted || this.replay === undefined) return false;
    if (this.hedgeTakesOver(end, code)) return true;
    if (!this.retriesUnder(protection).begin(code, headers, this.remainingMs)) return false;
    this.attempt?.tellEnd(end, code ?? Code.deadlineExceeded);
    if (this.attempt !== undefined) this.avoid(this.attempt.endpoint.key);
    this.attempts = 0;
    this.refusedOnce = false;
    this.attempt?.cancel();
    this.attempt = undefined;
    return true;
  }

  /** Whether a hedge is the call's attempt now, in the place of one that has failed. */
  private hedgeTakesOver(end: CallEnd, code: number | undefined): boolean {
    return this.retries?.hedging?.takesOver(end, code) === true;
  }

  avoid(key: string): void {
    this.tried = avoiding(key, this.tried, this.start.route.endpoints.size);
  }

  private retriesUnder(protection: Protection): CallRetries {
    return (this.retries ??= new CallRetries(this, this.start, protection, this.context));
  }

  private hold(bytes: number): void {
    this.idle?.note();
    this.heldBytes += bytes;
    this.context.memory.add(bytes);
  }

  private forgetLargeReplay(): void {
    // Before a stream is open the bytes are kept in any case: the client's credit bounds them.
    if (this.replay === undefined || this.attempt?.isOpen !== true) return;
    if (this.replay.byteLength > this.context.replayBytesMax) this.replay = undefined;
  }

  private finishWith(headers: HeaderPairs): void {
    const code = statusOf(headers);
    this.attempt?.tellEnd('answered', code);
    this.finish(code, '');
    // An instance that answers early may never read the rest, and its stream would stay open.
    if (!this.requestEnded || this.unreleasedBytes > 0) this.attempt?.cancel();
  }

  /** Notes the call's outcome once. Returns false when it was noted before. */
  private finish(code: number, reason: string): boolean {
    if (this.finished) return false;
    this.finished = true;
    this.attempt?.tellEnd('abandoned', code);
    this.context.openCalls.remove(this);
    this.context.deadlines.remove(this.deadline);
    this.admission?.leave(code);
    this.retries?.end();
    this.idle?.end();
    const durationMs = this.context.nowMs() - this.startedMs;
    const attempts = this.attempts + (this.retries?.count ?? 0);
    const instance = this.attempt?.endpoint.key;
    const outcome = { code, reason, durationMs, attempts, instance };
    reportCall(this.context, this.span, this.start, outcome);
    return true;
  }
}
