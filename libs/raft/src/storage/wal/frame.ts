import { BinaryReader, DecodeError } from '../../state-machine/binary-reader';
import { BinaryWriter } from '../../state-machine/binary-writer';
import { crc32c } from '../crc32c';
import type { Entry, HardState, LogIndex, Term } from '../../core';
import { decodeEntry, encodeEntry, ENCODED_ENTRY_BYTES_MIN } from '../entry-codec';

/**
 * One batch of the WAL: what one write and one sync make durable, all or nothing.
 *
 *     u32 magic · u32 body length · u64 batch number · u32 CRC-32C · u32 CRC-32C of the header before · body
 *
 * The first checksum covers length, number and body; the second one lets recovery believe the length when the body is bad (segments of format 1 have zero there). Batch numbers go up by one over all segments, so that a missing or misplaced batch shows.
 * Frames begin at multiples of eight, so that recovery can look for a good frame behind a bad one cheaply. The body is a list of
 * records: u8 type, then the record; type 0 ends it, and at least one {@link END_MARK} fills the rest. So a frame never ends with a zero: a write that stopped
 * early, in a file that ends there or that was filled with zeros beforehand, can be told from one that was finished. See tail.ts.
 */
export const FRAME_MAGIC = 0x31465752; // "RWF1"
export const FRAME_HEADER_BYTES = 24;
export const FRAME_ALIGNMENT_BYTES = 8;
/** The last byte of every frame. */
export const END_MARK = 0xa5;
const CHECKED_OFFSET = 4;
const CHECKSUM_OFFSET = 16;
const HEADER_CHECKSUM_OFFSET = 20;

const RecordType = { padding: 0, hardState: 1, reset: 2, entries: 3 } as const;

/** Where a log continues after a snapshot replaced it. */
export interface LogReset {
  readonly index: LogIndex;
  readonly term: Term;
}

/** What a batch says, in the order in which it takes effect. */
export interface Batch {
  readonly hardState: HardState | undefined;
  readonly reset: LogReset | undefined;
  readonly entries: readonly Entry[];
}

/** The batch as one piece, ready to be written. */
export function encodeFrame(batchNumber: number, batch: Batch): Buffer {
  const writer = new BinaryWriter(estimateBytes(batch));
  writer.u32(FRAME_MAGIC).u32(0).uint53(batchNumber).u32(0).u32(0);
  if (batch.hardState !== undefined) {
    const { currentTerm, votedFor, commitIndex } = batch.hardState;
    writer.u8(RecordType.hardState).uint53(currentTerm).uint53(votedFor).uint53(commitIndex);
  }
  if (batch.reset !== undefined) {
    writer.u8(RecordType.reset).uint53(batch.reset.index).uint53(batch.reset.term);
  }
  if (batch.entries.length > 0) {
    writer.u8(RecordType.entries).u32(batch.entries.length);
    for (const entry of batch.entries) writer.raw(encodeEntry(entry));
  }
  writer.u8(RecordType.padding);
  do writer.u8(END_MARK);
  while (writer.length % FRAME_ALIGNMENT_BYTES !== 0);
  writer.patchU32(4, writer.length - FRAME_HEADER_BYTES);
  const frame = writer.finish();
  frame.writeUInt32LE(checksumOf(frame), CHECKSUM_OFFSET);
  frame.writeUInt32LE(headerChecksumOf(frame), HEADER_CHECKSUM_OFFSET);
  return frame;
}

/** A frame found in a file. */
export interface Frame {
  readonly batchNumber: number;
  readonly batch: Batch;
  /** Where the next frame begins. */
  readonly end: number;
}

/**
 * The whole, undamaged frame at an offset, or undefined.
 *
 * @throws DecodeError when the checksum is right and the contents are not understood: a newer version wrote them.
 */
export function decodeFrameAt(file: Buffer, offset: number): Frame | undefined {
  const frame = checkedFrameAt(file, offset);
  if (frame === undefined) return undefined;
  const header = new BinaryReader(frame.subarray(8, 16));
  const body = new BinaryReader(frame.subarray(FRAME_HEADER_BYTES));
  return {
    batchNumber: header.uint53(),
    batch: decodeBatch(body),
    end: offset + frame.length,
  };
}

/** The batch number of the first whole frame at or after an offset, or undefined when there is none. */
export function findFrameFrom(file: Buffer, from: number): number | undefined {
  const start = Math.ceil(from / FRAME_ALIGNMENT_BYTES) * FRAME_ALIGNMENT_BYTES;
  for (let at = start; at + FRAME_HEADER_BYTES <= file.length; at += FRAME_ALIGNMENT_BYTES) {
    if (file.readUInt32LE(at) !== FRAME_MAGIC) continue;
    const frame = checkedFrameAt(file, at);
    if (frame !== undefined) return new BinaryReader(frame.subarray(8, 16)).uint53();
  }
  return undefined;
}

function checkedFrameAt(file: Buffer, offset: number): Buffer | undefined {
  if (offset + FRAME_HEADER_BYTES > file.length) return undefined;
  if (file.readUInt32LE(offset) !== FRAME_MAGIC) return undefined;
  const bodyLength = file.readUInt32LE(offset + 4);
  if (bodyLength > file.length - offset - FRAME_HEADER_BYTES) return undefined;
  const frame = file.subarray(offset, offset + FRAME_HEADER_BYTES + bodyLength);
  if (frame.readUInt32LE(CHECKSUM_OFFSET) !== checksumOf(frame)) return undefined;
  const headerChecksum = frame.readUInt32LE(HEADER_CHECKSUM_OFFSET);
  if (headerChecksum !== 0 && headerChecksum !== headerChecksumOf(frame)) return undefined;
  return frame;
}

/** How long the frame with this header is meant to be; undefined when the header is not as it was written. */
export function declaredFrameBytes(header: Buffer): number | undefined {
  if (header.readUInt32LE(0) !== FRAME_MAGIC) return undefined;
  if (header.readUInt32LE(HEADER_CHECKSUM_OFFSET) !== headerChecksumOf(header)) return undefined;
  return FRAME_HEADER_BYTES + header.readUInt32LE(4);
}

function headerChecksumOf(header: Buffer): number {
  return crc32c(header.subarray(0, HEADER_CHECKSUM_OFFSET));
}

function checksumOf(frame: Buffer): number {
  const head = crc32c(frame.subarray(CHECKED_OFFSET, CHECKSUM_OFFSET));
  return crc32c(frame.subarray(FRAME_HEADER_BYTES), head);
}

function decodeBatch(reader: BinaryReader): Batch {
  let hardState: HardState | undefined;
  let reset: LogReset | undefined;
  const entries: Entry[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8();
    if (type === RecordType.padding) break;
    if (type === RecordType.hardState) {
      hardState = {
        currentTerm: reader.uint53(),
        votedFor: reader.uint53(),
        commitIndex: reader.uint53(),
      };
    } else if (type === RecordType.reset) {
      reset = { index: reader.uint53(), term: reader.uint53() };
    } else if (type === RecordType.entries) {
      for (let left = reader.count(ENCODED_ENTRY_BYTES_MIN); left > 0; left--) {
        entries.push(decodeEntry(reader));
      }
    } else {
      throw new DecodeError(`record type ${type} is not understood`);
    }
  }
  return { hardState, reset, entries };
}

function estimateBytes(batch: Batch): number {
  let bytes = 96;
  for (const entry of batch.entries) {
    bytes += ENCODED_ENTRY_BYTES_MIN + entry.clientId.length + entry.payload.length;
  }
  return bytes;
}
