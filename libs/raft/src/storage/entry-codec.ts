import { type BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { type Entry, ENTRY_VERSION, EntryKind } from '../core';

/**
 * The entry envelope, the same on disk and between servers (little-endian):
 *
 *     u8 version · u8 kind · u64 index · u64 term · f64 stamp (ms) · u64 sequence · u16+text client id · u32+bytes payload
 *
 * An entry is encoded once. The leader's WAL, the followers' links and the followers' WALs all use the same bytes: a follower keeps
 * the slice of the message that the entry came in.
 */
const FIXED_BYTES = 1 + 1 + 8 + 8 + 8 + 8 + 2 + 4;

/** The smallest encoded entry, for checks of counts. */
export const ENCODED_ENTRY_BYTES_MIN = FIXED_BYTES;

const KINDS: ReadonlySet<number> = new Set(Object.values(EntryKind));

/** Entries are immutable, so their bytes are too; weak, so that compaction frees both. */
const encodings = new WeakMap<Entry, Uint8Array>();

/** The entry's bytes, encoded at the first call. Do not change them. */
export function encodeEntry(entry: Entry): Uint8Array {
  const known = encodings.get(entry);
  if (known !== undefined) return known;
  const writer = new BinaryWriter(FIXED_BYTES + entry.clientId.length * 3 + entry.payload.length);
  writer
    .u8(entry.version)
    .u8(entry.kind)
    .uint53(entry.index)
    .uint53(entry.term)
    .f64(entry.stampMs)
    .uint53(entry.sequence)
    .text(entry.clientId)
    .bytes(entry.payload);
  const bytes = writer.finish();
  encodings.set(entry, bytes);
  return bytes;
}

/**
 * Reads one entry; its payload and its kept encoding share memory with the reader's input.
 *
 * @throws DecodeError when the bytes are not an entry that this version understands.
 */
export function decodeEntry(reader: BinaryReader): Entry {
  const start = reader.offset;
  const version = reader.u8();
  if (version === 0 || version > ENTRY_VERSION) {
    throw new DecodeError(
      `entry version ${version} is not understood; the newest is ${ENTRY_VERSION}`,
    );
  }
  const kind = reader.u8();
  if (!KINDS.has(kind)) throw new DecodeError(`entry kind ${kind} is not understood`);
  const entry: Entry = {
    version,
    index: reader.uint53(),
    term: reader.uint53(),
    kind: kind as EntryKind,
    stampMs: reader.f64(),
    sequence: reader.uint53(),
    clientId: reader.text(),
    payload: reader.bytes(),
  };
  if (entry.index === 0 || entry.term === 0) {
    throw new DecodeError(`an entry has index ${entry.index} and term ${entry.term}`);
  }
  encodings.set(entry, reader.slice(start, reader.offset));
  return entry;
}
