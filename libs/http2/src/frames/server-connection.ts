import { type Socket } from 'node:net';
import { http2Code } from '../http2-codes';
import { jitteredAgeMs } from '../jittered-age';
import { type HeaderPairs, type ServerLimits, type ServerListener } from '../engine';
import { Budget } from './budget';
import { ConnectionError } from './connection-error';
import { faultOf, messageKind } from './field-rules';
import { type FlushScheduler } from './flush-scheduler';
import { FrameConnection } from './frame-connection';
import { type FieldSection } from './hpack/field-section';
import { protocolError } from './payloads';
import { clientPreface, settingId, streamIdMax } from './protocol';
import { FrameStream } from './stream';

/** How long the first step of a drain waits for the client's answer, in milliseconds. */
const drainNoticeMs = 500;
/** How long a client may go on sending after the complete response before it is told to stop, in milliseconds. */
const lateDataGraceMs = 1000;
/** Header lists up to so many times the limit are answered; what is larger is no mistake. */
const answeredListFactor = 4;

/** A connection of a client. */
export class ServerConnection extends FrameConnection {
  protected lastPeerStreamId = 0;
  private readonly clientAddress: string;
  private readonly clientPort: number;
  private readonly resets: Budget;
  private prefaceSeen = 0;
  private idleSinceMs: number;
  private draining = false;
  private readonly ageMaxMs: number;
  /** Its streams have been told that their time is over. */
  private isOverdue = false;
  private drainTimer: NodeJS.Timeout | undefined;
  /** Streams above it are not looked at: the last GOAWAY has said so. */
  private lastTakenStreamId = streamIdMax;

  constructor(
    socket: Socket,
    private readonly serverLimits: ServerLimits,
    private readonly serverListener: ServerListener,
    scheduler: FlushScheduler,
    private readonly nowMs: () => number,
    random: () => number,
    onClosed: () => void,
  ) {
    super(socket, serverLimits, scheduler, true, nowMs());
    const { connectionAgeMaxMs = Number.POSITIVE_INFINITY } = serverLimits;
    this.ageMaxMs = jitteredAgeMs(connectionAgeMaxMs, random);
    this.idleSinceMs = nowMs();
    this.clientAddress = socket.remoteAddress ?? '';
    this.clientPort = socket.remotePort ?? 0;
    this.resets = new Budget(serverLimits.streamResetBurst, serverLimits.streamResetsPerSecond);
    this.greet([settingId.maxConcurrentStreams, serverLimits.connectionStreamsMax]);
    let detail = 'closed';
    socket.on('error', (error: NodeJS.ErrnoException) => (detail = error.code ?? error.message));
    socket.on('data', (chunk: Buffer) => this.receive(this.skipPreface(chunk)));
    socket.on('end', () => this.onSocketEnd('closed'));
    socket.once('close', () => {
      clearTimeout(this.drainTimer);
      this.onSocketClosed(detail);
      onClosed();
    });
    socket.resume();
  }

  /** Called once a second. */
  check(nowMs: number, seconds: number): void {
    this.resets.refill(seconds);
    if (this.isClosed) return;
    this.checkAge(nowMs);
    const failure = this.checkTimes(nowMs, seconds, this.streamCount > 0);
    if (failure !== undefined) {
      this.serverListener.onConnectionError(failure);
      this.destroy();
    } else if (
      this.streamCount === 0 &&
      nowMs - this.idleSinceMs >= this.serverLimits.connectionIdleMs
    )
      this.drain();
  }

  private checkAge(nowMs: number): void {
    const overdueMs = nowMs - this.startedMs - this.ageMaxMs;
    if (!(overdueMs >= 0)) return;
    const { connectionAgeGraceMs = 0 } = this.serverLimits;
    if (!this.draining) this.drain();
    else if (overdueMs < connectionAgeGraceMs) return;
    else if (this.isOverdue) this.destroy();
    else {
      this.isOverdue = true;
      for (const stream of [...this.streams.values()]) stream.listener?.onOverdue?.();
    }
  }

  /** Asks the client to go elsewhere; the connection closes when its streams have ended. */
  drain(): void {
    if (this.draining || this.isClosed) return;
    this.draining = true;
    // Step one tells the client to open no more streams, and refuses none that are already on the way (RFC 9113 §6.8). Step two, after
    // the client has answered a PING that was sent behind it, names the last stream; nothing can have crossed it.
    this.writeGoaway(streamIdMax, http2Code.noError, '');
    this.sendPing();
    this.drainTimer = setTimeout(() => this.nameLastStream(), drainNoticeMs);
  }

  onLocalEnd(stream: FrameStream): void {
    // The response is complete. A client that is still sending is asked to stop (RFC 9113 §8.1), after a grace in which its own end usually comes.
    setTimeout(() => stream.reset(http2Code.noError), lateDataGraceMs).unref();
  }

  override writeReset(stream: FrameStream, code: number): void {
    super.writeReset(stream, code);
    // A call that the owner hands back costs nothing more, and a drain hands back all that wait.
    if (code !== http2Code.refusedStream) this.countReset(code);
  }

