/** Bytes in front of a gRPC message: a flag that says whether it is compressed, and its length (gRPC over HTTP/2, Length-Prefixed-Message). */
const prefixBytes = 5;
/** The least room that is made for what has to be kept. */
const keptBytesMin = 1024;

const nothing = Buffer.alloc(0);

/** One message as it came. */
export interface ReceivedMessage {
  readonly compressed: boolean;
  /** Part of what was received: to be decoded at once, or copied. */
  readonly bytes: Buffer;
}

/** A message with its prefix, uncompressed. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/**
 * Finds the messages in a stream of DATA, one at a time, when they are asked for.
 *
 * A message that lies within one chunk, which is the rule, is not copied. What has to wait is kept in one buffer that grows by
 * doubling: a peer that sends a large message byte by byte, or many small ones that nobody takes, costs twice its bytes and no more.
 */
export class MessageReader {
  private bytes: Buffer = nothing;
  private start = 0;
  private end = 0;
  /** Whether there is room behind `end` that is ours to write to. */
  private isOwned = false;

  /**
   * @param bytesMax largest message.
   * @param tooLarge makes the error that {@link next} throws, from the length that the prefix says.
   */
  constructor(
    private readonly bytesMax: number,
    private readonly tooLarge: (bytes: number) => Error,
  ) {}

  /** Bytes that have not been taken as messages. */
  get waitingBytes(): number {
    return this.end - this.start;
  }

  /** Whether {@link next} would yield a message, or throw. */
  get hasNext(): boolean {
    const waiting = this.end - this.start;
    if (waiting < prefixBytes) return false;
    const length = this.bytes.readUInt32BE(this.start + 1);
    return waiting >= prefixBytes + length || length > this.bytesMax;
  }

  push(chunk: Uint8Array): void {
    if (this.start === this.end) {
      this.bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      this.start = 0;
      this.end = chunk.length;
      this.isOwned = false;
      return;
    }
    if (!this.isOwned || this.bytes.length - this.end < chunk.length) this.makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /**
   * The next message; undefined when it is not complete.
   *
   * @throws what `tooLarge` makes, as soon as the prefix is there; RangeError for a flag that is neither 0 nor 1.
   */
  next(): ReceivedMessage | undefined {
    const { bytes, start } = this;
    if (this.end - start < prefixBytes) return undefined;
    const flag = bytes[start] ?? 0;
    if (flag > 1) throw new RangeError(`a message with the flag ${flag}`);
    const length = bytes.readUInt32BE(start + 1);
    if (length > this.bytesMax) throw this.tooLarge(length);
    const from = start + prefixBytes;
    const to = from + length;
    if (to > this.end) return undefined;
    this.start = to;
    return { compressed: flag === 1, bytes: bytes.subarray(from, to) };
  }

  /** Forgets what has not been taken. */
  discard(): void {
    this.bytes = nothing;
    this.start = 0;
    this.end = 0;
  }

  /** A new buffer, never the old one moved: messages that were taken are parts of it. */
  private makeRoom(moreBytes: number): void {
    const waiting = this.end - this.start;
    const buffer = Buffer.allocUnsafe(Math.max(keptBytesMin, 2 * (waiting + moreBytes)));
    this.bytes.copy(buffer, 0, this.start, this.end);
    this.bytes = buffer;
    this.start = 0;
    this.end = waiting;
    this.isOwned = true;
  }
}
