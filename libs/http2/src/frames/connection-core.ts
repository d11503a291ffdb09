import { type Socket } from 'node:net';
import { type HeaderPairs } from '../header-pairs';
import { http2Code } from '../http2-codes';
import { ClosedStreams } from './closed-streams';
import { ConnectionError } from './connection-error';
import { type ConnectionLimits, memoryShares, type MemoryShares } from './connection-limits';
import { type Flushable, type FlushScheduler } from './flush-scheduler';
import { HpackEncoder } from './hpack/encoder';
import { Output, writeUint32 } from './output';
import { PeerSettings } from './peer-settings';
import { frameType, initialWindowBytes } from './protocol';
import { type FrameStream, type StreamHost } from './stream';

/** How long a peer gets to close when it has been sent everything, in milliseconds. */
const lingerMs = 1000;
/** What may come for streams that were reset, at most, in windows of the connection: one is on the way, another is sent before the reset is seen. */
const lateWindows = 4;
/** How long a peer gets to read what it has a right to, in milliseconds. */
const patienceMs = 30_000;

/**
 * What goes out of a connection, of either side: frames, windows, and the end.
 *
 * Nothing is written at once: frames gather, and {@link flush} sends them at the end of the turn. Then streams are told what has left.
 */
export abstract class ConnectionCore implements StreamHost, Flushable {
  /** The last stream of the peer's that was looked at, for GOAWAY (RFC 9113 §6.8). */
  protected abstract readonly lastPeerStreamId: number;
  readonly streams = new Map<number, FrameStream>();
  /** No frame is read any more: the connection broke, or was closed by a GOAWAY of ours. */
  isClosed = false;
  protected readonly peer: PeerSettings;
  protected readonly closed = new ClosedStreams();
  protected readonly output: Output;
  protected readonly shares: MemoryShares;
  /** What the peer lets us send on the whole connection. */
  protected sendWindow = initialWindowBytes;
  /** What the peer may still send on it. */
  protected receiveWindow = initialWindowBytes;
  private readonly encoder = new HpackEncoder();
  private readonly waiting = new Set<FrameStream>();
  private settling: FrameStream[] = [];
  private settled: FrameStream[] = [];
  private heldBytes = 0;
  private queuedBytes = 0;
  /** What may still come for streams that we reset, sent before the peer learned of it: what their windows let it send. */
  private lateBytes = 0;
  /** Received and not given back to the peer as window. */
  private owedBytes = 0;
  private isDirty = false;
  /** Not read, because it does not read. */
  private isPaused = false;
  /** Not read, because others have their turn. */
  private isWaiting = false;
  private doom: ConnectionError | undefined;
  private linger: NodeJS.Timeout | undefined;
  // What is being encoded; kept here so that no closure is made for each header list.
  private headersToWrite: HeaderPairs = [];

  constructor(
    protected readonly socket: Socket,
    protected readonly limits: ConnectionLimits,
    private readonly scheduler: FlushScheduler,
    readonly isServer: boolean,
  ) {
    this.peer = new PeerSettings(!isServer);
    this.shares = memoryShares(limits.connectionMemoryBytesMax);
    this.output = new Output(socket, this.onDrained);
  }

  get streamCount(): number {
    return this.streams.size;
  }

  get streamWindowBytes(): number {
    return this.limits.streamBufferBytesMax;
  }

  get streamWindowStartBytes(): number {
    const { streamBufferBytesMax, streamWindowStartBytes = streamBufferBytesMax } = this.limits;
    return Math.min(streamWindowStartBytes, streamBufferBytesMax);
  }

  get mayWiden(): boolean {
    return this.heldBytes < this.shares.heldBytesMax / 4;
  }

  get dataRoom(): number {
    const room = this.shares.dataStopsBytes - this.output.pendingBytes;
    return room < this.sendWindow ? room : this.sendWindow;
  }

  /** A broken rule that was noticed where nobody can be interrupted; the connection ends with it. */
  protected get verdict(): ConnectionError | undefined {
    return this.doom;
  }

  // ---- frames out ----

  writeHeaders(stream: FrameStream, headers: HeaderPairs, endStream: boolean): void {
    this.headersToWrite = headers;
    this.output.headers(stream.id, endStream, HpackEncoder.roomFor(headers), this.encodeHeaders);
    this.touch();
  }

  writeData(stream: FrameStream, chunk: Uint8Array, endStream: boolean): void {
    this.sendWindow -= chunk.length;
    this.output.data(stream.id, chunk, 0, chunk.length, endStream);
    stream.dataOffset = this.output.dataOffset;
    stream.dataGeneration = this.output.dataGeneration;
    this.onDataWritten();
    this.touch();
  }

