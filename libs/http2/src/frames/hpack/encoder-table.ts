import { headerTableBytes } from './decoder';
import { fieldOverheadBytes } from './field-section';
import { staticCount } from './static-table';

interface NameEntry {
  /** Number of the newest entry of each value. */
  readonly values: Map<string, number>;
  /** Number of the newest entry of the name. */
  newest: number;
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly number: number;
}

/** The dynamic table as the encoder sees it: from fields to indexes (RFC 7541 §2.3). */
export class EncoderTable {
  /** Grows with every change. */
  version = 0;
  /** Entries in use, oldest first: at most 4096 / 32 of them. */
  private readonly entries: Entry[] = [];
  private readonly names = new Map<string, NameEntry>();
  /** Entries that were ever added. */
  private added = 0;
  private usedBytes = 0;
  private limitBytes = headerTableBytes;
  /** Sizes that the peer's decoder has to be told of: the smallest since the last block, and the last. */
  private smallestUpdate: number | undefined;

  /** What the table holds at the most. */
  get bytesMax(): number {
    return this.limitBytes;
  }

  /** The peer's limit. We use at most the default, which bounds our memory. */
  setPeerLimit(peerBytesMax: number): void {
    const bytesMax = Math.min(peerBytesMax, headerTableBytes);
    if (bytesMax === this.limitBytes && this.smallestUpdate === undefined) return;
    this.limitBytes = bytesMax;
    this.smallestUpdate = Math.min(this.smallestUpdate ?? bytesMax, bytesMax);
    this.version += 1;
    this.evictUntil(bytesMax);
  }

  /** The updates that the next block has to begin with (RFC 7541 §4.2). */
  takeSizeUpdates(): readonly number[] {
    const smallest = this.smallestUpdate;
    if (smallest === undefined) return noUpdates;
    this.smallestUpdate = undefined;
    this.version += 1;
    return smallest < this.limitBytes ? [smallest, this.limitBytes] : [this.limitBytes];
  }

  /** The index of a field; 0 when it is not in the table. */
  find(name: string, value: string): number {
    const number = this.names.get(name)?.values.get(value);
    return number === undefined ? 0 : this.indexOf(number);
  }

  /** The index of any field of that name; 0 when there is none. */
  findName(name: string): number {
    const entry = this.names.get(name);
    return entry === undefined ? 0 : this.indexOf(entry.newest);
  }

  /** Adds a field and evicts the oldest ones (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + fieldOverheadBytes;
    this.version += 1;
    this.evictUntil(this.limitBytes - bytes);
    if (bytes > this.limitBytes) return;
    this.added += 1;
    this.entries.push({ name, value, number: this.added });
    this.usedBytes += bytes;
    let entry = this.names.get(name);
    if (entry === undefined) this.names.set(name, (entry = { values: new Map(), newest: 0 }));
    entry.values.set(value, this.added);
    entry.newest = this.added;
  }

  private indexOf(number: number): number {
    return staticCount + 1 + this.added - number;
  }

  private evictUntil(bytes: number): void {
    while (this.usedBytes > bytes) {
      const oldest = this.entries.shift();
      if (oldest === undefined) return;
      const { name, value, number } = oldest;
      this.usedBytes -= name.length + value.length + fieldOverheadBytes;
      const entry = this.names.get(name);
      if (entry === undefined) continue;
      if (entry.values.get(value) === number) entry.values.delete(value);
      if (entry.values.size === 0) this.names.delete(name);
    }
  }
}

const noUpdates: readonly number[] = [];
