import {
  type ClientConnection,
  type EngineStream,
  type HeaderPairs,
  http2Code,
  type StreamListener,
} from '@raftway/http2';
import { type Deadline, type Deadlines, type Expirable } from '@raftway/service-kit';
import { statusOf } from '../domain/status-mapping';
import { Replay } from './replay';
import { type MirrorOutcome } from './traffic-observer';
import { type ConnectionWaiter, type Upstream } from './upstream';

/** Bytes of a request that one copy may be behind. */
const behindBytesMax = 1_048_576;
/** How long a copy may go on when the call has been answered, in milliseconds. */
const afterCallMs = 30_000;

/** What all copies share. */
export interface MirrorHost {
  readonly deadlines: Deadlines;
  readonly nowMs: () => number;
  /** Counts bytes that copies hold. False when they would be too many. */
  hold(bytes: number): boolean;
  /** Once for each copy. */
  onEnd(call: MirrorCall, outcome: MirrorOutcome): void;
}

/** What is known of a copy when it starts. */
export interface MirrorStart {
  readonly service: string;
  /** For the instance; asked for when the stream is opened. */
  readonly headers: () => HeaderPairs;
  /** The request ends with its headers. */
  readonly requestEnded: boolean;
  /** When the call's time is over, in monotonic milliseconds; undefined for never. */
  readonly deadlineMs: number | undefined;
}

/**
 * A copy of a call on its way to another service. It gets the request as the call does, is never made again, and nobody waits for it: whatever
 * happens to it is counted and forgotten.
 */
export class MirrorCall implements StreamListener, ConnectionWaiter, Expirable {
  private stream: EngineStream | undefined;
  /** The request until there is a stream. */
  private waiting: Replay | undefined = new Replay();
  private upstream: Upstream | undefined;
  private requestEnded: boolean;
  private heldBytes = 0;
  private isOver = false;
  private deadline: Deadline | undefined;

  constructor(
    private readonly host: MirrorHost,
    private readonly start: MirrorStart,
  ) {
    this.requestEnded = start.requestEnded;
  }

  get service(): string {
    return this.start.service;
  }

  /** Begins, once. */
  sendTo(upstream: Upstream): void {
    this.upstream = upstream;
    if (this.start.deadlineMs !== undefined) this.endAt(this.start.deadlineMs);
    upstream.acquire(this);
  }

  // ---- from the call ----

  /** A part of the request. */
  push(chunk: Uint8Array): void {
    if (this.isOver || this.requestEnded) return;
    if (this.heldBytes + chunk.length > behindBytesMax) return this.end('slow');
    if (!this.host.hold(chunk.length)) return this.end('full');
    this.heldBytes += chunk.length;
    if (this.stream === undefined) this.waiting?.push(chunk);
    else this.stream.sendData(chunk);
  }

  /** The request is complete. */
  finishRequest(): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    if (!this.isOver) this.stream?.sendEnd();
  }

  /** The call has been answered: there is no more of the request than has come. */
  onCallAnswered(): void {
    if (this.isOver) return;
    if (!this.requestEnded) return this.end('cancelled');
    const untilMs = this.host.nowMs() + afterCallMs;
    const { deadlineMs } = this.start;
    if (deadlineMs === undefined || untilMs < deadlineMs) this.endAt(untilMs);
  }

  /** The client has given up. */
  cancel(): void {
    this.end('cancelled');
  }

  // ---- from the connections ----

  onConnection(connection: ClientConnection): void {
    const { waiting, start } = this;
    this.waiting = undefined;
    this.stream = connection.open(start.headers(), start.requestEnded, this);
    waiting?.forEach((chunk) => this.stream?.sendData(chunk));
    if (this.requestEnded && !start.requestEnded) this.stream.sendEnd();
  }

  onConnectFailed(): void {
    this.end('unreachable');
  }

  onQueueFull(): void {
    this.end('full');
  }

  // ---- from the instance ----

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (endOfStream) this.onStatus(headers);
  }

  onData(chunk: Uint8Array): void {
    this.stream?.release(chunk.length);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.onStatus(trailers ?? []);
  }

  onSent(bytes: number): void {
    if (this.isOver) return;
    this.heldBytes -= bytes;
    this.host.hold(-bytes);
  }

  onReset(): void {
    this.end('lost');
  }

  onClosed(): void {
    this.end('lost');
  }

  onDeadline(): void {
    this.deadline = undefined;
    this.end('late');
  }

  private onStatus(headers: HeaderPairs): void {
    this.end(statusOf(headers) === 0 ? 'ok' : 'failed');
  }

  private endAt(deadlineMs: number): void {
    this.host.deadlines.remove(this.deadline);
    this.deadline = this.host.deadlines.add(this, deadlineMs);
  }

  private end(outcome: MirrorOutcome): void {
    if (this.isOver) return;
    this.isOver = true;
    this.host.deadlines.remove(this.deadline);
    this.deadline = undefined;
    this.waiting = undefined;
    const isAnswered = outcome === 'ok' || outcome === 'failed';
    const isDone = isAnswered && this.requestEnded && this.heldBytes === 0;
    this.host.hold(-this.heldBytes);
    this.heldBytes = 0;
    if (this.stream === undefined) this.upstream?.cancel(this);
    else if (!isDone) this.stream.reset(http2Code.cancel);
    this.host.onEnd(this, outcome);
  }
}
