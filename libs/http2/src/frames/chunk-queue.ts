/** A chunk up to this size is copied behind the one before it. */
const smallBytes = 1024;
const tailBytes = 8 * 1024;

const nothing = new Uint8Array(0);

/**
 * Bytes that wait: for a window, or to be sent again. Small pieces are copied together: each of them alone is an object of a hundred bytes, and a peer may send its
 * data one by one.
 */
export class ChunkQueue {
  byteLength = 0;
  private readonly chunks: Uint8Array[] = [];
  private head = 0;
  /** Where the first chunk goes on. */
  private offset = 0;
  /** The last chunk's buffer, when it is ours and has room. */
  private tail: Buffer | undefined;
  private tailLength = 0;

  push(chunk: Uint8Array): void {
    this.byteLength += chunk.length;
    if (chunk.length > smallBytes) {
      this.tail = undefined;
      this.chunks.push(chunk);
      return;
    }
    if (this.tail === undefined || this.tail.length - this.tailLength < chunk.length) {
      this.tail = Buffer.allocUnsafeSlow(this.chunks.length === 0 ? smallBytes : tailBytes);
      this.tailLength = 0;
      this.chunks.push(this.tail.subarray(0, 0));
    }
    this.tail.set(chunk, this.tailLength);
    this.tailLength += chunk.length;
    this.chunks[this.chunks.length - 1] = this.tail.subarray(0, this.tailLength);
  }

  /** Shows all of it, in order, and takes nothing. */
  forEach(use: (piece: Uint8Array) => void): void {
    for (let index = this.head; index < this.chunks.length; index += 1) {
      const chunk = this.chunks[index] ?? nothing;
      use(index === this.head ? chunk.subarray(this.offset) : chunk);
    }
  }

  /** Takes up to so many bytes, of one chunk. Only while there are some. */
  take(bytesMax: number): Uint8Array {
    const chunk = this.chunks[this.head] ?? nothing;
    const end = Math.min(chunk.length, this.offset + bytesMax);
    const piece = chunk.subarray(this.offset, end);
    this.byteLength -= piece.length;
    if (end < chunk.length) {
      this.offset = end;
      return piece;
    }
    this.offset = 0;
    this.head += 1;
    if (this.head === this.chunks.length) {
      this.chunks.length = 0;
      this.head = 0;
      this.tail = undefined;
    } else if (this.head >= 64) {
      this.chunks.splice(0, this.head);
      this.head = 0;
    }
    return piece;
  }
}
