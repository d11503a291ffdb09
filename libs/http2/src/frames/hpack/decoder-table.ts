import { http2Code } from '../../http2-codes';
import { ConnectionError } from '../connection-error';
import { fieldOverheadBytes } from './field-section';
import { staticCount, staticFields } from './static-table';

/** Entries that may have left before the arrays are cut. */
const slackMax = 256;

/** The table that a decoder looks indexes up in: static entries, then dynamic ones from the newest to the oldest (RFC 7541 §2.3). */
export class DecoderTable {
  /** Oldest first; the entries before `oldest` have been evicted. */
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  private oldest = 0;
  private usedBytes = 0;
  private bytesMax: number;

  /** @param limitBytes the SETTINGS_HEADER_TABLE_SIZE that we announce: the peer may choose less and no more. */
  constructor(private readonly limitBytes: number) {
    this.bytesMax = limitBytes;
  }

  /** @throws ConnectionError COMPRESSION_ERROR when there is no such entry */
  nameAt(index: number): string {
    if (index <= staticCount) return staticFields[2 * index - 2] ?? '';
    return this.names[this.slot(index)] ?? '';
  }

  /** Only for an index that {@link nameAt} has taken. */
  valueAt(index: number): string {
    if (index <= staticCount) return staticFields[2 * index - 1] ?? '';
    return this.values[this.slot(index)] ?? '';
  }

  /** Adds an entry and evicts what it has no room beside; one that is too large empties the table (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + fieldOverheadBytes;
    this.evictUntil(this.bytesMax - bytes);
    if (bytes > this.bytesMax) return;
    this.names.push(name);
    this.values.push(value);
    this.usedBytes += bytes;
  }

  /** A dynamic table size update (RFC 7541 §6.3). @throws ConnectionError COMPRESSION_ERROR above our limit */
  resize(bytesMax: number): void {
    if (bytesMax > this.limitBytes)
      throw new ConnectionError(http2Code.compressionError, 'dynamic table above its limit');
    this.bytesMax = bytesMax;
    this.evictUntil(bytesMax);
  }

  private slot(index: number): number {
    const slot = this.names.length - (index - staticCount);
    if (slot < this.oldest)
      throw new ConnectionError(http2Code.compressionError, 'no such index in the header table');
    return slot;
  }

  private evictUntil(bytes: number): void {
    while (this.usedBytes > bytes && this.oldest < this.names.length) {
      const name = this.names[this.oldest] ?? '';
      const value = this.values[this.oldest] ?? '';
      this.usedBytes -= name.length + value.length + fieldOverheadBytes;
      this.oldest += 1;
    }
    if (this.oldest < slackMax && this.oldest < this.names.length) return;
    this.names.splice(0, this.oldest);
    this.values.splice(0, this.oldest);
    this.oldest = 0;
  }
}
