/*
 * A call that is sent to a second instance when the first takes long (Dean and Barroso, The Tail at Scale; gRFC A6).
 *
 * The call has one attempt, as without hedging; hedges run beside it. A hedge that answers first becomes the call's attempt, and all others are
 * cancelled. A hedge that fails is over, and nobody else notices. When the call's own attempt fails while there is a hedge, the hedge takes its
 * place. So whatever happens to attempts otherwise, retries included, knows nothing of hedges.
 */
import { Code, type ServiceError } from '@raftway/errors';
import { type HeaderPairs, type StreamReset } from '@raftway/http2';
import { hedgeDelayMs, type HedgingSettings } from '@raftway/resilience';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { type CallEnd, type InstanceEndpoint } from '../domain/backend';
import { type CallPolicy, failureCodes, type Protection } from '../domain/protection';
import { type Route } from '../domain/routing-table';
import { codeOfReset, statusOf } from '../domain/status-mapping';
import { Attempt, type AttemptOwner } from './attempt';
import { type ProxyContext } from './proxy-context';
import { type Replay } from './replay';

/** The call that hedges are of. */
export interface HedgedCall extends AttemptOwner {
  /** All of the request, when it has ended, is still kept and nothing of an answer has come; otherwise undefined. */
  readonly wholeRequest: Replay | undefined;
  /** Its own attempt; undefined while it pauses. */
  readonly attempt: Attempt | undefined;
  /** Instances that it is not to be sent to again. */
  readonly tried: ReadonlySet<string> | undefined;
  /** Milliseconds; undefined without a deadline. */
  readonly remainingMs: number | undefined;
  /** Sends what is kept of the request. */
  sendKept(attempt: Attempt): void;
  /** Further attempts go to other instances while there are any, and not to this one right away if there is another. */
  avoid(key: string): void;
  /** This is the call's attempt now, in the place of the one before, which nobody waits for any more. */
  adopt(attempt: Attempt): void;
}

/** What is known of the call's further attempts. */
export interface HedgeSource {
  readonly policy: CallPolicy;
  /** Takes what one more attempt beside the first needs; false when budget or limit do not allow it. */
  takeHedge(): boolean;
  /** Another attempt is the call's own from now on. */
  beginTry(): void;
}

/** What a call is sent with. */
export interface HedgedStart {
  readonly route: Route;
  readonly method: string;
  /** Where the call's key lies; undefined without one. */
  readonly hash: number | undefined;
}

/** The hedges of one call that may run twice. */
export class CallHedging implements Expirable {
  private readonly open = new Set<Hedge>();
  /** A hedge that is the call's attempt now. */
  private adopted: Attempt | undefined;
  private deadline: Deadline | undefined;

  constructor(
    private readonly call: HedgedCall,
    private readonly start: HedgedStart,
    private readonly settings: HedgingSettings,
    private readonly source: HedgeSource,
    private readonly protection: Protection,
    private readonly context: ProxyContext,
  ) {}

  /** The call has been given to an instance. */
  begin(): void {
    if (this.deadline !== undefined) return;
    const { call, context, open, protection, settings } = this;
    const unanswered = { attempts: open.size + 1, isSafe: true, remainingMs: call.remainingMs };
    const nowMs = context.nowMs();
    const latencies = protection.latencies.of(this.methodName);
    const delayMs = hedgeDelayMs(settings, unanswered, latencies, nowMs);
    if (delayMs !== undefined) this.deadline = context.deadlines.add(this, nowMs + delayMs);
  }

  /** Nobody has answered for so long. */
  onDeadline(): void {
    this.deadline = undefined;
    const request = this.call.wholeRequest;
    // More than one message is a stream, and what has not ended may become one.
    if (request === undefined || this.call.attempt === undefined || !isOneMessage(request)) return;
    const endpoint = this.pickOther();
    if (endpoint === undefined || !this.source.takeHedge()) return;
    const { context, open } = this;
    context.observer.onHedge(this.start.route.service);
    const upstream = context.pool.get(endpoint);
    const hedge = new Hedge(this, this.call);
    hedge.attempt = new Attempt(hedge, upstream, endpoint, context.nowMs);
    open.add(hedge);
    upstream.acquire(hedge.attempt);
    this.begin();
  }

  /** The call's own attempt ended with a failure: whether a hedge takes its place. @param code undefined: it took too long */
  takesOver(end: CallEnd, code: number | undefined): boolean {
    const [hedge] = this.open;
    if (hedge === undefined || (code !== undefined && !this.isFailure(code))) return false;
    const failed = this.call.attempt;
    if (failed !== undefined) {
      failed.tellEnd(end, code ?? Code.deadlineExceeded);
      this.call.avoid(failed.endpoint.key);
    }
    this.take(hedge);
    return true;
  }

  /** The call's attempt has begun to answer: nobody waits for the others. @param code of an answer without a message; 0 for one with */
  settle(code: number): void {
    const { call, context, start } = this;
    if (call.attempt !== undefined && call.attempt === this.adopted)
      context.observer.onHedgeWon(start.route.service);
    if (code === 0) this.measure(call.attempt);
    this.end();
  }

