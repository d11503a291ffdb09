import type { SeededRandom } from '../random';

/** What a power cut did to the pages of one file that were not synced. */
export interface PageLosses {
  dropped: number;
  torn: number;
  /** A later page reached the disk, an earlier one did not. */
  reordered: number;
}

/** One file of a simulated disk: what a reader sees, what is safe, and which pages differ. */
export class PageFile {
  private contents: Buffer = Buffer.alloc(0);
  private durable: Buffer = Buffer.alloc(0);
  private readonly dirty = new Set<number>();
  /** Pages that take room on the disk: where nothing was written the file has holes, however long it is. */
  private readonly allocated = new Set<number>();

  constructor(private readonly pageBytes: number) {}

  get size(): number {
    return this.contents.length;
  }

  read(): Buffer {
    return Buffer.from(this.contents);
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.contents.length) {
      this.contents = Buffer.concat([this.contents], end);
    }
    this.contents.set(bytes, position);
    for (const page of this.pagesOf(position, end)) {
      this.dirty.add(page);
      this.allocated.add(page);
    }
  }

  truncate(size: number): void {
    const before = this.contents.length;
    this.contents = Buffer.concat([this.contents.subarray(0, size)], size);
    for (const page of this.pagesOf(Math.min(size, before), Math.max(size, before))) {
      this.dirty.add(page);
    }
    for (const page of this.allocated) {
      if (page * this.pageBytes >= size) this.allocated.delete(page);
    }
  }

  /** True when writing there takes no more room. */
  hasRoom(from: number, to: number): boolean {
    return this.pagesOf(from, to).every((page) => this.allocated.has(page));
  }

  sync(): void {
    if (this.dirty.size === 0) return;
    const all = new Map([...this.dirty].map((page) => [page, this.pageBytes]));
    this.durable = merge(this.durable, this.contents, all, this.pageBytes);
    this.dirty.clear();
  }

  /** The kernel could not write the pages, says so once, and forgets that they are dirty: readers still see them (ATC '20, "fsync failures"). */
  failSync(): void {
    this.dirty.clear();
  }

  /** Rot: one bit on the disk is not what was written. */
  flipBit(offset: number, bit: number): void {
    for (const bytes of [this.contents, this.durable]) {
      const byte = bytes[offset];
      if (byte !== undefined) bytes[offset] = byte ^ (1 << bit);
    }
  }

  /** The machine loses power: of the pages that were not synced, some made it to the disk: none, all, the first ones, or any. */
  losePower(random: SeededRandom, losses: PageLosses): void {
    const pages = [...this.dirty].sort((left, right) => left - right);
    this.dirty.clear();
    const { contents, durable } = this;
    const survived = new Map<number, number>();
    const way = random.pick(['none', 'all', 'prefix', 'scattered', 'scattered'] as const);
    const reach = random.integer(0, pages.length - 1);
    pages.forEach((page, position) => {
      const whole =
        way === 'all' ||
        (way === 'prefix' && position < reach) ||
        (way === 'scattered' && random.chance(0.6));
      if (whole) survived.set(page, this.pageBytes);
      else if (way === 'prefix' && position === reach) {
        survived.set(page, random.integer(0, this.pageBytes - 1));
        losses.torn += 1;
      } else losses.dropped += 1;
    });
    const last = [...survived.keys()].at(-1) ?? -1;
    if (pages.some((page) => page < last && !survived.has(page))) losses.reordered += 1;
    this.durable = merge(durable, contents, survived, this.pageBytes);
    this.contents = Buffer.from(this.durable);
  }

  private pagesOf(from: number, to: number): number[] {
    const pages: number[] = [];
    const first = Math.floor(from / this.pageBytes);
    for (let page = first; page * this.pageBytes < to; page += 1) pages.push(page);
    return pages;
  }
}

/** The old contents with some new pages in them; a file grows as far as its new pages reach, and what is missing between them is zeros. */
function merge(
  old: Buffer,
  fresh: Buffer,
  survived: ReadonlyMap<number, number>,
  pageBytes: number,
): Buffer {
  let end = old.length;
  let cut = false;
  for (const [page, bytes] of survived) {
    const start = page * pageBytes;
    end = Math.max(end, Math.min(start + bytes, fresh.length));
    if (start + bytes > fresh.length && fresh.length < old.length) cut = true;
  }
  // The page where the file was cut carries its new size.
  const merged = Buffer.concat([old], cut ? fresh.length : end);
  for (const [page, bytes] of survived) {
    const start = page * pageBytes;
    if (start < fresh.length)
      fresh.copy(merged, start, start, Math.min(start + bytes, fresh.length));
  }
  return merged;
}