  protected isIdle(streamId: number): boolean {
    return streamId > this.lastPeerStreamId || streamId % 2 === 0;
  }

  protected onNewHeaders(streamId: number, section: FieldSection, endStream: boolean): void {
    if (streamId % 2 === 0) throw protocolError('a client opened an even stream');
    if (streamId <= this.lastPeerStreamId) return this.onLateHeaders(streamId);
    this.lastPeerStreamId = streamId;
    if (streamId > this.lastTakenStreamId) {
      this.expectRest(endStream);
      return this.closed.add(streamId, true);
    }
    const refused = this.refusalOf(section, endStream);
    if (refused !== undefined) {
      this.expectRest(endStream);
      this.writeResetOf(streamId, refused);
      return this.countReset(refused);
    }
    const stream = this.createStream(streamId);
    stream.contentLeft = section.contentLength;
    stream.remoteEnded = endStream;
    const { clientAddress, clientPort, socket } = this;
    const { pairs } = section;
    if (section.isTooLarge)
      return this.serverListener.onHeadersTooLarge?.(
        stream,
        keptOf(section),
        endStream,
        clientAddress,
      );
    this.serverListener.onStream(stream, pairs, endStream, clientAddress, clientPort, socket);
  }

  protected onMoreHeaders(stream: FrameStream, section: FieldSection, endStream: boolean): void {
    this.takeTrailers(stream, section, endStream);
  }

  protected onPeerReset(stream: FrameStream, code: number): void {
    if (!this.resets.take())
      throw new ConnectionError(http2Code.enhanceYourCalm, 'too many resets');
    stream.abort(FrameStream.resetBy(code, code === http2Code.refusedStream));
  }

  protected onPeerGoaway(): void {
    // It opens no more streams; those that are open go on.
    this.draining = true;
    this.nameLastStream();
  }

  protected onPeerSettings(): void {}

  protected onPingAnswer(): void {
    if (this.drainTimer !== undefined) this.nameLastStream();
  }

  protected onStreamGone(): void {
    if (this.streamCount === 0) this.idleSinceMs = this.nowMs();
  }

  protected onSettled(): void {
    if (this.lastTakenStreamId !== streamIdMax && this.streamCount === 0) this.hangUp('closed');
  }

  protected onFailure(message: string): void {
    this.serverListener.onConnectionError(message);
  }

  protected isUnprocessed(): boolean {
    return false;
  }

  /** The client may have sent on, of a request that is not taken. */
  private expectRest(endStream: boolean): void {
    if (!endStream) this.expectLate(this.firstWindow);
  }

  /** The error code that a request is refused with before anybody sees it. */
  private refusalOf(section: FieldSection, endStream: boolean): number | undefined {
    if (this.streamCount >= this.serverLimits.connectionStreamsMax) return http2Code.refusedStream;
    if (section.isTooLarge) return this.mayAnswer(section) ? undefined : http2Code.enhanceYourCalm;
    if (faultOf(section, messageKind.request) !== undefined) return http2Code.protocolError;
    return endStream && section.contentLength > 0 ? http2Code.protocolError : undefined;
  }

  private mayAnswer({ listBytes }: FieldSection): boolean {
    if (this.serverListener.onHeadersTooLarge === undefined) return false;
    return listBytes <= answeredListFactor * this.serverLimits.headerListBytesMax;
  }

  private onLateHeaders(streamId: number): void {
    this.countIdleFrame();
    if (this.closed.wasResetByUs(streamId)) return;
    if (this.closed.isKnown(streamId))
      throw new ConnectionError(http2Code.streamClosed, 'HEADERS on a closed stream');
    throw protocolError('a stream id below the last one');
  }

  /** Resets that a client provokes cost as much as those that it sends (CVE-2025-8671). */
  private countReset(code: number): void {
    if (code !== http2Code.noError && !this.resets.take())
      this.condemn(http2Code.enhanceYourCalm, 'too many resets');
  }

  private nameLastStream(): void {
    clearTimeout(this.drainTimer);
    this.drainTimer = undefined;
    if (this.isClosed || this.lastTakenStreamId !== streamIdMax) return;
    this.lastTakenStreamId = this.lastPeerStreamId;
    this.writeGoaway(this.lastPeerStreamId, http2Code.noError, '');
  }

  private skipPreface(chunk: Buffer): Buffer {
    if (this.prefaceSeen === clientPreface.length) return chunk;
    const count = Math.min(chunk.length, clientPreface.length - this.prefaceSeen);
    const next = this.prefaceSeen + count;
    if (chunk.compare(clientPreface, this.prefaceSeen, next, 0, count) !== 0)
      this.fail(http2Code.protocolError, 'no HTTP/2 preface');
    this.prefaceSeen = next;
    return chunk.subarray(count);
  }
}

/** What was kept of a list beyond the limits. */
function keptOf({ pairs, lateContentType }: FieldSection): HeaderPairs {
  return lateContentType === undefined ? pairs : [...pairs, 'content-type', lateContentType];
}
