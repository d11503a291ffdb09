import { http2Code } from '../../http2-codes';
import { ConnectionError } from '../connection-error';
import { DecoderTable } from './decoder-table';
import { FieldSection, fieldOverheadBytes } from './field-section';
import { decodeHuffman } from './huffman';

/** The initial SETTINGS_HEADER_TABLE_SIZE (RFC 9113 §6.5.2); we announce no other. */
export const headerTableBytes = 4096;
/** Blocks that are remembered, the longest of them, and all of them together: a request that repeats is a few bytes, or has a token besides. */
const knownMax = 64;
const knownBytesMax = 1024;
const knownTotalMax = 4096;
/** The longest value that is kept of a list beyond the limits. */
const lateValueMax = 256;
/**
 * A block whose list is so many times beyond the limit is no mistake: the table makes one octet of the block into thousands of the list. It is not decoded to its
 * end, with which the connection ends.
 */
const bombFactor = 16;
/** A block may begin with the smallest and the last of several sizes (RFC 7541 §4.2). */
const sizeUpdatesMax = 2;
/** Continuation octets of an integer; four of them hold 28 bits, more than any length here. */
const integerOctetsMax = 4;

/** What is accepted of one header list. */
export interface HeaderListLimits {
  readonly headerListBytesMax: number;
  readonly headerCountMax: number;
}

/**
 * The HPACK decoder of one connection (RFC 7541).
 *
 * A block that adds nothing to the table means the same as long as the table does not change. Such blocks are remembered by their bytes: the calls of one client to
 * one method cost one look-up each, and share one list of strings. Paths and tokens are literals in each of them, as clients do not index them.
 */
export class HpackDecoder {
  private readonly table = new DecoderTable(headerTableBytes);
  private readonly known = new Map<string, FieldSection>();
  private knownBytes = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private position = 0;
  private end = 0;

  constructor(private readonly limits: HeaderListLimits) {}

  /**
   * Decodes one whole block. Lists beyond the limits are decoded to their end, because the table of the connection depends on it, but not kept, but for `content-type`.
   *
   * @throws ConnectionError COMPRESSION_ERROR: the two sides' tables cannot be brought together again; ENHANCE_YOUR_CALM: the list is far beyond the limits
   */
  decode(bytes: Buffer, start: number, end: number): FieldSection {
    if (end - start > knownBytesMax) return this.decodeBlock(bytes, start, end, undefined);
    const key = bytes.toString('latin1', start, end);
    return this.known.get(key) ?? this.decodeBlock(bytes, start, end, key);
  }

  private decodeBlock(
    bytes: Buffer,
    start: number,
    end: number,
    key: string | undefined,
  ): FieldSection {
    const section = new FieldSection();
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.readSizeUpdates();
    let isStable = this.position === start;
    while (this.position < end) {
      const octet = bytes[this.position] ?? 0;
      if ((octet & 0x80) !== 0) this.readIndexed(section);
      else if (this.readLiteral(section, octet)) isStable = false;
    }
    if (isStable && key !== undefined) this.remember(key, section);
    return section;
  }

  private remember(key: string, section: FieldSection): void {
    // The peer chooses the blocks. Starting over is cheap.
    if (this.known.size >= knownMax || this.knownBytes + key.length > knownTotalMax) this.forget();
    this.known.set(key, section);
    this.knownBytes += key.length;
  }

  private forget(): void {
    this.known.clear();
    this.knownBytes = 0;
  }

  private readSizeUpdates(): void {
    let updates = 0;
    while (this.position < this.end && ((this.bytes[this.position] ?? 0) & 0xe0) === 0x20) {
      updates += 1;
      if (updates > sizeUpdatesMax) throw compressionError('too many table size updates');
      this.table.resize(this.readInteger(5));
      this.forget();
    }
  }

  private readIndexed(section: FieldSection): void {
    const index = this.readInteger(7);
    if (index === 0) throw compressionError('index 0');
    this.add(section, this.table.nameAt(index), this.table.valueAt(index));
  }

  /** Returns whether the table has changed. */
  private readLiteral(section: FieldSection, octet: number): boolean {
    const indexing = (octet & 0xc0) === 0x40;
    // A size update behind a field is an error (RFC 7541 §4.2).
    if (!indexing && (octet & 0xe0) === 0x20) throw compressionError('table size update too late');
    const index = this.readInteger(indexing ? 6 : 4);
    const name = index === 0 ? this.readString() : this.table.nameAt(index);
    const value = this.readString();
    if (indexing) {
      this.table.add(name, value);
      this.forget();
    }
    this.add(section, name, value);
    return indexing;
  }

  private add(section: FieldSection, name: string, value: string): void {
    section.listBytes += name.length + value.length + fieldOverheadBytes;
    const { pairs } = section;
    const tooLarge =
      section.listBytes > this.limits.headerListBytesMax ||
      pairs.length >= 2 * this.limits.headerCountMax;
    if (!tooLarge) return void pairs.push(name, value);
    if (section.listBytes > bombFactor * this.limits.headerListBytesMax)
      throw new ConnectionError(http2Code.enhanceYourCalm, 'a header list far beyond the limit');
    section.isTooLarge = true;
    if (name === 'content-type' && value.length <= lateValueMax) section.lateContentType ??= value;
  }

  /** An integer with a prefix of so many bits (RFC 7541 §5.1). */
  private readInteger(prefixBits: number): number {
    const { bytes } = this;
    const mask = (1 << prefixBits) - 1;
    let value = (bytes[this.position++] ?? 0) & mask;
    if (value < mask) return value;
    for (let octets = 0; octets < integerOctetsMax; octets += 1) {
      if (this.position >= this.end) throw compressionError('block ends within an integer');
      const octet = bytes[this.position++] ?? 0;
      value += (octet & 0x7f) * 2 ** (7 * octets);
      if ((octet & 0x80) === 0) return value;
    }
    throw compressionError('integer too large');
  }

  /** A string literal (RFC 7541 §5.2). */
  private readString(): string {
    if (this.position >= this.end) throw compressionError('block ends before a string');
    const coded = ((this.bytes[this.position] ?? 0) & 0x80) !== 0;
    const length = this.readInteger(7);
    const start = this.position;
    const next = start + length;
    if (next > this.end) throw compressionError('block ends within a string');
    this.position = next;
    return coded
      ? decodeHuffman(this.bytes, start, next)
      : this.bytes.toString('latin1', start, next);
  }
}

function compressionError(message: string): ConnectionError {
  return new ConnectionError(http2Code.compressionError, message);
}