  endLastData(stream: FrameStream): boolean {
    return this.output.endWith(stream.dataGeneration, stream.dataOffset);
  }

  writeReset(stream: FrameStream, code: number): void {
    if (!stream.remoteEnded) this.expectLate(Math.max(0, stream.receiveWindow));
    this.writeResetOf(stream.id, code);
  }

  writeWindowUpdate(streamId: number, bytes: number): void {
    this.output.numberFrame(frameType.windowUpdate, streamId, bytes);
    this.touch();
  }

  /** RST_STREAM, also for a stream that there is no object of. */
  protected writeResetOf(streamId: number, code: number): void {
    if (this.isClosed) return;
    this.closed.add(streamId, true);
    this.output.numberFrame(frameType.rstStream, streamId, code);
    this.touch();
  }

  protected writeFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.output.frame(type, flags, streamId, payload);
    this.touch();
  }

  protected writeGoaway(lastStreamId: number, code: number, debug: string): void {
    const text = Buffer.from(debug, 'latin1');
    const payload = Buffer.alloc(8 + text.length);
    writeUint32(payload, 0, lastStreamId);
    writeUint32(payload, 4, code);
    payload.set(text, 8);
    this.writeFrame(frameType.goaway, 0, 0, payload);
  }

  protected applyPeerSettings(bytes: Buffer, start: number, end: number): void {
    const before = this.peer.initialWindowSize;
    const tableBefore = this.peer.headerTableSize;
    this.peer.apply(bytes, start, end);
    if (this.peer.headerTableSize !== tableBefore)
      this.encoder.setPeerLimit(this.peer.headerTableSize);
    const change = this.peer.initialWindowSize - before;
    if (change === 0) return;
    // RFC 9113 §6.9.2: the change applies to the streams that are open, and may take their windows below 0.
    for (const stream of this.streams.values())
      if (!stream.adjustSendWindow(change))
        throw new ConnectionError(http2Code.flowControlError, 'stream window above its maximum');
  }

  // ---- windows ----

  waitForRoom(stream: FrameStream): void {
    this.waiting.add(stream);
  }

  countQueued(bytes: number): boolean {
    this.queuedBytes += bytes;
    return !this.isServer || this.queuedBytes <= this.shares.queuedBytesMax;
  }

  releaseHeld(bytes: number): void {
    this.heldBytes -= bytes;
    this.giveBackWindow();
  }

  /** Counts a DATA frame against the connection's window. @param heldBytes the part of it that was delivered */
  protected countReceived(windowBytes: number, heldBytes: number): void {
    this.owedBytes += windowBytes;
    this.heldBytes += heldBytes;
    this.giveBackWindow();
  }

  /** A stream is gone whose peer may have sent so much before it learns of it. */
  protected expectLate(bytes: number): void {
    this.lateBytes = Math.min(this.lateBytes + bytes, lateWindows * this.shares.windowBytes);
  }

  /** Counts DATA for a stream that we reset. Returns false when the peer cannot have had a right to it. */
  protected countLate(bytes: number): boolean {
    this.lateBytes -= bytes;
    return this.lateBytes >= 0;
  }

  /**
   * Streams have windows of their own, so that this one is given back at once. A client that has much in the gateway waits with all its calls; an instance
   * never does, because it would be other clients' calls that wait for the one that does not read: what is held for a client is bounded at its own connection.
   */
  private giveBackWindow(): void {
    const { windowBytes, heldBytesMax } = this.shares;
    if (this.owedBytes < windowBytes / 2 || this.isClosed) return;
    const holdsMuch = this.heldBytes > 0 && this.heldBytes + windowBytes > heldBytesMax;
    if (this.isServer && holdsMuch) return;
    this.receiveWindow += this.owedBytes;
    this.writeWindowUpdate(0, this.owedBytes);
    this.owedBytes = 0;
  }

  /** Sends what waits, one frame a stream by turns. */
  protected pumpWaiting(): void {
    for (const stream of this.waiting) {
      if (this.dataRoom <= 0) return;
      this.waiting.delete(stream);
      stream.pumpOne();
      // A set is walked in the order of insertion: this one comes again behind the others.
      if (stream.wantsRoom) this.waiting.add(stream);
    }
  }

  // ---- streams ----

  settle(stream: FrameStream): void {
    if (stream.isSettling) return;
    stream.isSettling = true;
    this.settling.push(stream);
    this.touch();
  }

  abstract onLocalEnd(stream: FrameStream): void;

  forget(stream: FrameStream): void {
    this.streams.delete(stream.id);
    this.waiting.delete(stream);
    this.closed.add(stream.id, false);
    this.onStreamGone();
  }

  protected abstract onStreamGone(): void;
  /** A DATA frame was written. */
  protected abstract onDataWritten(): void;
  /** Streams have been told what happened in this turn. */
  protected abstract onSettled(closedStreams: number): void;

  // ---- turns ----

  flush(): void {
    this.isDirty = false;
    if (this.doom !== undefined && !this.isClosed) this.fail(this.doom.code, this.doom.message);
    this.output.write();
    if (this.isClosed) this.endSocket();
    if (this.waiting.size > 0 && this.output.pendingBytes === 0) this.pumpWaiting();
    const streams = this.settling;
    this.settling = this.settled;
    this.settled = streams;
    let closedStreams = 0;
    for (const stream of streams) {
      stream.settle();
      if (stream.closed) closedStreams += 1;
    }
    streams.length = 0;
    this.onSettled(closedStreams);
  }

  /** Has the connection closed at the end of the turn, or before the next frame. */
  protected condemn(code: number, message: string): void {
    this.doom ??= new ConnectionError(code, message);
    this.touch();
  }

  protected touch(): void {
    const { pendingBytes } = this.output;
    if (pendingBytes > this.shares.readingStopsBytes) this.stopReading(pendingBytes);
    if (this.isDirty) return;
    this.isDirty = true;
    this.scheduler.schedule(this);
  }

  /** The peer asks for more than it reads. */
  private stopReading(pendingBytes: number): void {
    if (pendingBytes > this.shares.outputBytesMax)
      this.doom ??= new ConnectionError(http2Code.enhanceYourCalm, 'too much is unread');
    if (this.isPaused || this.isClosed) return;
    this.isPaused = true;
    this.socket.pause();
  }

  /** Stops reading until {@link resumeAfterOthers}. */
  protected pauseForOthers(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.socket.pause();
  }

  protected resumeAfterOthers(): void {
    this.isWaiting = false;
    if (!this.isPaused || this.isClosed) this.socket.resume();
  }

  private readonly onDrained = (): void => {
    if (this.isPaused && this.output.pendingBytes <= this.shares.readingStopsBytes / 2) {
      this.isPaused = false;
      if (!this.isWaiting) this.socket.resume();
    }
    if (!this.isClosed) this.pumpWaiting();
    this.touch();
  };

  private readonly encodeHeaders = (target: Buffer, start: number): number =>
    this.encoder.encode(this.headersToWrite, target, start);

  // ---- the end ----

  /** Ends the connection for a broken rule or limit: GOAWAY with its code and text, and no more frames are read (RFC 9113 §5.4.1). */
  protected fail(code: number, message: string): void {
    if (this.isClosed) return;
    this.writeGoaway(this.lastPeerStreamId, code, message);
    this.onFailure(message);
    this.hangUp(message, lingerMs);
  }

  protected abstract onFailure(message: string): void;

  /** Sends what has been written, and closes. Open streams are lost. @param withinMs when it is cut, whatever has been sent */
  protected hangUp(detail: string, withinMs = patienceMs): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.output.write();
    this.loseStreams(detail);
    // A socket that is closed with unread bytes resets the connection, and the peer never sees why: so they are read, for a while.
    if (this.isPaused || this.isWaiting) this.socket.resume();
    this.cutIn(withinMs);
    this.endSocket();
  }

  /** Not before the last frames are in the socket, behind which its end stands. */
  private endSocket(): void {
    if (this.output.gatheredBytes > 0 || this.socket.writableEnded) return;
    this.socket.end(() => this.cutIn(lingerMs));
  }

  private cutIn(milliseconds: number): void {
    if (this.socket.destroyed) return;
    clearTimeout(this.linger);
    this.linger = setTimeout(() => this.socket.destroy(), milliseconds);
    this.linger.unref();
  }

  /** Closes at once. */
  destroy(): void {
    this.isClosed = true;
    this.socket.destroy();
  }

  /** The socket is closed. */
  protected onSocketClosed(detail: string): void {
    clearTimeout(this.linger);
    this.isClosed = true;
    this.output.discard();
    this.loseStreams(detail);
    this.touch();
  }

  protected loseStreams(detail: string): void {
    for (const stream of this.streams.values())
      stream.abort({
        code: http2Code.cancel,
        unprocessed: this.isUnprocessed(stream.id),
        connectionLost: true,
        detail,
      });
  }

  /** Whether a GOAWAY said that the stream was never looked at. */
  protected abstract isUnprocessed(streamId: number): boolean;
}
