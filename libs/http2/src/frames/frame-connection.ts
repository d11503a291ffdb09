import { type Socket } from 'node:net';
import { headerListTooLarge } from '../engine';
import { http2Code } from '../http2-codes';
import { Budget } from './budget';
import { ConnectionError } from './connection-error';
import { ConnectionInput } from './connection-input';
import { type ConnectionLimits } from './connection-limits';
import { faultOf, messageKind } from './field-rules';
import { type FlushScheduler } from './flush-scheduler';
import { readUint32 } from './frame-reader';
import { HeaderBlocks } from './header-blocks';
import { HpackDecoder } from './hpack/decoder';
import { type FieldSection } from './hpack/field-section';
import { Keepalive } from './keepalive';
import { expectLength, piece, protocolError, unpadded } from './payloads';
import { encodeSettings } from './peer-settings';
import { frameFlag, frameType, initialWindowBytes, settingId, windowBytesMax } from './protocol';
import { FrameStream } from './stream';

/**
 * Frames that cost us and carry nothing: PING, SETTINGS, PRIORITY, empty DATA, WINDOW_UPDATE and the like. A peer has so many at once and per second, and earns more
 * by what these frames are for: data that we send, and streams.
 */
const idleFramesBurst = 2000;
const idleFramesPerSecond = 500;
const earnedByData = 3;
const earnedByStream = 4;
/** What a header block costs beside its frame, in frames: a call to be opened, and fields to be decoded. */
const headerBlockWork = 8;
const headerBytesPerWork = 128;
const pingPayload = Buffer.alloc(8);
const nothing = Buffer.alloc(0);

/** What comes in on a connection, of either side: the rules of RFC 9113 §6 for each frame. */
export abstract class FrameConnection extends ConnectionInput {
  protected readonly keepalive: Keepalive;
  private readonly decoder: HpackDecoder;
  private readonly blocks: HeaderBlocks;
  private readonly idleFrames = new Budget(idleFramesBurst, idleFramesPerSecond);
  protected readonly startedMs: number;
  private sawSettings = false;
  private settingsAcknowledged = false;

