import { type Socket } from 'node:net';
import { frameFlag, frameHeadBytes, framePayloadBytesMax, frameType } from './protocol';

const slabBytes = 32 * 1024;
/** Slabs kept for reuse by all connections: about as many as are written in one turn. */
const slabsKeptMax = 64;
/** With this much gathered, writing does not wait for the end of the turn. */
const writeAtBytes = 64 * 1024;
/**
 * … or so many frames. Whoever they are for can begin, on another processor, while the rest of the turn's calls are looked at: else both sides work by turns, each
 * waiting for all that the other has.
 */
const writeAtFrames = 32;

/** Up to this size a loop is cheaper than a call out of the language. */
const loopBytesMax = 64;

const freeSlabs: Buffer[] = [];

/**
 * The outgoing bytes of one connection: frames are built in one buffer, which leaves in one write.
 *
 * One write is under way at a time, and further frames gather behind it, so that {@link pendingBytes} is all that a peer that does not read
 * costs. A buffer is used again at once when the system has taken all of it, which is the rule; connections that have nothing to send hold none.
 */
export class Output {
  private buffer: Buffer | undefined;
  private length = 0;
  /** Gathered. */
  private frames = 0;
  /** Where the last DATA frame lies, and in which buffer; see {@link endWith}. */
  dataOffset = 0;
  dataGeneration = 0;
  /** Counts the buffers, so that an offset is known to belong to the present one. */
  private generation = 0;
  private writingBytes = 0;

  constructor(
    private readonly socket: Socket,
    /** A write that did not leave at once has left. */
    private readonly onDrained: () => void,
  ) {}

  /** Bytes that have not been taken by the system. */
  get pendingBytes(): number {
    return this.length + this.writingBytes;
  }

  /** Bytes gathered and not written. */
  get gatheredBytes(): number {
    return this.length;
  }

  /** Hands the gathered frames to the socket, unless it is busy. */
  write(): void {
    const { buffer, length } = this;
    if (buffer === undefined || length === 0 || this.writingBytes > 0) return;
    if (!this.socket.writable) return this.discard();
    this.startOver();
    this.socket.write(buffer.subarray(0, length), this.onWritten);
    if (this.socket.writableLength > 0) this.writingBytes = length;
    // Taken whole in the call: nobody reads the buffer any more.
    else if (buffer.length === slabBytes && freeSlabs.length < slabsKeptMax) freeSlabs.push(buffer);
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.startOver();
  }

  /** A frame with a payload of at most 16 KiB. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const buffer = this.reserve(frameHeadBytes + payload.length);
    const start = this.length;
    writeHead(buffer, start, payload.length, type, flags, streamId);
    buffer.set(payload, start + frameHeadBytes);
    this.advance(frameHeadBytes + payload.length);
  }

  /** A frame whose payload is one 32-bit number: WINDOW_UPDATE and RST_STREAM. */
  numberFrame(type: number, streamId: number, value: number): void {
    const buffer = this.reserve(frameHeadBytes + 4);
    const start = this.length;
    writeHead(buffer, start, 4, type, 0, streamId);
    writeUint32(buffer, start + frameHeadBytes, value);
    this.advance(frameHeadBytes + 4);
  }

  /** DATA from `chunk[from..to)`. */
  data(streamId: number, chunk: Uint8Array, from: number, to: number, endStream: boolean): void {
    const length = to - from;
    const buffer = this.reserve(frameHeadBytes + length);
    const start = this.length;
    writeHead(buffer, start, length, frameType.data, endStream ? frameFlag.endStream : 0, streamId);
    let position = start + frameHeadBytes;
    if (length <= loopBytesMax)
      for (let index = from; index < to; index += 1) buffer[position++] = chunk[index] ?? 0;
    else buffer.set(length === chunk.length ? chunk : chunk.subarray(from, to), position);
    this.dataOffset = start;
    this.dataGeneration = this.generation;
    this.advance(frameHeadBytes + length);
  }

  /** Sets END_STREAM on the DATA frame that was noted so when it was written. Returns false when it has left already. */
  endWith(dataGeneration: number, dataOffset: number): boolean {
    if (this.buffer === undefined || dataGeneration !== this.generation) return false;
    this.buffer[dataOffset + 4] = frameFlag.endStream;
    return true;
  }

  /**
   * HEADERS, and CONTINUATIONs where the block is longer than a frame (RFC 9113 §4.3).
   *
   * @param room the most that the block may take
   * @param encode writes the block at the given place and returns where it ends
   */
  headers(
    streamId: number,
    endStream: boolean,
    room: number,
    encode: (target: Buffer, start: number) => number,
  ): void {
    const flags = endStream ? frameFlag.endStream : 0;
    if (room > framePayloadBytesMax) return this.longHeaders(streamId, flags, room, encode);
    const buffer = this.reserve(frameHeadBytes + room);
    const start = this.length;
    const end = encode(buffer, start + frameHeadBytes);
    const length = end - start - frameHeadBytes;
    writeHead(buffer, start, length, frameType.headers, flags | frameFlag.endHeaders, streamId);
    this.advance(end - start);
  }

  private longHeaders(
    streamId: number,
    flags: number,
    room: number,
    encode: (target: Buffer, start: number) => number,
  ): void {
    const block = Buffer.allocUnsafe(room);
    const end = encode(block, 0);
    let position = 0;
    do {
      const next = Math.min(end, position + framePayloadBytesMax);
      const type = position === 0 ? frameType.headers : frameType.continuation;
      const last = next === end ? frameFlag.endHeaders : 0;
      const first = position === 0 ? flags : 0;
      this.frame(type, first | last, streamId, block.subarray(position, next));
      position = next;
    } while (position < end);
  }

  private startOver(): void {
    this.buffer = undefined;
    this.length = 0;
    this.frames = 0;
    this.generation += 1;
  }

  private advance(bytes: number): void {
    this.length += bytes;
    this.frames += 1;
    if (this.length >= writeAtBytes || this.frames >= writeAtFrames) this.write();
  }

  private reserve(bytes: number): Buffer {
    const { buffer } = this;
    if (buffer !== undefined && buffer.length - this.length >= bytes) return buffer;
    if (buffer === undefined && bytes <= slabBytes)
      return (this.buffer = freeSlabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes));
    const size = Math.max(2 * (buffer?.length ?? slabBytes), this.length + bytes);
    const larger = Buffer.allocUnsafeSlow(size);
    buffer?.copy(larger, 0, 0, this.length);
    return (this.buffer = larger);
  }

  private readonly onWritten = (): void => {
    if (this.writingBytes === 0 || this.socket.writableLength > 0) return;
    this.writingBytes = 0;
    this.onDrained();
  };
}

function writeHead(
  buffer: Buffer,
  start: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[start] = length >>> 16;
  buffer[start + 1] = length >>> 8;
  buffer[start + 2] = length;
  buffer[start + 3] = type;
  buffer[start + 4] = flags;
  writeUint32(buffer, start + 5, streamId);
}

/** Writes a big-endian 32-bit number. */
export function writeUint32(buffer: Uint8Array, start: number, value: number): void {
  buffer[start] = value >>> 24;
  buffer[start + 1] = value >>> 16;
  buffer[start + 2] = value >>> 8;
  buffer[start + 3] = value;
}
