import { type HeaderPairs } from '../../header-pairs';
import { fieldOverheadBytes } from './field-section';
import { EncoderTable } from './encoder-table';
import { staticNames } from './static-table';

/** Room for two integers and a representation octet of one field, at the most. */
const fieldRoomBytes = 12;
/** Strings up to this length are written by a loop, which is cheaper than a call out of the language. */
const loopLengthMax = 24;
const candidatesMax = 8;
const knownMax = 32;

/** Names whose values vary from call to call: in the table they would only displace others. */
const varying = new Set([
  ...['grpc-timeout', 'grpc-message', 'grpc-status-details-bin', 'content-length', 'date', 'age'],
  ...['traceparent', 'tracestate', 'x-request-id', 'etag', 'last-modified', 'expires'],
]);
/** Names whose values are secrets: no table, on this hop or on any other, may hold them (RFC 7541 §7.1.3). */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
/** Names whose values are the same for most calls: in the table from the first time on. */
const repeating = new Set([
  ...[':path', ':authority', ':scheme', ':status', 'user-agent', 'content-type', 'te', 'server'],
  ...['grpc-encoding', 'grpc-accept-encoding', 'accept-encoding', 'grpc-status', 'x-forwarded-for'],
]);

/**
 * The HPACK encoder of one connection (RFC 7541).
 *
 * Fields that repeat go into the dynamic table. Those of other names do when the same value is seen a second time in a row, so that an id
 * that differs from call to call does not displace them. Strings are not Huffman-coded: what repeats is sent once, and for the rest
 * the few octets saved cost more than they are worth.
 */
export class HpackEncoder {
  private readonly table = new EncoderTable();
  /** The last value of names of which nothing is known. */
  private readonly lastValues = new Map<string, string>();
  /** Lists that were encoded as indexes alone, by identity: valid until the table changes. */
  private readonly known = new Map<HeaderPairs, Uint8Array>();
  private readonly candidates: (HeaderPairs | undefined)[] = [];
  private nextCandidate = 0;
  private target: Buffer = Buffer.alloc(0);
  private position = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerLimit(bytesMax: number): void {
    this.table.setPeerLimit(bytesMax);
    this.known.clear();
  }

  /** The bytes that a list takes at the most. */
  static roomFor(pairs: HeaderPairs): number {
    let room = fieldRoomBytes;
    for (let index = 0; index < pairs.length; index += 1)
      room += (pairs[index]?.length ?? 0) + fieldRoomBytes / 2;
    return room;
  }

  /** Writes a block into a buffer with enough {@link roomFor room} and returns where it ends. */
  encode(pairs: HeaderPairs, target: Buffer, start: number): number {
    const known = this.known.get(pairs);
    if (known !== undefined) {
      for (let index = 0; index < known.length; index += 1)
        target[start + index] = known[index] ?? 0;
      return start + known.length;
    }
    this.target = target;
    this.position = start;
    const { version } = this.table;
    this.writeSizeUpdates();
    for (let index = 0; index < pairs.length; index += 2)
      this.writeField(pairs[index] ?? '', pairs[index + 1] ?? '');
    if (this.table.version === version) this.remember(pairs, start);
    else this.known.clear();
    return this.position;
  }

  /** Only lists that come again are kept; most lists are made for one call. */
  private remember(pairs: HeaderPairs, start: number): void {
    if (this.candidates.includes(pairs)) {
      if (this.known.size >= knownMax) this.known.clear();
      this.known.set(pairs, Uint8Array.prototype.slice.call(this.target, start, this.position));
      return;
    }
    this.candidates[this.nextCandidate] = pairs;
    this.nextCandidate = (this.nextCandidate + 1) % candidatesMax;
  }

  private writeSizeUpdates(): void {
    for (const bytes of this.table.takeSizeUpdates()) this.writeInteger(0x20, 5, bytes);
  }

  private writeField(name: string, value: string): void {
    const dynamic = this.table.find(name, value);
    if (dynamic !== 0) return this.writeInteger(0x80, 7, dynamic);
    const fixed = staticNames.get(name);
    const whole = fixed?.values.get(value);
    if (whole !== undefined) return this.writeInteger(0x80, 7, whole);
    const nameIndex = fixed?.first ?? this.table.findName(name);
    if (secret.has(name)) return this.writeLiteral(0x10, 4, nameIndex, name, value);
    if (!this.isWorthIndexing(name, value))
      return this.writeLiteral(0x00, 4, nameIndex, name, value);
    this.writeLiteral(0x40, 6, nameIndex, name, value);
    this.table.add(name, value);
  }

  private isWorthIndexing(name: string, value: string): boolean {
    if (varying.has(name)) return false;
    // One field must not displace all others.
    if (name.length + value.length + fieldOverheadBytes > this.table.bytesMax / 4) return false;
    if (repeating.has(name)) return true;
    if (this.lastValues.get(name) === value) return true;
    if (this.lastValues.size >= candidatesMax * candidatesMax) this.lastValues.clear();
    this.lastValues.set(name, value);
    return false;
  }

  private writeLiteral(
    pattern: number,
    prefixBits: number,
    nameIndex: number,
    name: string,
    value: string,
  ): void {
    this.writeInteger(pattern, prefixBits, nameIndex);
    if (nameIndex === 0) this.writeString(name);
    this.writeString(value);
  }

  /** RFC 7541 §5.1. */
  private writeInteger(pattern: number, prefixBits: number, value: number): void {
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.target[this.position++] = pattern | value;
      return;
    }
    this.target[this.position++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80))
      this.target[this.position++] = 0x80 | (rest & 0x7f);
    this.target[this.position++] = rest;
  }

  private writeString(text: string): void {
    this.writeInteger(0, 7, text.length);
    const { target } = this;
    let { position } = this;
    if (text.length > loopLengthMax) position += target.write(text, position, 'latin1');
    else
      for (let index = 0; index < text.length; index += 1)
        target[position++] = text.charCodeAt(index);
    this.position = position;
  }
}
