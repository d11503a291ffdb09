/*
 * One call on its way through the gateway.
 *
 * Two streams and the rules between them: what comes in on one side goes out on the other, credit flows back, and the
 * end of one side is the end of the other.
 *
 * When a call is tried again on another instance (nothing else is ever retried):
 * - no connection could be made: nothing was sent. Up to three instances are tried, each once.
 * - the instance handed the call back as not looked at (REFUSED_STREAM, or a GOAWAY whose last stream is below it), and no
 *   response header has come: once. Needs the request's bytes again, so only while all that was sent is still kept: up to
 *   `replayBytesMax`. An instance that had the call for a while, and hands it back because it drains, starts the count
 *   afresh: a call that waits for a lock outlives every instance that it waits at.
 * A broken connection is never a reason, because the instance may have acted on the call.
 */
import { Code, codeName, type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  http2CodeName,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { codeOfHttpStatus, codeOfReset } from '../domain/status-mapping';
import {
  forwardRequestHeaders,
  forwardResponseHeaders,
  isFinalStatus,
} from '../domain/header-rules';
import * as refusal from '../domain/refusal';
import { type CallEnd, type InstanceEndpoint } from '../domain/backend';
import { type Route } from '../domain/routing-table';
import { type Expirable, statusTrailers } from '@raftway/service-kit';
import { CallSpan, isTracing } from '@raftway/observability';
import { Attempt, type AttemptOwner } from './attempt';
import { type OpenCall } from './open-calls';
import { type ProxyContext } from './proxy-context';
import { sendRefusal } from './reply';

/** Instances that one call may be sent to when connections fail. */
const connectAttemptsMax = 3;
/** An instance that kept a call for so long did not refuse it but hands it on, in milliseconds. */
const handedOnAfterMs = 1000;

const tracer = '@raftway/gateway';

/** What is known of a call when it starts. */
export interface ProxyCallStart {
  readonly route: Route;
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly requestEnded: boolean;
  readonly clientAddress: string;
  /** The caller's time in milliseconds, already shortened to the maximum; undefined when it is unlimited. */
  readonly timeoutMs: number | undefined;
}

/** One call. Listens to the client's stream; its {@link Attempt} listens to the instance's. */
export class ProxyCall implements StreamListener, AttemptOwner, Expirable, OpenCall {
  private readonly startedMs: number;
  /** From the client's headers to the status; a child of the client's span, and the parent of the instance's. Undefined when nobody traces. */
  private readonly span: CallSpan | undefined;
  private attempt: Attempt | undefined;
  private tried: Set<string> | undefined;
  private attempts = 0;
  /** When the instance took the call: a stream to it was opened. */
  private openedMs = 0;
  /** The instance whose backend has not been told yet how the call ended for it, and since when. */
  private given: InstanceEndpoint | undefined;
  private givenMs = 0;
  private refusedOnce = false;
  private requestEnded: boolean;
  private responseStarted = false;
  private finished = false;
  private deadlineBucket: number | undefined;
  /** Bytes that came from either side and have not left on the other. */
  private heldBytes = 0;
  /** Request bytes that the client's stream has not been given credit for. */
  private unreleasedBytes = 0;
  /** All of the request so far, in order, while it may have to be sent again; undefined when it cannot be any more. */
  private replay: Uint8Array[] | undefined = [];
  private replayBytes = 0;

  constructor(
    private readonly context: ProxyContext,
    private readonly client: EngineStream,
    private readonly start: ProxyCallStart,
  ) {
    this.startedMs = context.nowMs();
    this.span = isTracing() ? spanOf(start) : undefined;
    this.requestEnded = start.requestEnded;
    client.setListener(this);
    context.openCalls.add(this);
    if (start.timeoutMs !== undefined)
      this.deadlineBucket = context.deadlines.add(this, this.startedMs + start.timeoutMs);
    this.tryNext('');
  }

  // ---- from the client ----

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.finished) return this.client.release(chunk.length);
    this.hold(chunk.length);
    this.unreleasedBytes += chunk.length;
    if (this.replay !== undefined) {
      this.replay.push(chunk);
      this.replayBytes += chunk.length;
    }
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

  onClosed(): void {
    this.finish(Code.cancelled, 'client closed');
    this.hold(-this.heldBytes);
    this.replay = undefined;
    this.attempt = undefined;
  }

  onDeadline(): void {
    const waiting = !(this.attempt?.isOpen ?? false);
    this.deadlineBucket = undefined;
    this.attempt?.cancel();
    this.fail(refusal.deadlineExceeded(this.start.timeoutMs ?? 0, waiting));
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
    this.openedMs = this.context.nowMs();
    for (const chunk of this.replay ?? []) this.attempt?.forwardData(chunk);
    if (this.requestEnded && !this.start.requestEnded) this.attempt?.forwardEnd();
    this.forgetLargeReplay();
  }

  /** The headers for the instance. */
  upstreamHeaders(endpoint: InstanceEndpoint): string[] {
    const { headers, timeoutMs, clientAddress } = this.start;
    const spentMs = this.context.nowMs() - this.startedMs;
    return forwardRequestHeaders(headers, {
      scheme: this.context.upstreamScheme,
      authority: endpoint.address,
      remainingMs: timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - spentMs),
      clientAddress,
      trace: this.span?.headers(),
      trustForwarded: this.context.trustForwarded,
    });
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
    this.responseStarted = true;
    this.replay = undefined;
    this.tellFirstByte();
    this.client.sendHeaders(forwardResponseHeaders(headers), endOfStream);
    if (endOfStream) this.finishWith(headers);
  }

  onResponseData(chunk: Uint8Array): void {
    if (this.finished) return;
    this.hold(chunk.length);
    this.client.sendData(chunk);
  }

  onResponseEnd(trailers: HeaderPairs | undefined): void {
    if (this.finished) return;
    this.client.sendEnd(trailers === undefined ? undefined : forwardResponseHeaders(trailers));
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
    this.tellEnd('unreachable', Code.unavailable);
    this.attempt = undefined;
    this.tried = (this.tried ?? new Set()).add(endpoint.key);
    if (!this.finished) this.tryNext(detail);
  }

  onUpstreamReset(reset: StreamReset): void {
    if (this.finished) return;
    const { service } = this.start.route;
    if (this.context.nowMs() - this.openedMs >= handedOnAfterMs) {
      this.attempts = 0;
      this.refusedOnce = false;
      this.tried = undefined;
    }
    const mayReplay = this.replay !== undefined && !this.responseStarted && !this.refusedOnce;
    if (reset.unprocessed && mayReplay) {
      this.refusedOnce = true;
      // A GOAWAY is about one connection: an only instance may be asked again on a new one.
      if (this.start.route.endpoints.size > 1 && this.attempt !== undefined)
        this.tried = (this.tried ?? new Set()).add(this.attempt.endpoint.key);
      this.context.observer.onRetry(service, 'refused');
      this.tellEnd('handed_back', Code.unavailable);
      this.attempt = undefined;
      this.tryNext(reset.detail);
      return;
    }
    this.tellEnd(reset.connectionLost ? 'lost' : 'answered', codeOfReset(reset.code));
    const error = reset.connectionLost
      ? refusal.upstreamLost(service, reset.detail)
      : refusal.upstreamReset(service, codeOfReset(reset.code), http2CodeName(reset.code));
    this.fail(error);
  }

  /** Ends the call with an error of the gateway's own. */
  fail(error: ServiceError): void {
    if (!this.finish(error.code, error.reason)) return;
    if (this.responseStarted) this.client.sendEnd(statusTrailers(error));
    else sendRefusal(this.client, error);
  }

  // ---- inside ----

  private tryNext(lastFailure: string): void {
    const { route } = this.start;
    const { context } = this;
    if (this.attempts >= connectAttemptsMax) return this.fail(this.unreachable(lastFailure));
    const nowMs = context.nowMs();
    const hash = route.backend.hashOf(this.start.headers, this.start.clientAddress);
    const endpoint = route.endpoints.pick(nowMs, context.setAside, this.tried, hash);
    if (endpoint === undefined)
      return this.fail(this.attempts === 0 ? this.noInstance() : this.unreachable(lastFailure));
    if (this.attempts > 0 && !this.refusedOnce) context.observer.onRetry(route.service, 'connect');
    this.attempts += 1;
    this.given = endpoint;
    this.givenMs = nowMs;
    endpoint.backend.onGiven(endpoint);
    const upstream = context.pool.get(endpoint);
    this.attempt = new Attempt(this, upstream, endpoint);
    upstream.acquire(this.attempt);
  }

  private noInstance(): ServiceError {
    const { grpcService, service, emptySinceMs } = this.start.route;
    const nowMs = this.context.wallMs();
    return refusal.noLiveInstance(grpcService, service, emptySinceMs ?? nowMs, nowMs);
  }

  private unreachable(detail: string): ServiceError {
    const { grpcService, service } = this.start.route;
    return refusal.instancesUnreachable(grpcService, service, this.attempts, detail);
  }

  private tellFirstByte(): void {
    const { given } = this;
    if (given === undefined) return;
    const nowMs = this.context.nowMs();
    given.backend.onFirstByte(given, nowMs - this.givenMs, nowMs);
  }

  /** Tells the backend, once, how the call ended for the instance that has it. */
  private tellEnd(end: CallEnd, code: number): void {
    const { given } = this;
    if (given === undefined) return;
    this.given = undefined;
    const nowMs = this.context.nowMs();
    given.backend.onEnded(given, end, code, this.responseStarted, nowMs - this.givenMs, nowMs);
  }

  private hold(bytes: number): void {
    this.heldBytes += bytes;
    this.context.memory.add(bytes);
  }

  private forgetLargeReplay(): void {
    // Before a stream is open the bytes are kept in any case: the client's credit bounds them.
    const large = this.replayBytes > this.context.replayBytesMax;
    if (large && this.attempt?.isOpen === true) this.replay = undefined;
  }

  private finishWith(headers: HeaderPairs): void {
    const status = headerValue(headers, 'grpc-status');
    const http = status === undefined ? (headerValue(headers, ':status') ?? '') : '';
    const number = status === undefined ? codeOfHttpStatus(http) : Number(status);
    const code = Number.isInteger(number) ? number : Code.unknown;
    this.tellEnd('answered', code);
    this.finish(code, '');
    // An instance that answers early may never read the rest, and its stream would stay open.
    if (!this.requestEnded || this.unreleasedBytes > 0) this.attempt?.cancel();
  }

  /** Notes the call's outcome once. Returns false when it was noted before. */
  private finish(code: number, reason: string): boolean {
    if (this.finished) return false;
    this.finished = true;
    this.tellEnd('abandoned', code);
    this.context.openCalls.remove(this);
    if (this.deadlineBucket !== undefined) this.context.deadlines.remove(this, this.deadlineBucket);
    const { route, method, clientAddress } = this.start;
    const durationMs = this.context.nowMs() - this.startedMs;
    this.context.observer.onCallEnd(route.grpcService, code, durationMs);
    const { logger } = this.context;
    const traceFields = this.span?.traceFields;
    const status = code === 0 ? 'OK' : codeName(code);
    const instance = this.attempt?.endpoint.key;
    this.endSpan(status, instance);
    if (logger.debugEnabled)
      logger.debug('call', {
        grpcService: route.grpcService,
        method,
        status,
        reason,
        durationMs,
        attempts: this.attempts,
        instance,
        clientAddress,
        ...traceFields,
      });
    return true;
  }

  private endSpan(status: string, instance: string | undefined): void {
    const { span } = this;
    if (span === undefined) return;
    span.setAttribute('raftway.gateway.attempts', this.attempts);
    if (instance !== undefined) span.setAttribute('raftway.gateway.instance', instance);
    span.end(status);
  }
}

function spanOf({ route, method, headers }: ProxyCallStart): CallSpan {
  const read = (name: string): string | undefined => headerValue(headers, name);
  return CallSpan.server(tracer, `${route.grpcService}/${method}`, read);
}
