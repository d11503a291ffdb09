/** Says that bytes are not what they claim to be. */
export class BinaryError extends Error {
  override readonly name = 'BinaryError';
}

const NUMBER_BYTES = 8;
const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true });

/** Builds little-endian bytes; grows by doubling. Used once. */
export class BinaryWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  u8(value: number): this {
    const at = this.reserve(1);
    this.view.setUint8(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.reserve(4);
    this.view.setUint32(at, value, true);
    return this;
  }

  /** A whole number that a JavaScript number holds exactly. */
  number(value: number): this {
    return this.bigint(BigInt(value));
  }

  /** A signed 64-bit number. */
  bigint(value: bigint): this {
    const at = this.reserve(NUMBER_BYTES);
    this.view.setBigInt64(at, value, true);
    return this;
  }

  text(value: string): this {
    const encoded = textEncoder.encode(value);
    this.u32(encoded.length);
    const at = this.reserve(encoded.length);
    this.bytes.set(encoded, at);
    return this;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /** Where the next bytes go. Growing replaces `bytes` and `view`: read those afterwards. */
  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }
}

/** Reads what {@link BinaryWriter} wrote. Damaged or short bytes yield a {@link BinaryError}. */
export class BinaryReader {
  private readonly view: DataView;
  private position = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  number(): number {
    const value = Number(this.bigint());
    if (!Number.isSafeInteger(value)) throw new BinaryError(`${value} is not an exact number`);
    return value;
  }

  bigint(): bigint {
    return this.view.getBigInt64(this.advance(NUMBER_BYTES), true);
  }

  text(): string {
    const length = this.u32();
    const at = this.advance(length);
    try {
      return textDecoder.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw new BinaryError(`the text at byte ${at} is not UTF-8`);
    }
  }

  /** How many items of at least `bytesEach` follow; refuses a count that the rest of the bytes cannot hold. */
  count(bytesEach: number): number {
    const count = this.u32();
    const left = this.bytes.length - this.position;
    if (count * bytesEach > left) throw new BinaryError(`${count} items do not fit ${left} bytes`);
    return count;
  }

  end(): void {
    const left = this.bytes.length - this.position;
    if (left > 0) throw new BinaryError(`${left} bytes are left over`);
  }

  private advance(count: number): number {
    const at = this.position;
    if (at + count > this.bytes.length) {
      throw new BinaryError(`${count} bytes at byte ${at} are past the end, ${this.bytes.length}`);
    }
    this.position = at + count;
    return at;
  }
}
