import { http2Code } from '../http2-codes';
import { ConnectionError } from './connection-error';
import { frameHeadBytes, framePayloadBytesMax } from './protocol';

/** Takes whole frames. The payload is `bytes[start..end)`, valid beyond the call, and may be a part of something larger. */
export interface FrameHandler {
  /** When true, the rest of what was read is dropped. */
  readonly isClosed: boolean;
  /** When true, no further frame is handed on for now. */
  readonly isSated: boolean;
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
}

/**
 * Cuts a byte stream into frames (RFC 9113 §4.1). Frames that lie in one chunk are handed on where they lie; only one that crosses chunks is
 * copied together. At most one frame is kept, so that a peer costs at most 16 KiB here.
 */
export class FrameReader {
  private readonly head = Buffer.alloc(frameHeadBytes);
  private headLength = 0;
  /** The frame that has not come whole, head included. */
  private partial: Buffer | undefined;
  private partialLength = 0;

  constructor(private readonly handler: FrameHandler) {}

  /**
   * Takes the next bytes, and returns up to where: all, unless the handler had enough. What is left comes again as a place in the same chunk, and not as a part of it:
   * who keeps a piece has to see how much is kept alive by it.
   *
   * @throws ConnectionError FRAME_SIZE_ERROR, and what the handler throws
   */
  feed(chunk: Buffer, from = 0): number {
    let position = this.headLength > 0 || this.partial !== undefined ? this.complete(chunk) : from;
    while (chunk.length - position >= frameHeadBytes) {
      const length = payloadLength(chunk, position);
      const next = position + frameHeadBytes + length;
      if (next > chunk.length) break;
      if (this.handler.isClosed) break;
      if (this.handler.isSated) return position;
      this.emit(chunk, position, next);
      position = next;
    }
    if (position < chunk.length && !this.handler.isClosed) this.keep(chunk, position);
    return chunk.length;
  }

  /** Goes on with the frame that was left incomplete, and returns where the next one begins. */
  private complete(chunk: Buffer): number {
    let position = 0;
    if (this.partial === undefined) {
      position = chunk.copy(this.head, this.headLength, 0, frameHeadBytes - this.headLength);
      this.headLength += position;
      if (this.headLength < frameHeadBytes) return position;
      this.startPartial(this.head, payloadLength(this.head, 0));
      this.headLength = 0;
    }
    const { partial } = this;
    if (partial === undefined) return position;
    const copied = chunk.copy(partial, this.partialLength, position);
    this.partialLength += copied;
    if (this.partialLength === partial.length) {
      this.partial = undefined;
      if (!this.handler.isClosed) this.emit(partial, 0, partial.length);
    }
    return position + copied;
  }

  private keep(chunk: Buffer, position: number): void {
    const length = chunk.length - position;
    if (length < frameHeadBytes) {
      this.headLength = chunk.copy(this.head, 0, position);
      return;
    }
    this.startPartial(chunk.subarray(position), payloadLength(chunk, position));
  }

  private startPartial(known: Buffer, length: number): void {
    this.partial = Buffer.allocUnsafe(frameHeadBytes + length);
    this.partialLength = known.copy(this.partial);
  }

  private emit(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3] ?? 0;
    const flags = bytes[start + 4] ?? 0;
    // The reserved bit is ignored (RFC 9113 §4.1).
    const streamId = readUint32(bytes, start + 5) & 0x7fffffff;
    this.handler.onFrame(type, flags, streamId, bytes, start + frameHeadBytes, end);
  }
}

function payloadLength(bytes: Buffer, position: number): number {
  const length =
    ((bytes[position] ?? 0) << 16) | ((bytes[position + 1] ?? 0) << 8) | (bytes[position + 2] ?? 0);
  if (length > framePayloadBytesMax)
    throw new ConnectionError(http2Code.frameSizeError, 'frame larger than 16384 bytes');
  return length;
}

/** A big-endian 32-bit number, unsigned. */
export function readUint32(bytes: Uint8Array, position: number): number {
  const high = ((bytes[position] ?? 0) << 24) | ((bytes[position + 1] ?? 0) << 16);
  return (high | ((bytes[position + 2] ?? 0) << 8) | (bytes[position + 3] ?? 0)) >>> 0;
}
