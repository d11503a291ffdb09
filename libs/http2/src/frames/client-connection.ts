import { http2Code } from '../http2-codes';
import {
  type ClientConnection,
  type ClientLimits,
  type ConnectionListener,
  type EngineStream,
  headerListTooLarge,
  type HeaderPairs,
  type StreamListener,
} from '../engine';
import { ConnectionError } from './connection-error';
import { type Connector, splitAddress } from './connector';
import { faultOf, messageKind } from './field-rules';
import { type FlushScheduler } from './flush-scheduler';
import { FrameConnection } from './frame-connection';
import { type FieldSection } from './hpack/field-section';
import { protocolError } from './payloads';
import { clientPreface, settingId, streamIdMax } from './protocol';
import { FrameStream } from './stream';

/** How often dead connections are looked for, in milliseconds. */
const sweepMs = 1000;
/** A response without content may say how long it would be (RFC 9110 §8.6). */
const notModified = '304';

/** A connection to an instance. */
export class FrameClientConnection extends FrameConnection implements ClientConnection {
  /** Servers open no streams: push is off. */
  protected readonly lastPeerStreamId = 0;
  private readonly connectTimer: NodeJS.Timeout;
  private readonly sweep: NodeJS.Timeout;
  private nextStreamId = 1;
  private ready = false;
  private draining = false;
  private goawayLastStreamId = streamIdMax;
  private failure = 'closed';
  private checkedMs = performance.now();

  constructor(
    address: string,
    private readonly clientLimits: ClientLimits,
    private readonly connectionListener: ConnectionListener,
    scheduler: FlushScheduler,
    private streamsLeft: number,
    connector: Connector,
    serverName: string | undefined,
  ) {
    const { host, port } = splitAddress(address);
    const socket = connector.connect({ host, port, serverName: serverName ?? host }, () => {
      socket.write(clientPreface);
      this.greet([settingId.enablePush, 0]);
    });
    super(socket, clientLimits, scheduler, false, performance.now());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = connector.explain(error);
    });
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.onSocketEnd(this.failure));
    socket.once('close', () => this.finish());
    this.connectTimer = setTimeout(() => {
      this.failure = `no answer within ${clientLimits.connectTimeoutMs} ms`;
      this.destroy();
    }, clientLimits.connectTimeoutMs);
    this.sweep = setInterval(() => this.check(), sweepMs);
    this.sweep.unref();
  }

  get hasCapacity(): boolean {
    if (!this.ready || this.draining || this.isClosed) return false;
    const { connectionStreamsMax } = this.clientLimits;
    return this.streams.size < Math.min(connectionStreamsMax, this.peer.maxConcurrentStreams);
  }

  open(headers: HeaderPairs, endOfStream: boolean, listener: StreamListener): EngineStream {
    const stream = this.createStream(this.nextStreamId);
    this.nextStreamId += 2;
    stream.setListener(listener);
    this.writeHeaders(stream, headers, endOfStream);
    if (endOfStream) stream.startEnded();
    this.streamsLeft -= 1;
    if (this.streamsLeft === 0) this.drain();
    return stream;
  }

  probe(): void {
    if (this.ready && !this.isClosed) this.keepalive.ping(performance.now());
  }

  drain(): void {
    this.startDraining();
    this.closeWhenDrained();
  }

  onLocalEnd(): void {}

  protected isIdle(streamId: number): boolean {
    return streamId >= this.nextStreamId || streamId % 2 === 0;
  }

  protected onNewHeaders(streamId: number): void {
    if (this.isIdle(streamId)) throw protocolError('HEADERS on an idle stream');
    this.countIdleFrame();
    if (!this.closed.wasResetByUs(streamId))
      throw new ConnectionError(http2Code.streamClosed, 'HEADERS on a closed stream');
  }

  protected onMoreHeaders(stream: FrameStream, section: FieldSection, endStream: boolean): void {
    if (stream.headersDone) return this.takeTrailers(stream, section, endStream);
    const fault = faultOf(section, messageKind.response);
    if (section.isTooLarge) return stream.fail(http2Code.enhanceYourCalm, headerListTooLarge);
    if (fault !== undefined) return stream.fail(http2Code.protocolError, fault);
    const status = section.pairs[1] ?? '';
    if (status.charCodeAt(0) === 49 /* '1' */) return this.onInformation(stream, status, endStream);
    stream.headersDone = true;
    if (status !== notModified) stream.contentLeft = section.contentLength;
    if (endStream && stream.contentLeft > 0)
      return stream.fail(http2Code.protocolError, 'less data than content-length');
    if (endStream) stream.endRemote();
    stream.listener?.onHeaders(section.pairs, endStream);
  }

  protected onPeerReset(stream: FrameStream, code: number): void {
    const unprocessed = code === http2Code.refusedStream || this.isUnprocessed(stream.id);
    stream.abort(FrameStream.resetBy(code, unprocessed));
  }

  protected onPeerGoaway(lastStreamId: number): void {
    // A later one may name fewer streams, and never more (RFC 9113 §6.8).
    this.goawayLastStreamId = Math.min(this.goawayLastStreamId, lastStreamId);
    this.startDraining();
    for (const stream of this.streams.values())
      if (this.isUnprocessed(stream.id))
        stream.abort(FrameStream.resetBy(http2Code.refusedStream, true));
    this.closeWhenDrained();
  }

  protected onPeerSettings(first: boolean): void {
    if (!first) return this.connectionListener.onCapacity();
    this.ready = true;
    clearTimeout(this.connectTimer);
    this.connectionListener.onReady();
    if (this.draining) this.closeWhenDrained();
  }

  protected onPingAnswer(): void {}
  protected onStreamGone(): void {}

  protected onSettled(closedStreams: number): void {
    if (this.draining) this.closeWhenDrained();
    else if (closedStreams > 0 && !this.isClosed) this.connectionListener.onCapacity();
  }

  /** Calls that wait for it look for another one at once, and not when the socket has closed. */
  protected override hangUp(detail: string, withinMs?: number): void {
    this.startDraining();
    super.hangUp(detail, withinMs);
  }

  protected onFailure(message: string): void {
    this.failure = message;
    this.connectionListener.onViolation?.(message);
  }

  protected isUnprocessed(streamId: number): boolean {
    return streamId > this.goawayLastStreamId;
  }

  /** Interim responses are not passed on: gRPC has none. */
  private onInformation(stream: FrameStream, status: string, endStream: boolean): void {
    this.countIdleFrame();
    if (endStream || status === '101')
      stream.fail(http2Code.protocolError, 'an interim response that ends the stream');
  }

  private startDraining(): void {
    if (this.draining) return;
    this.draining = true;
    if (this.ready) this.connectionListener.onDraining();
  }

  /** Not before: the requests of this turn are in front of the GOAWAY, and it is sent when they have been answered. */
  private closeWhenDrained(): void {
    if (this.streams.size > 0 || this.isClosed || !this.ready) return;
    this.writeGoaway(0, http2Code.noError, '');
    this.hangUp('closed');
  }

  private check(): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.checkedMs) / 1000;
    this.checkedMs = nowMs;
    if (!this.ready || this.isClosed) return;
    if (this.checkTimes(nowMs, seconds, this.streams.size > 0) === undefined) return;
    this.failure = `no answer to a PING within ${this.clientLimits.keepaliveTimeoutMs} ms`;
    this.destroy();
  }

  private finish(): void {
    clearTimeout(this.connectTimer);
    clearInterval(this.sweep);
    this.draining = true;
    this.onSocketClosed(this.failure);
    this.connectionListener.onClosed(this.failure, this.ready);
  }
}
