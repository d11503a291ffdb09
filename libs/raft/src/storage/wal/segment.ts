import { BinaryReader } from '../../state-machine/binary-reader';
import { BinaryWriter } from '../../state-machine/binary-writer';
import { crc32c } from '../crc32c';
import type { LogIndex } from '../../core';

/**
 * A segment is a header and frames:
 *
 *     "RAFTWAL\n" · u32 format version · u32 zero · u64 segment number · u64 first batch number · u64 first index · u32 CRC-32C · u32 zero
 *
 * Segment numbers are consecutive, so that a missing file shows. A file's name holds the number and the first index; the number is
 * needed because a log that was cut can begin two segments with the same index.
 */
const MAGIC = Buffer.from('RAFTWAL\n', 'latin1');
/** 2: frames carry a checksum of their header. */
export const SEGMENT_FORMAT_VERSION = 2;
export const SEGMENT_FORMAT_VERSION_OLDEST = 1;
export const SEGMENT_HEADER_BYTES = 48;
const CHECKSUM_OFFSET = 40;

const NAME = /^(\d{10})-(\d{16})\.wal$/;

export interface SegmentHeader {
  readonly formatVersion: number;
  readonly segmentNumber: number;
  readonly firstBatchNumber: number;
  readonly firstIndex: LogIndex;
}

export function segmentName(segmentNumber: number, firstIndex: LogIndex): string {
  return `${String(segmentNumber).padStart(10, '0')}-${String(firstIndex).padStart(16, '0')}.wal`;
}

/** The segment number in a file's name; undefined when the file is no segment. */
export function segmentNumberOf(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'formatVersion'>): Buffer {
  const writer = new BinaryWriter(SEGMENT_HEADER_BYTES);
  writer.raw(MAGIC).u32(SEGMENT_FORMAT_VERSION).u32(0);
  writer.uint53(header.segmentNumber).uint53(header.firstBatchNumber).uint53(header.firstIndex);
  writer.u32(crc32c(writer.finish())).u32(0);
  return writer.finish();
}

/** The header of a segment, or undefined when it is incomplete or damaged. */
export function decodeSegmentHeader(file: Buffer): SegmentHeader | undefined {
  if (file.length < SEGMENT_HEADER_BYTES) return undefined;
  const reader = new BinaryReader(file.subarray(0, SEGMENT_HEADER_BYTES));
  if (!reader.raw(MAGIC.length).equals(MAGIC)) return undefined;
  if (file.readUInt32LE(CHECKSUM_OFFSET) !== crc32c(file.subarray(0, CHECKSUM_OFFSET))) {
    return undefined;
  }
  const formatVersion = reader.u32();
  reader.u32();
  return {
    formatVersion,
    segmentNumber: reader.uint53(),
    firstBatchNumber: reader.uint53(),
    firstIndex: reader.uint53(),
  };
}
