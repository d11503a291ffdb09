import { declaredFrameBytes, FRAME_HEADER_BYTES } from './frame';

/**
 * What a bad end of the log says about the write that left it.
 *
 * A write that a crash interrupted was not acknowledged. One that was acknowledged was synced, so all of it was on the disk, the last byte too, and that byte is
 * never zero. So where the last byte is missing, because the file ends before it or because zeros stand in its place, nobody has lost anything.
 * Where it is there and the checksum is wrong, the pages of an interrupted write may have reached the disk out of order, or an acknowledged batch may have
 * rotted. Nothing tells which, and the answer must be the careful one. So it is where the header is bad, which says where the last byte should be.
 *
 * @returns true when the write at `offset` was certainly never finished.
 */
export function isUnfinishedWrite(file: Buffer, offset: number): boolean {
  const size = endOfContents(file, offset) - offset;
  // Whoever has finished has written something behind the header.
  if (size <= FRAME_HEADER_BYTES) return true;
  const declaredBytes = declaredFrameBytes(file.subarray(offset, offset + FRAME_HEADER_BYTES));
  return declaredBytes !== undefined && size < declaredBytes;
}

/** Where the zeros begin that fill the rest of a file; `from` when there is nothing else behind it. */
export function endOfContents(file: Buffer, from: number): number {
  let end = file.length;
  while (end > from && file[end - 1] === 0) end -= 1;
  return Math.max(end, from);
}
