import { END_MARK, FRAME_ALIGNMENT_BYTES, FRAME_HEADER_BYTES, FRAME_MAGIC } from './frame';

/**
 * What a bad end of the log says about the write that left it.
 *
 * A write that a crash interrupted was not acknowledged. One that was acknowledged was synced, so all of it was on the disk, the last byte too, and that byte is
 * never zero. So where the last byte is missing, because the file ends before it or because zeros stand in its place, nobody has lost anything.
 * Where it is there and the checksum is wrong, the pages of an interrupted write may have reached the disk out of order, or an acknowledged batch may have
 * rotted. Nothing tells which, and the answer must be the careful one.
 *
 * The length is a field of the frame and may be what has rotted, so it is not believed when the contents end as a frame does.
 *
 * @returns true when the write at `offset` was certainly never finished.
 */
export function isUnfinishedWrite(file: Buffer, offset: number): boolean {
  const size = endOfContents(file, offset) - offset;
  if (size === 0) return true;
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  file.copy(header, 0, offset, offset + Math.min(size, FRAME_HEADER_BYTES));
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(FRAME_MAGIC);
  const known = Math.min(size, magic.length);
  if (!header.subarray(0, known).equals(magic.subarray(0, known))) return false;
  const endsLikeFrame =
    size > FRAME_HEADER_BYTES &&
    size % FRAME_ALIGNMENT_BYTES === 0 &&
    file[offset + size - 1] === END_MARK;
  return !endsLikeFrame && size < FRAME_HEADER_BYTES + header.readUInt32LE(4);
}

/** Where the zeros begin that fill the rest of a file; `from` when there is nothing else behind it. */
export function endOfContents(file: Buffer, from: number): number {
  let end = file.length;
  while (end > from && file[end - 1] === 0) end -= 1;
  return Math.max(end, from);
}
