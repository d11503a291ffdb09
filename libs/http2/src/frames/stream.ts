import { http2Code, http2CodeName } from '../http2-codes';
import {
  type EngineStream,
  type HeaderPairs,
  type StreamListener,
  type StreamReset,
} from '../engine';
import { ChunkQueue } from './chunk-queue';
import { framePayloadBytesMax, windowBytesMax } from './protocol';

/** What a stream asks of the connection that it is on. */
export interface StreamHost {
  /** Bytes of DATA that may be sent now, whatever the stream's own window: the connection's window, and room in its output. */
  readonly dataRoom: number;
  /** The largest window of a stream. */
  readonly streamWindowBytes: number;
  /** The window that we announce for streams. */
  readonly streamWindowStartBytes: number;
  /** Whether so little is held that a stream whose data is taken may have more of it on the way. */
  readonly mayWiden: boolean;
  readonly isServer: boolean;
  writeHeaders(stream: FrameStream, headers: HeaderPairs, endStream: boolean): void;
  writeData(stream: FrameStream, chunk: Uint8Array, endStream: boolean): void;
  /** Sets END_STREAM on the stream's last DATA frame, if that has not left. */
  endLastData(stream: FrameStream): boolean;
  writeReset(stream: FrameStream, code: number): void;
  writeWindowUpdate(streamId: number, bytes: number): void;
  /** Asks for {@link FrameStream.pump} when there is room again. */
  waitForRoom(stream: FrameStream): void;
  /** Counts bytes that wait to be sent (negative: that do not any more). False when the connection must not hold more. */
  countQueued(bytes: number): boolean;
  /** Gives back the connection's credit for data that was delivered. */
  releaseHeld(bytes: number): void;
  /** Has {@link FrameStream.settle} called at the end of the turn. */
  settle(stream: FrameStream): void;
  /** Our direction has ended and the peer's has not. */
  onLocalEnd(stream: FrameStream): void;
  /** The stream is closed on the wire. */
  forget(stream: FrameStream): void;
}

/**
 * One stream, of either side (RFC 9113 §5.1).
 *
 * What the owner is told of its own deeds, `onSent` and `onClosed`, comes at the end of the turn and never within one of its
 * calls; what the peer did, it is told when the frame is read.
 */
export class FrameStream implements EngineStream {
  listener: StreamListener | undefined;
  remoteEnded = false;
  localEnded = false;
  /** Client side: the final response's headers have come. Server side: ours have left. */
  headersDone = false;
  /** On the wire, nothing more comes or goes. */
  closed = false;
  /** What the peer lets us send (RFC 9113 §6.9.1); below 0 after its SETTINGS have shrunk it. */
  sendWindow: number;
  /** What the peer may still send. */
  receiveWindow: number;
  /** How much may be on the way or held. */
  private windowBytes: number;
  /** What its content-length says is still to come; -1 when it says nothing. */
  contentLeft = -1;
  /** Where its last DATA frame lies in the output. */
  dataOffset = 0;
  dataGeneration = -1;
  isSettling = false;
  isWaiting = false;
  private heldBytes = 0;
  /** Released, and not given back to the peer yet: one WINDOW_UPDATE for half a window. */
  private releasedBytes = 0;
  private queue: ChunkQueue | undefined;
  private ending = false;
  private trailers: HeaderPairs | undefined;
  private sentBytes = 0;
  private silent = false;

  constructor(
    readonly id: number,
    private readonly host: StreamHost,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.windowBytes = host.streamWindowStartBytes;
  }

  /** The headers that opened it ended our direction. */
  startEnded(): void {
    this.ending = true;
    this.localEnded = true;
  }

  // ---- from the owner ----

  setListener(listener: StreamListener): void {
    this.listener = listener;
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (!this.host.isServer) throw new Error('a client stream has its headers from the start');
    if (this.closed || this.headersDone || this.ending) return;
    this.headersDone = true;
    this.host.writeHeaders(this, headers, endOfStream);
    if (!endOfStream) return;
    this.ending = true;
    this.endLocal();
  }

  sendData(chunk: Uint8Array): void {
    if (this.closed || this.ending || chunk.length === 0) return;
    if (this.queue === undefined || this.queue.byteLength === 0) {
      if (chunk.length <= framePayloadBytesMax && chunk.length <= this.allowedBytes) {
        this.sendWindow -= chunk.length;
        this.sentBytes += chunk.length;
        this.host.writeData(this, chunk, false);
        this.host.settle(this);
        return;
      }
    }
    this.queue ??= new ChunkQueue();
    this.queue.push(chunk);
    if (!this.host.countQueued(chunk.length))
      return this.fail(http2Code.enhanceYourCalm, 'too much is unread');
    this.pump();
  }

  sendEnd(trailers?: HeaderPairs): void {
    if (this.closed || this.ending || (this.host.isServer && !this.headersDone)) return;
    this.ending = true;
    // Trailers of requests do not exist in gRPC and are not sent.
    this.trailers = this.host.isServer ? trailers : undefined;
    if (this.queue === undefined || this.queue.byteLength === 0) this.writeEnd();
  }

