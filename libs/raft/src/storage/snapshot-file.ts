import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { crc32c } from './crc32c';
import { invariant, Transition } from '../core';
import type { Configuration, LogIndex, Member, SnapshotMetadata, Term } from '../core';

/**
 * A snapshot as a file.
 *
 *     header: "RAFTSNAP" · u32 format version · u32+bytes metadata · u64 data bytes · u32 chunk bytes · u32 checksum of the chunks · u32 CRC-32C of all before
 *     chunks: u32 CRC-32C · data, each of as many bytes as the header says but the last one; at least one
 *
 * A chunk's CRC-32C is seeded with its number, so that it fits no other place; the header's checksum is the CRC-32C of the chunks' ones in order. A leader
 * sends the header and then the chunks, and the receiver writes them down as they come: what is there of a file can be told without any other note.
 *
 * A member of the metadata's configuration is `u64 id · text address · u8 part`.
 *
 * Formats 1 and 2 had no chunks: `… metadata · u64 data bytes · u32 CRC-32C of all before and of the data · data`. They are read, and written no more.
 */
const MAGIC = Buffer.from('RAFTSNAP', 'latin1');
export const SNAPSHOT_FORMAT = 3;
const FORMAT_WITHOUT_CHUNKS = 2;
/** Up to where the metadata begins: magic, version, length of the metadata. */
export const HEADER_START_BYTES = 8 + 4 + 4;
/** What follows the metadata. */
const HEADER_END_BYTES = 8 + 4 + 4 + 4;
/** Far above any configuration. */
const METADATA_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES_MAX = 16 * 1024 * 1024;
/** Of a chunk, before its data. */
export const CHUNK_HEADER_BYTES = 4;
const MEMBER_BYTES_MIN = 8 + 2 + 1;

/** By their number, which never changes. */
const PARTS: readonly Pick<Member, 'voter' | 'transition'>[] = [
  { voter: false },
  { voter: true },
  { voter: false, transition: Transition.joining },
  { voter: true, transition: Transition.incoming },
  { voter: true, transition: Transition.outgoing },
  { voter: true, transition: Transition.demoted },
];

export interface Snapshot {
  readonly snapshot: SnapshotMetadata;
  readonly data: Uint8Array;
}

/** What the header of a snapshot file says. */
export interface SnapshotHeader {
  readonly snapshot: SnapshotMetadata;
  readonly dataBytes: number;
  /** Of every chunk's data but the last one's. */
  readonly chunkBytes: number;
  /** Of the chunks' checksums in order. */
  readonly checksum: number;
}

/** Names one snapshot: two with the same id have the same bytes. The checksum is that of the header, which has the one of the chunks. */
export interface SnapshotId {
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  readonly checksum: number;
}

/** The header as it is in the file. Its length depends on nothing but the metadata. */
export function encodeSnapshotHeader(header: SnapshotHeader): Buffer {
  const metadata = new BinaryWriter();
  writeSnapshotMetadata(metadata, header.snapshot);
  const writer = new BinaryWriter().raw(MAGIC).u32(SNAPSHOT_FORMAT).bytes(metadata.finish());
  writer.uint53(header.dataBytes).u32(header.chunkBytes).u32(header.checksum);
  return writer.u32(crc32c(writer.finish())).finish();
}

/**
 * How long the header is of a file that begins so.
 *
 * @returns undefined for a file of a format that had no chunks.
 * @throws DecodeError when this is no snapshot, or one of an unknown format.
 */
export function snapshotHeaderBytes(start: Uint8Array): number | undefined {
  const reader = new BinaryReader(start);
  if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new DecodeError('this is no snapshot file');
  const version = reader.u32();
  if (version < 1 || version > SNAPSHOT_FORMAT) {
    const known = `only 1 to ${SNAPSHOT_FORMAT}`;
    throw new DecodeError(`snapshot format ${version} is not understood, ${known}`);
  }
  if (version <= FORMAT_WITHOUT_CHUNKS) return undefined;
  const metadataBytes = reader.u32();
  if (metadataBytes > METADATA_BYTES_MAX) {
    throw new DecodeError(`metadata of ${metadataBytes} bytes are above the limit`);
  }
  return HEADER_START_BYTES + metadataBytes + HEADER_END_BYTES;
}

/** @throws DecodeError when it is damaged, or of another format. */
export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader {
  if (snapshotHeaderBytes(bytes) !== bytes.length) {
    throw new DecodeError(`${bytes.length} bytes are no header of a snapshot in chunks`);
  }
  const reader = new BinaryReader(bytes);
  reader.raw(HEADER_START_BYTES - 4);
  const metadata = new BinaryReader(reader.bytes());
  const dataBytes = reader.uint53();
  const chunkBytes = reader.u32();
  const checksum = reader.u32();
  const checkedEnd = reader.offset;
  if (crc32c(reader.slice(0, checkedEnd)) !== reader.u32()) {
    throw new DecodeError('the checksum of a snapshot’s header is wrong');
  }
  if (chunkBytes < 1 || chunkBytes > CHUNK_BYTES_MAX) {
    throw new DecodeError(`chunks of ${chunkBytes} bytes are not understood`);
  }
  const snapshot = readSnapshotMetadata(metadata);
  metadata.end();
  return { snapshot, dataBytes, chunkBytes, checksum };
}