  /** The call has ended: hedges are cancelled. */
  end(): void {
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
    for (const hedge of this.open) hedge.abandon();
    this.open.clear();
  }

  /** Whether what an instance answered is worth waiting for another's answer. */
  isFailure(code: number): boolean {
    return failureCodes.has(code) || this.source.policy.retry.codes.has(code);
  }

  /** A hedge has answered first. */
  onWon(hedge: Hedge): void {
    const before = this.call.attempt;
    // It took as long at least.
    this.measure(before);
    this.take(hedge);
  }

  /** A hedge is of no use any more. */
  onOver(hedge: Hedge): void {
    this.open.delete(hedge);
  }

  private take(hedge: Hedge): void {
    hedge.state = 'adopted';
    this.open.delete(hedge);
    this.adopted = hedge.attempt;
    this.call.adopt(hedge.attempt);
    this.source.beginTry();
  }

  private measure(attempt: Attempt | undefined): void {
    if ('delayMs' in this.settings.after || attempt === undefined) return;
    this.protection.latencies.note(this.methodName, attempt.ageMs, this.context.nowMs());
  }

  private get methodName(): string {
    return `${this.start.route.grpcService}/${this.start.method}`;
  }

  /** Another instance that is well: sending a call twice to one, or to one that is left out, helps nobody. */
  private pickOther(): InstanceEndpoint | undefined {
    const { route, hash } = this.start;
    const { health } = route.backend;
    const excluded = new Set(this.call.tried);
    const own = this.call.attempt;
    if (own !== undefined) excluded.add(own.endpoint.key);
    for (const { attempt } of this.open) excluded.add(attempt.endpoint.key);
    const nowMs = this.context.nowMs();
    const endpoint = route.endpoints.pick(nowMs, health, excluded, hash);
    return endpoint === undefined || health.until(endpoint.key) > nowMs ? undefined : endpoint;
  }
}

/** One attempt beside the call's own, until it is the call's own. */
class Hedge implements AttemptOwner {
  state: 'racing' | 'adopted' | 'over' = 'racing';
  attempt!: Attempt;

  constructor(
    private readonly hedging: CallHedging,
    private readonly call: HedgedCall,
  ) {}

  get endsWithHeaders(): boolean {
    return this.call.endsWithHeaders;
  }

  upstreamHeaders(endpoint: InstanceEndpoint): HeaderPairs {
    return this.call.upstreamHeaders(endpoint);
  }

  onStreamOpen(): void {
    if (this.state !== 'over') this.call.sendKept(this.attempt);
  }

  onConnectFailed(endpoint: InstanceEndpoint, detail: string): void {
    if (this.state === 'racing') this.lose('unreachable', Code.unavailable);
    else if (this.state === 'adopted') this.call.onConnectFailed(endpoint, detail);
  }

  onResponseHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (this.state === 'over') return;
    if (this.state === 'racing') {
      const code = endOfStream ? statusOf(headers) : 0;
      if (this.hedging.isFailure(code)) {
        this.lose('answered', code);
        return;
      }
      this.hedging.onWon(this);
    }
    this.call.onResponseHeaders(headers, endOfStream);
  }

  onResponseData(chunk: Uint8Array): void {
    if (this.state === 'adopted') this.call.onResponseData(chunk);
  }

  onResponseEnd(trailers: HeaderPairs | undefined): void {
    if (this.state === 'adopted') this.call.onResponseEnd(trailers);
  }

  onRequestSent(bytes: number): void {
    if (this.state !== 'over') this.call.onRequestSent(bytes);
  }

  onUpstreamReset(reset: StreamReset): void {
    if (this.state === 'adopted') this.call.onUpstreamReset(reset);
    if (this.state !== 'racing') return;
    if (reset.unprocessed) this.lose('handed_back', Code.unavailable);
    else if (reset.connectionLost) this.lose('lost', Code.unavailable);
    else this.lose('answered', codeOfReset(reset.code));
  }

  fail(error: ServiceError): void {
    if (this.state === 'racing') this.lose('abandoned', Code.cancelled);
    else if (this.state === 'adopted') this.call.fail(error);
  }

  /** Nobody waits for its answer. */
  abandon(): void {
    if (this.state !== 'racing') return;
    this.state = 'over';
    this.attempt.tellEnd('abandoned', Code.cancelled);
    this.attempt.cancel();
  }

  private lose(end: CallEnd, code: number): void {
    this.state = 'over';
    this.attempt.tellEnd(end, code);
    this.hedging.onOver(this);
  }
}

/** Whether a request is one message (gRPC over HTTP/2, Length-Prefixed-Message), and not a stream of several. */
export function isOneMessage(request: Replay): boolean {
  let seen = 0;
  let length = 0;
  request.forEach((piece) => {
    for (let index = 0; index < piece.length && seen < 5; index += 1, seen += 1)
      if (seen > 0) length = length * 256 + (piece[index] ?? 0);
  });
  return seen === 5 && request.byteLength === 5 + length;
}
