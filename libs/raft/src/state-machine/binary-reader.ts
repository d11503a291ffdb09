/** Says that bytes from a disk, a peer or the log are not what they claim to be. Caught at the boundary that read them. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads what {@link BinaryWriter} wrote. Every step is bounds-checked: hostile or damaged bytes yield a {@link DecodeError}, never a
 * read past the end and never an allocation larger than the input.
 */
export class BinaryReader {
  private readonly buffer: Buffer;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.position;
  }

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  u8(): number {
    const at = this.advance(1);
    return this.buffer[at] as number;
  }

  u16(): number {
    return this.buffer.readUInt16LE(this.advance(2));
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.advance(4));
  }

  /** A whole number from 0 to 2^53 − 1. */
  uint53(): number {
    const at = this.advance(8);
    const low = this.buffer.readUInt32LE(at);
    const high = this.buffer.readUInt32LE(at + 4);
    if (high > 0x1f_ffff) throw new DecodeError(`a number at byte ${at} is above 2^53 - 1`);
    return high * 0x1_0000_0000 + low;
  }

  /** A signed 64-bit number. */
  i64(): bigint {
    return this.buffer.readBigInt64LE(this.advance(8));
  }

  /** A finite number. */
  f64(): number {
    const at = this.advance(8);
    const value = this.buffer.readDoubleLE(at);
    if (!Number.isFinite(value)) throw new DecodeError(`a number at byte ${at} is not finite`);
    return value;
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) throw new DecodeError(`a boolean at byte ${this.position - 1} is ${value}`);
    return value === 1;
  }

  /** The next `count` bytes, sharing memory with the input. */
  raw(count: number): Buffer {
    const at = this.advance(count);
    return this.buffer.subarray(at, at + count);
  }

  /** A 32-bit length and that many bytes, sharing memory with the input. */
  bytes(): Buffer {
    return this.raw(this.u32());
  }

  /** A 16-bit length and that much UTF-8. */
  text(): string {
    const length = this.u16();
    if (length === 0) return '';
    const at = this.advance(length);
    const text = this.buffer.toString('utf8', at, at + length);
    // The replacement character stands for bytes that are no UTF-8, or for itself.
    if (text.includes('\ufffd')) this.expectUtf8(at, at + length);
    return text;
  }

  /** How many items of at least `bytesEach` follow: refuses a count that the rest of the input cannot hold. */
  count(bytesEach: number): number {
    const count = this.u32();
    if (count * bytesEach > this.remaining) {
      throw new DecodeError(`${count} items do not fit the ${this.remaining} bytes that are left`);
    }
    return count;
  }

  /** What {@link BinaryWriter.list} wrote. @param bytesEach the fewest bytes that one item takes. */
  list<Item>(bytesEach: number, read: () => Item): Item[] {
    return Array.from({ length: this.count(bytesEach) }, read);
  }

  /** Bytes of the input between two offsets, sharing memory with it. */
  slice(from: number, to: number): Buffer {
    return this.buffer.subarray(from, to);
  }

  /** Throws unless the input has been read to its end. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(`${this.remaining} bytes are left over`);
  }

  private expectUtf8(from: number, to: number): void {
    try {
      strictUtf8.decode(this.buffer.subarray(from, to));
    } catch {
      throw new DecodeError(`the text at byte ${from} is not UTF-8`);
    }
  }

  private advance(count: number): number {
    const at = this.position;
    if (count > this.buffer.length - at) {
      throw new DecodeError(
        `${count} bytes are wanted at byte ${at} of ${this.buffer.length}: the input is too short`,
      );
    }
    this.position = at + count;
    return at;
  }
}