  release(bytes: number): void {
    if (this.closed) return;
    const credit = Math.min(bytes, this.heldBytes);
    this.heldBytes -= credit;
    this.host.releaseHeld(credit);
    this.giveCredit(credit);
  }

  reset(code: number): void {
    if (this.silent) return;
    this.silent = true;
    if (this.closed) return;
    this.host.writeReset(this, code);
    this.close();
  }

  // ---- from the connection ----

  /** Counts delivered data. Returns false when it is to be dropped, because nobody listens any more. */
  hold(bytes: number): boolean {
    if (this.silent || (this.host.isServer && this.localEnded)) {
      // Read on, so that the peer's end is seen.
      this.host.releaseHeld(bytes);
      this.giveCredit(bytes);
      return false;
    }
    this.heldBytes += bytes;
    return true;
  }

  /** Gives the peer window for bytes that are held by nobody, such as padding. */
  giveCredit(bytes: number): void {
    if (this.remoteEnded) return;
    this.releasedBytes += bytes;
    if (this.releasedBytes < this.windowBytes / 2) return;
    const room = this.host.streamWindowBytes - this.windowBytes;
    const more = room > 0 && this.host.mayWiden ? Math.min(room, this.windowBytes) : 0;
    this.windowBytes += more;
    const credit = this.releasedBytes + more;
    this.releasedBytes = 0;
    this.receiveWindow += credit;
    this.host.writeWindowUpdate(this.id, credit);
  }

  /** The peer's window grew or shrank. Returns false above the maximum (RFC 9113 §6.9.1). */
  adjustSendWindow(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > windowBytesMax) return false;
    if (bytes > 0) this.pump();
    return true;
  }

  /** Sends what waits and may go. */
  pump(): void {
    const { queue } = this;
    if (queue === undefined || this.closed) return;
    while (queue.byteLength > 0 && this.pumpOne());
    if (queue.byteLength > 0 && this.sendWindow > 0) this.host.waitForRoom(this);
  }

  /** Sends one frame of what waits. Returns false when nothing may go. */
  pumpOne(): boolean {
    const { queue } = this;
    const allowed = Math.min(framePayloadBytesMax, this.allowedBytes);
    if (queue === undefined || this.closed || queue.byteLength === 0 || allowed <= 0) return false;
    const piece = queue.take(allowed);
    const last = this.ending && this.trailers === undefined && queue.byteLength === 0;
    this.sendWindow -= piece.length;
    this.sentBytes += piece.length;
    this.host.countQueued(-piece.length);
    this.host.writeData(this, piece, last);
    this.host.settle(this);
    if (last) this.endLocal();
    else if (this.ending && queue.byteLength === 0) this.writeEnd();
    return true;
  }

  /** Whether there is data that only the connection keeps back. */
  get wantsRoom(): boolean {
    return !this.closed && this.sendWindow > 0 && (this.queue?.byteLength ?? 0) > 0;
  }

  /** The peer has ended its direction. */
  endRemote(): void {
    this.remoteEnded = true;
    if (this.localEnded) this.close();
  }

  /** Ends the stream because of the peer, which is told with RST_STREAM, as the owner is. */
  fail(code: number, detail: string): void {
    if (this.closed) return;
    this.host.writeReset(this, code);
    this.abort({ code, unprocessed: false, connectionLost: false, detail });
  }

  /** Ends the stream because of a reset of the peer's or the end of the connection. */
  abort(reset: StreamReset): void {
    if (this.closed) return;
    this.close();
    if (!this.silent) this.listener?.onReset(reset);
    this.silent = true;
  }

  /** Tells the owner what has happened to what it sent. */
  settle(): void {
    this.isSettling = false;
    const sent = this.sentBytes;
    this.sentBytes = 0;
    if (sent > 0 && !this.silent) this.listener?.onSent(sent);
    if (!this.closed || this.isSettling) return;
    const { listener } = this;
    this.listener = undefined;
    this.silent = true;
    listener?.onClosed();
  }

  /** A description for the owner of a reset that the peer sent. */
  static resetBy(code: number, unprocessed: boolean): StreamReset {
    return { code, unprocessed, connectionLost: false, detail: http2CodeName(code) };
  }

  private get allowedBytes(): number {
    const { dataRoom } = this.host;
    return this.sendWindow < dataRoom ? this.sendWindow : dataRoom;
  }

  private writeEnd(): void {
    if (this.trailers !== undefined) this.host.writeHeaders(this, this.trailers, true);
    else if (!this.host.endLastData(this)) this.host.writeData(this, nothing, true);
    this.endLocal();
  }

  private endLocal(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.close();
    else this.host.onLocalEnd(this);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.localEnded = true;
    if (this.heldBytes > 0) this.host.releaseHeld(this.heldBytes);
    this.heldBytes = 0;
    if (this.queue !== undefined) this.host.countQueued(-this.queue.byteLength);
    this.queue = undefined;
    this.host.forget(this);
    this.host.settle(this);
  }
}

const nothing = new Uint8Array(0);