  constructor(
    socket: Socket,
    limits: ConnectionLimits,
    scheduler: FlushScheduler,
    isServer: boolean,
    nowMs: number,
  ) {
    super(socket, limits, scheduler, isServer);
    this.startedMs = nowMs;
    this.decoder = new HpackDecoder(limits);
    this.blocks = new HeaderBlocks(limits.headerListBytesMax);
    this.keepalive = new Keepalive(limits, () => this.sendPing(), nowMs);
  }

  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.verdict !== undefined) throw this.verdict;
    this.countWork(1);
    if (!this.sawSettings && type !== frameType.settings)
      throw protocolError('the first frame is not SETTINGS');
    if (this.blocks.streamId !== 0 && type !== frameType.continuation)
      throw protocolError('a header block is not complete');
    switch (type) {
      case frameType.data:
        return this.onData(flags, streamId, bytes, start, end);
      case frameType.headers:
        return this.onHeaders(flags, streamId, bytes, start, end);
      case frameType.priority:
        return this.onPriority(streamId, end - start);
      case frameType.rstStream:
        return this.onRstStream(streamId, bytes, start, end);
      case frameType.settings:
        return this.onSettings(flags, streamId, bytes, start, end);
      case frameType.pushPromise:
        // We have said SETTINGS_ENABLE_PUSH 0, and a client must not push (RFC 9113 §8.4).
        throw protocolError('push is not accepted');
      case frameType.ping:
        return this.onPing(flags, streamId, bytes.subarray(start, end));
      case frameType.goaway:
        return this.onGoaway(streamId, bytes, start, end);
      case frameType.windowUpdate:
        return this.onWindowUpdate(streamId, bytes, start, end);
      case frameType.continuation:
        return this.onContinuation(flags, streamId, bytes.subarray(start, end));
      default:
        // Unknown types are ignored (RFC 9113 §5.5).
        return this.countIdleFrame();
    }
  }

  // ---- what the sides do differently ----

  /** Whether no stream of that id has been opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** A header block for a stream that is not open. */
  protected abstract onNewHeaders(
    streamId: number,
    section: FieldSection,
    endStream: boolean,
  ): void;
  /** A header block on an open stream whose peer has not ended. */
  protected abstract onMoreHeaders(
    stream: FrameStream,
    section: FieldSection,
    endStream: boolean,
  ): void;
  /** The peer has reset an open stream. */
  protected abstract onPeerReset(stream: FrameStream, code: number): void;
  protected abstract onPeerGoaway(lastStreamId: number, code: number): void;
  /** The peer's SETTINGS have come; the first ones complete the connection. */
  protected abstract onPeerSettings(first: boolean): void;
  protected abstract onPingAnswer(): void;

  // ---- shared with the sides ----

  /** Our SETTINGS, and the connection's window. */
  protected greet(settings: readonly number[]): void {
    const { headerListBytesMax } = this.limits;
    const common = [
      ...[settingId.initialWindowSize, this.streamWindowStartBytes],
      ...[settingId.maxHeaderListSize, headerListBytesMax],
    ];
    this.writeFrame(frameType.settings, 0, 0, encodeSettings([...settings, ...common]));
    const more = this.shares.windowBytes - initialWindowBytes;
    if (more <= 0) return;
    this.receiveWindow += more;
    this.writeWindowUpdate(0, more);
  }

  protected createStream(streamId: number): FrameStream {
    const stream = new FrameStream(streamId, this, this.peer.initialWindowSize, this.firstWindow);
    this.streams.set(streamId, stream);
    this.idleFrames.earn(earnedByStream);
    return stream;
  }

  /** What a peer may send on a stream at first. Until our SETTINGS are acknowledged it may believe in the initial window (RFC 9113 §6.5.3). */
  protected get firstWindow(): number {
    const { streamWindowStartBytes } = this;
    return this.settingsAcknowledged
      ? streamWindowStartBytes
      : Math.max(streamWindowStartBytes, initialWindowBytes);
  }

  /** The peer's last header block of a stream, after which nothing comes. */
  protected takeTrailers(stream: FrameStream, section: FieldSection, endStream: boolean): void {
    const fault = endStream
      ? faultOf(section, messageKind.trailers)
      : 'trailers without END_STREAM';
    if (section.isTooLarge) return stream.fail(http2Code.enhanceYourCalm, headerListTooLarge);
    if (fault !== undefined) return stream.fail(http2Code.protocolError, fault);
    if (stream.contentLeft > 0)
      return stream.fail(http2Code.protocolError, 'less data than content-length');
    stream.endRemote();
    stream.listener?.onEnd(section.pairs);
  }

  /** Takes one from the budget of frames that carry nothing. */
  protected countIdleFrame(): void {
    if (!this.idleFrames.take())
      throw new ConnectionError(http2Code.enhanceYourCalm, 'too many frames that carry nothing');
  }

  protected sendPing(): void {
    this.writeFrame(frameType.ping, 0, 0, pingPayload);
  }

  /** Called once a second. Returns what the connection is to be closed for. */
  protected checkTimes(nowMs: number, seconds: number, hasStreams: boolean): string | undefined {
    this.idleFrames.refill(seconds);
    // SETTINGS are a question like a PING, and have to be answered as soon (RFC 9113 §6.5.3).
    const { keepaliveTimeoutMs } = this.limits;
    if (!this.settingsAcknowledged && nowMs - this.startedMs >= keepaliveTimeoutMs) {
      this.fail(http2Code.settingsTimeout, 'SETTINGS were not acknowledged');
      return undefined;
    }
    const wanted = hasStreams || this.output.pendingBytes > 0;
    return this.keepalive.check(nowMs, this.bytesRead, wanted) ? 'keepalive timeout' : undefined;
  }

  protected onDataWritten(): void {
    this.idleFrames.earn(earnedByData);
  }

  // ---- frames ----

  private onData(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('DATA on stream 0');
    const frameBytes = end - start;
    // Padding counts, and so does what is dropped (RFC 9113 §6.9.1, §5.4.2).
    this.receiveWindow -= frameBytes;
    if (this.receiveWindow < 0)
      throw new ConnectionError(http2Code.flowControlError, 'connection window exceeded');
    const from = (flags & frameFlag.padded) !== 0 ? start + 1 : start;
    const to = unpadded(flags, bytes, start, end);
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (to === from && !endStream) this.countIdleFrame();
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.countReceived(frameBytes, 0);
      return this.onLateData(streamId, frameBytes);
    }
    const refused = this.refusalOfData(stream, frameBytes, to - from);
    if (refused !== undefined) {
      this.countReceived(frameBytes, 0);
      return stream.fail(...refused);
    }
    this.countReceived(frameBytes, to - from);
    if (frameBytes > to - from) stream.giveCredit(frameBytes - (to - from));
    if (to > from && stream.hold(to - from)) stream.listener?.onData(piece(bytes, from, to));
    if (!endStream || stream.closed) return;
    if (stream.contentLeft > 0)
      return stream.fail(http2Code.protocolError, 'less data than content-length');
    stream.endRemote();
    stream.listener?.onEnd(undefined);
  }

  private refusalOfData(
    stream: FrameStream,
    frameBytes: number,
    dataBytes: number,
  ): [number, string] | undefined {
    if (stream.remoteEnded) return [http2Code.streamClosed, 'DATA after the end'];
    if (!this.isServer && !stream.headersDone)
      return [http2Code.protocolError, 'DATA before the response'];
    stream.receiveWindow -= frameBytes;
    if (stream.receiveWindow < 0) return [http2Code.flowControlError, 'stream window exceeded'];
    if (stream.contentLeft < 0) return undefined;
    if (dataBytes > stream.contentLeft)
      return [http2Code.protocolError, 'more data than content-length'];
    stream.contentLeft -= dataBytes;
    return undefined;
  }

  private onLateData(streamId: number, bytes: number): void {
    if (this.isIdle(streamId)) throw protocolError('DATA on an idle stream');
    if (!this.closed.wasResetByUs(streamId))
      return this.writeResetOf(streamId, http2Code.streamClosed);
    if (!this.countLate(bytes))
      throw new ConnectionError(http2Code.flowControlError, 'DATA goes on after the reset');
  }

  private onHeaders(
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (streamId === 0) throw protocolError('HEADERS on stream 0');
    const to = unpadded(flags, bytes, start, end);
    let from = (flags & frameFlag.padded) !== 0 ? start + 1 : start;
    // The fields of the priority are read over (RFC 9113 §5.3.2).
    if ((flags & frameFlag.priority) !== 0) from += 5;
    if (from > to) throw new ConnectionError(http2Code.frameSizeError, 'HEADERS too short');
    const endStream = (flags & frameFlag.endStream) !== 0;
    if ((flags & frameFlag.endHeaders) === 0)
      return this.blocks.begin(streamId, endStream, bytes.subarray(from, to));
    this.onBlock(streamId, endStream, this.decode(bytes, from, to));
  }

  private onContinuation(flags: number, streamId: number, fragment: Buffer): void {
    const block = this.blocks.continue(streamId, flags, fragment);
    if (block === undefined) return;
    this.onBlock(streamId, this.blocks.endStream, this.decode(block, 0, block.length));
  }

  private decode(bytes: Buffer, start: number, end: number): FieldSection {
    this.countWork(headerBlockWork + Math.floor((end - start) / headerBytesPerWork));
    return this.decoder.decode(bytes, start, end);
  }

  private onBlock(streamId: number, endStream: boolean, section: FieldSection): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.onNewHeaders(streamId, section, endStream);
    else if (stream.remoteEnded) stream.fail(http2Code.streamClosed, 'HEADERS after the end');
    else this.onMoreHeaders(stream, section, endStream);
  }

  private onPriority(streamId: number, length: number): void {
    if (streamId === 0) throw protocolError('PRIORITY on stream 0');
    this.countIdleFrame();
    if (length === 5) return;
    const stream = this.streams.get(streamId);
    // RFC 9113 §6.3 wants a stream error, which an idle stream cannot have.
    if (stream === undefined)
      throw new ConnectionError(http2Code.frameSizeError, 'PRIORITY of another length than 5');
    stream.fail(http2Code.frameSizeError, 'PRIORITY of another length than 5');
  }

  private onRstStream(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('RST_STREAM on stream 0');
    expectLength('RST_STREAM', end - start, 4);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return this.onPeerReset(stream, readUint32(bytes, start));
    if (this.isIdle(streamId)) throw protocolError('RST_STREAM on an idle stream');
    this.countIdleFrame();
  }

  private onSettings(
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (streamId !== 0) throw protocolError('SETTINGS on a stream');
    this.countIdleFrame();
    if ((flags & frameFlag.ack) !== 0) {
      if (!this.sawSettings) throw protocolError('the first frame is not SETTINGS');
      expectLength('SETTINGS with ACK', end - start, 0);
      return this.onSettingsAcknowledged();
    }
    this.applyPeerSettings(bytes, start, end);
    this.writeFrame(frameType.settings, frameFlag.ack, 0, nothing);
    const first = !this.sawSettings;
    this.sawSettings = true;
    this.onPeerSettings(first);
  }

  private onSettingsAcknowledged(): void {
    if (this.settingsAcknowledged) throw protocolError('SETTINGS acknowledged twice');
    this.settingsAcknowledged = true;
    const { streamWindowStartBytes } = this;
    const less = Math.max(streamWindowStartBytes, initialWindowBytes) - streamWindowStartBytes;
    if (less > 0) for (const stream of this.streams.values()) stream.receiveWindow -= less;
  }

  private onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('PING on a stream');
    expectLength('PING', payload.length, 8);
    this.countIdleFrame();
    if ((flags & frameFlag.ack) !== 0) this.onPingAnswer();
    else this.writeFrame(frameType.ping, frameFlag.ack, 0, payload);
  }

  private onGoaway(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('GOAWAY on a stream');
    if (end - start < 8) throw new ConnectionError(http2Code.frameSizeError, 'GOAWAY too short');
    this.countIdleFrame();
    this.onPeerGoaway(readUint32(bytes, start) & 0x7fffffff, readUint32(bytes, start + 4));
  }

  private onWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    expectLength('WINDOW_UPDATE', end - start, 4);
    this.countIdleFrame();
    const increment = readUint32(bytes, start) & 0x7fffffff;
    if (streamId === 0) {
      if (increment === 0) throw protocolError('WINDOW_UPDATE of 0');
      this.sendWindow += increment;
      if (this.sendWindow > windowBytesMax)
        throw new ConnectionError(
          http2Code.flowControlError,
          'connection window above its maximum',
        );
      return this.pumpWaiting();
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      // Late ones are expected (RFC 9113 §5.1).
      if (this.isIdle(streamId)) throw protocolError('WINDOW_UPDATE on an idle stream');
      return;
    }
    if (increment === 0) return stream.fail(http2Code.protocolError, 'WINDOW_UPDATE of 0');
    if (!stream.adjustSendWindow(increment))
      stream.fail(http2Code.flowControlError, 'stream window above its maximum');
  }
}