/** @param header as it is in the file. */
export function snapshotIdOf(header: Uint8Array): SnapshotId {
  const { lastIncludedIndex, lastIncludedTerm } = decodeSnapshotHeader(header).snapshot;
  const checksum = new BinaryReader(header.subarray(header.length - 4)).u32();
  return { lastIncludedIndex, lastIncludedTerm, checksum };
}

/** At least one. */
export function chunkCountOf({ dataBytes, chunkBytes }: SnapshotHeader): number {
  return Math.max(1, Math.ceil(dataBytes / chunkBytes));
}

/** How many bytes of data a chunk has. */
export function chunkSizeOf({ dataBytes, chunkBytes }: SnapshotHeader, number: number): number {
  return Math.min(chunkBytes, dataBytes - number * chunkBytes);
}

/** A chunk's own checksum. */
export function chunkChecksum(number: number, data: Uint8Array): number {
  return crc32c(data, number);
}

/** @param due which chunk is to come. @throws DecodeError when this is not it, whole. */
export function checkChunk(
  header: SnapshotHeader,
  due: number,
  number: number,
  { checksum, data }: { readonly checksum: number; readonly data: Uint8Array },
): void {
  if (number !== due || number >= chunkCountOf(header)) {
    throw new DecodeError(`chunk ${number} of a snapshot came where ${due} is due`);
  }
  const size = chunkSizeOf(header, number);
  if (data.length !== size) {
    throw new DecodeError(`chunk ${number} has ${data.length} bytes instead of ${size}`);
  }
  if (chunkChecksum(number, data) !== checksum) {
    throw new DecodeError(`the checksum of a snapshot’s chunk ${number} is wrong`);
  }
}

/** The checksum of a snapshot from those of its chunks, in order. */
export class SnapshotChecksum {
  private checksum = 0;

  get value(): number {
    return this.checksum;
  }

  add(chunk: number): void {
    this.checksum = crc32c(new BinaryWriter(4).u32(chunk).finish(), this.checksum);
  }
}

/**
 * Reads and checks a file of a format that had no chunks.
 *
 * @throws DecodeError when it is damaged or incomplete.
 */
export function decodeWholeSnapshotFile(bytes: Uint8Array): Snapshot {
  const reader = new BinaryReader(bytes);
  reader.raw(HEADER_START_BYTES - 4);
  const metadata = new BinaryReader(reader.bytes());
  const length = reader.uint53();
  const checkedEnd = reader.offset;
  const checksum = reader.u32();
  const data = reader.raw(length);
  reader.end();
  if (crc32c(data, crc32c(reader.slice(0, checkedEnd))) !== checksum) {
    throw new DecodeError('the checksum of a snapshot is wrong');
  }
  const snapshot = readSnapshotMetadata(metadata);
  metadata.end();
  return { snapshot, data };
}

function writeConfiguration(writer: BinaryWriter, configuration: Configuration): void {
  writer.text(configuration.clusterId).u32(configuration.members.length);
  for (const { id, address, voter, transition } of configuration.members) {
    const part = PARTS.findIndex((one) => one.voter === voter && one.transition === transition);
    invariant(part !== -1, () => `server ${id} cannot be ${String(transition)}, voter ${voter}`);
    writer.uint53(id).text(address).u8(part);
  }
}

function readConfiguration(reader: BinaryReader): Configuration {
  const clusterId = reader.text();
  const members: Member[] = [];
  for (let left = reader.count(MEMBER_BYTES_MIN); left > 0; left--) {
    members.push({ id: reader.uint53(), address: reader.text(), ...readPart(reader) });
  }
  return { clusterId, members };
}

function readPart(reader: BinaryReader): Pick<Member, 'voter' | 'transition'> {
  const number = reader.u8();
  const part = PARTS[number];
  if (part === undefined) throw new DecodeError(`part ${number} of a member is not understood`);
  return part;
}

/** A snapshot's metadata as bytes, for messages. */
export function writeSnapshotMetadata(writer: BinaryWriter, snapshot: SnapshotMetadata): void {
  writer.uint53(snapshot.lastIncludedIndex).uint53(snapshot.lastIncludedTerm).f64(snapshot.stampMs);
  writeConfiguration(writer, snapshot.configuration);
}

/** Reads what {@link writeSnapshotMetadata} wrote. */
export function readSnapshotMetadata(reader: BinaryReader): SnapshotMetadata {
  return {
    lastIncludedIndex: reader.uint53(),
    lastIncludedTerm: reader.uint53(),
    stampMs: reader.f64(),
    configuration: readConfiguration(reader),
  };
}
