import type { ServiceError } from '@raftway/errors';
import {
  type ClientConnection,
  type EngineStream,
  type HeaderPairs,
  http2Code,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import * as refusal from '../domain/refusal';
import { type CallEnd, type InstanceEndpoint } from '../domain/backend';
import { type ConnectionWaiter, type Upstream } from './upstream';

/** What an attempt tells its call, and asks it for. */
export interface AttemptOwner {
  /** The request ended with its headers. */
  readonly endsWithHeaders: boolean;
  /** The headers for the instance. */
  upstreamHeaders(endpoint: InstanceEndpoint): HeaderPairs;
  onStreamOpen(): void;
  onConnectFailed(endpoint: InstanceEndpoint, detail: string): void;
  onResponseHeaders(headers: HeaderPairs, endOfStream: boolean): void;
  onResponseData(chunk: Uint8Array): void;
  onResponseEnd(trailers: HeaderPairs | undefined): void;
  /** Request bytes have left. */
  onRequestSent(bytes: number): void;
  onUpstreamReset(reset: StreamReset): void;
  /** Ends the call with an error of the gateway's own. */
  fail(error: ServiceError): void;
}

/** One try of a call on one instance. */
export class Attempt implements StreamListener, ConnectionWaiter {
  private stream: EngineStream | undefined;
  private cancelled = false;
  private readonly givenMs: number;
  private openedMs: number;
  private isAnswering = false;
  private isTold = false;

  /** Tells the backend that the instance was given the call. */
  constructor(
    private readonly call: AttemptOwner,
    private readonly upstream: Upstream,
    readonly endpoint: InstanceEndpoint,
    private readonly nowMs: () => number,
  ) {
    this.givenMs = nowMs();
    this.openedMs = this.givenMs;
    endpoint.backend.onGiven(endpoint);
  }

  /** How long the instance has had the call, in milliseconds: since a stream to it was opened. */
  get openMs(): number {
    return this.nowMs() - this.openedMs;
  }

  /** How long ago the instance was given the call, in milliseconds: with the wait for a connection. */
  get ageMs(): number {
    return this.nowMs() - this.givenMs;
  }

  /** Tells the backend that the instance has begun to answer. */
  tellFirstByte(): void {
    this.isAnswering = true;
    const nowMs = this.nowMs();
    this.endpoint.backend.onFirstByte(this.endpoint, nowMs - this.givenMs, nowMs);
  }

  /** Tells the backend how the call ended for the instance; what is said later is of no account. */
  tellEnd(end: CallEnd, code: number): void {
    if (this.isTold) return;
    this.isTold = true;
    const { endpoint, givenMs, isAnswering } = this;
    const nowMs = this.nowMs();
    endpoint.backend.onEnded(endpoint, end, code, isAnswering, nowMs - givenMs, nowMs);
  }

  get isOpen(): boolean {
    return this.stream !== undefined;
  }

  onConnection(connection: ClientConnection): void {
    const headers = this.call.upstreamHeaders(this.endpoint);
    this.openedMs = this.nowMs();
    this.stream = connection.open(headers, this.call.endsWithHeaders, this);
    this.call.onStreamOpen();
  }

  onConnectFailed(detail: string): void {
    if (!this.cancelled) this.call.onConnectFailed(this.endpoint, detail);
  }

  onQueueFull(): void {
    this.call.fail(
      refusal.limitReached(
        'UPSTREAM_QUEUE_FULL',
        'calls waiting for one instance',
        this.upstream.waitingMax,
      ),
    );
  }

  forwardData(chunk: Uint8Array): void {
    this.stream?.sendData(chunk);
  }

  forwardEnd(): void {
    this.stream?.sendEnd();
  }

  releaseResponse(bytes: number): void {
    this.stream?.release(bytes);
  }

  cancel(): void {
    this.cancelled = true;
    if (this.stream === undefined) this.upstream.cancel(this);
    else this.stream.reset(http2Code.cancel);
  }

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.call.onResponseHeaders(headers, endOfStream);
  }

  onData(chunk: Uint8Array): void {
    this.call.onResponseData(chunk);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.call.onResponseEnd(trailers);
  }

  onSent(bytes: number): void {
    this.call.onRequestSent(bytes);
  }

  onReset(reset: StreamReset): void {
    this.call.onUpstreamReset(reset);
  }

  onClosed(): void {}
}
