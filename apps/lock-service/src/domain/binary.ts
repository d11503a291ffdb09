import { type BinaryReader, type BinaryWriter } from '@bufbuild/protobuf/wire';
import { type LockMetadata } from './model';

/**
 * The plain binary notation of commands, results and snapshots: protobuf's scalars one after the other, without tags, in an order that the
 * format version in front fixes. Whole numbers up to 2^53 are written as doubles, which are exact there and need no bigint.
 */
export function writeAmount(writer: BinaryWriter, value: number): void {
  writer.double(value);
}

/** Reads what {@link writeAmount} wrote; throws RangeError on anything but a whole number of at least 0. */
export function readAmount(reader: BinaryReader): number {
  const value = reader.double();
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} is no whole number between 0 and 2^53`);
  return value;
}

/** A moment or length of time in milliseconds; the log clock may have fractions. */
export function readMs(reader: BinaryReader): number {
  const value = reader.double();
  if (!Number.isFinite(value)) throw new RangeError('a time is not finite');
  return value;
}

export function writeList<Item>(
  writer: BinaryWriter,
  items: readonly Item[],
  write: (item: Item) => void,
): void {
  writer.uint32(items.length);
  for (const item of items) write(item);
}

/** Every item takes at least one byte, so that a wrong length ends in an error and not in an endless list. */
export function readList<Item>(reader: BinaryReader, read: () => Item): Item[] {
  const length = reader.uint32();
  if (length > reader.len - reader.pos) throw new RangeError(`a list of ${length} does not fit`);
  return Array.from({ length }, read);
}

export function writeMetadata(writer: BinaryWriter, metadata: LockMetadata): void {
  writeList(writer, metadata, ([key, value]) => writer.string(key).string(value));
}

export function readMetadata(reader: BinaryReader): LockMetadata {
  return readList(reader, () => [reader.string(), reader.string()] as const);
}

/** Throws RangeError unless everything has been read. */
export function expectEnd(reader: BinaryReader): void {
  if (reader.pos !== reader.len) throw new RangeError(`${reader.len - reader.pos} bytes are left`);
}
