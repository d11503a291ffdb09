import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { crc32c } from './crc32c';
import { invariant, Transition } from '../core';
import type { Configuration, Member, SnapshotMetadata } from '../core';
import { hasTransitions } from '../core/configuration';

/**
 * A snapshot as a file, and as what a leader sends: the receiver stores the bytes as they came.
 *
 *     "RAFTSNAP" · u32 format version · u32+bytes metadata · u64 data length · u32 CRC-32C of all before and of the data · data
 *
 * A member of the metadata's configuration is `u64 id · text address · u8 part`. Format 1 knows the parts learner (0) and voter (1), format 2 also those that are in
 * between. What format 1 can say is written as format 1, so that a replica of the version before can still be sent a snapshot.
 */
const MAGIC = Buffer.from('RAFTSNAP', 'latin1');
const FORMAT_VERSION = 2;
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

/** The file's two parts: everything but the data, and the data. */
export function encodeSnapshotFile(
  snapshot: SnapshotMetadata,
  data: Uint8Array,
): [Buffer, Uint8Array] {
  const metadata = new BinaryWriter();
  writeSnapshotMetadata(metadata, snapshot);
  const header = new BinaryWriter();
  const version = hasTransitions(snapshot.configuration) ? FORMAT_VERSION : 1;
  header.raw(MAGIC).u32(version).bytes(metadata.finish()).uint53(data.length);
  header.u32(crc32c(data, crc32c(header.finish())));
  return [header.finish(), data];
}

/**
 * Reads and checks a snapshot file.
 *
 * @throws DecodeError when it is damaged, incomplete or of a newer format.
 */
export function decodeSnapshotFile(bytes: Uint8Array): Snapshot {
  const reader = new BinaryReader(bytes);
  if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new DecodeError('this is no snapshot file');
  const version = reader.u32();
  if (version < 1 || version > FORMAT_VERSION) {
    const known = `only 1 to ${FORMAT_VERSION}`;
    throw new DecodeError(`snapshot format ${version} is not understood, ${known}`);
  }
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
