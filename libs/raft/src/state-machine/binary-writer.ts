/** The most bytes that one writer may hold: far above every limit of the callers. */
const CAPACITY_BYTES_MAX = 1024 * 1024 * 1024;

/** A good size of a slice of a snapshot (StateMachine.snapshotSlices): about a millisecond's work, and big enough for handing it on to cost nothing beside. */
export const SNAPSHOT_SLICE_BYTES = 32 * 1024;

/**
 * Builds little-endian bytes of a layout that writer and reader agree on: commands, results, snapshots, and the library's own records.
 * Fields follow one another without tags, so whatever is written begins with a format version. Grows by doubling.
 *
 * It works on Buffer, which is a data structure and no I/O: its number and text methods are several times faster than DataView's and
 * TextEncoder's on small records.
 */
export class BinaryWriter {
  private buffer: Buffer;
  private position = 0;

  constructor(capacityBytes = 256) {
    this.buffer = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.position;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.position] = value;
    this.position += 1;
    return this;
  }

  u16(value: number): this {
    this.reserve(2);
    this.position = this.buffer.writeUInt16LE(value, this.position);
    return this;
  }

  u32(value: number): this {
    this.reserve(4);
    this.position = this.buffer.writeUInt32LE(value, this.position);
    return this;
  }

  /** A whole number from 0 to 2^53 − 1 in eight bytes. Throws RangeError on anything else. */
  uint53(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is not a whole number from 0 to 2^53 - 1`);
    }
    this.reserve(8);
    const low = value >>> 0;
    this.position = this.buffer.writeUInt32LE(low, this.position);
    this.position = this.buffer.writeUInt32LE((value - low) / 0x1_0000_0000, this.position);
    return this;
  }

  /** A signed 64-bit number. */
  i64(value: bigint): this {
    this.reserve(8);
    this.position = this.buffer.writeBigInt64LE(value, this.position);
    return this;
  }

  f64(value: number): this {
    this.reserve(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
    return this;
  }

  boolean(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
    return this;
  }

  /** A 32-bit length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** A 16-bit length, then UTF-8. Throws RangeError beyond 65,535 bytes. */
  text(value: string): this {
    if (value === '') return this.u16(0);
    const length = Buffer.byteLength(value, 'utf8');
    if (length > 0xffff) throw new RangeError(`a text of ${length} bytes is longer than 65535`);
    this.u16(length).reserve(length);
    this.position += this.buffer.write(value, this.position, length, 'utf8');
    return this;
  }

  /** A 32-bit count, then the items, each as `write` puts it. */
  list<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.u32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** Puts a 32-bit number over one that was written before. */
  patchU32(position: number, value: number): void {
    this.buffer.writeUInt32LE(value, position);
  }

  /** Everything written so far. It is a view of the writer's memory: a writer is used once. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.position);
  }

  /** Everything written since the last call; the writer goes on with memory of its own. For what is written in slices. */
  take(): Buffer {
    const taken = this.finish();
    this.buffer = Buffer.allocUnsafe(this.buffer.length);
    this.position = 0;
    return taken;
  }

  private reserve(count: number): void {
    const needed = this.position + count;
    if (needed <= this.buffer.length) return;
    if (needed > CAPACITY_BYTES_MAX) throw new RangeError(`${needed} bytes do not fit a writer`);
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }
}
