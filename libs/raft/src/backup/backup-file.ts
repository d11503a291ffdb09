/*
 * A backup of a group as a file
 *
 *     header: "RAFTBKUP" · u32 format version · u32+bytes description · u32 CRC-32C of all before
 *     chunks: u32 bytes of data, at least 1 · u32 CRC-32C, seeded with the chunk's number · data
 *     end:    u32 0 · u64 bytes of all data · SHA-256 of everything before it
 *
 * It is written in one go, as the state comes: a snapshot file (storage/snapshot-file.ts) has its lengths at its beginning, and is for disks on which one can go
 * back. The chunks' checksums say early, and where, that a file is damaged; the digest at the end says that it is whole, and names it.
 *
 * The description is `text service · text suite version · f64 wall clock in ms · metadata of the snapshot`. The data is the snapshot of the state machine behind its
 * deduplication table.
 */
import { createHash } from 'node:crypto';
import type { SnapshotMetadata } from '../core';
import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { crc32c } from '../storage/crc32c';
import { readSnapshotMetadata, writeSnapshotMetadata } from '../storage/snapshot-file';
import { chunksOf } from '../storage/snapshot-writer';
import type { SnapshotData } from '../storage/storage';

const MAGIC = Buffer.from('RAFTBKUP', 'latin1');
export const BACKUP_FORMAT = 1;
/** Up to where the description begins. */
const HEADER_START_BYTES = 8 + 4 + 4;
const CHECKSUM_BYTES = 4;
const LENGTH_BYTES = 4;
const CHUNK_HEADER_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;
const DIGEST_BYTES = 32;
const END_BYTES = LENGTH_BYTES + 8 + DIGEST_BYTES;
/** Far above any list of members. */
const DESCRIPTION_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES_MAX = 16 * 1024 * 1024;
/** Data of a chunk, which is one message on the wire. */
const CHUNK_BYTES = 256 * 1024;

/** Of what a backup is. */
export interface BackupDescription {
  /** The service whose state it is, such as `lock-service`. */
  readonly service: string;
  /** The release of the suite that wrote it. */
  readonly version: string;
  /** When it was taken, by that replica's wall clock, in milliseconds since 1970. */
  readonly takenAtMs: number;
  /** Where in the log, and of which group. */
  readonly snapshot: SnapshotMetadata;
}

/** A backup that is whole. */
export interface BackupSummary extends BackupDescription {
  readonly format: number;
  /** Of the state. */
  readonly dataBytes: number;
  readonly fileBytes: number;
  /** SHA-256 of all before it, in hexadecimal: names the backup. */
  readonly digest: string;
}

/** Writes a backup, in pieces of at most one chunk. */
export async function* encodeBackup(
  description: BackupDescription,
  data: SnapshotData,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const hashed = (bytes: Buffer): Buffer => {
    hash.update(bytes);
    return bytes;
  };
  yield hashed(encodeHeader(description));
  let dataBytes = 0;
  let number = 0;
  for await (const chunk of chunksOf(data, chunkBytes)) {
    // An empty one would read as the end.
    if (chunk.length === 0) break;
    const writer = new BinaryWriter(CHUNK_HEADER_BYTES + chunk.length).u32(chunk.length);
    yield hashed(writer.u32(crc32c(chunk, number)).raw(chunk).finish());
    dataBytes += chunk.length;
    number += 1;
  }
  const end = hashed(new BinaryWriter(END_BYTES).u32(0).uint53(dataBytes).finish());
  yield Buffer.concat([end, hash.digest()]);
}

function encodeHeader({ service, version, takenAtMs, snapshot }: BackupDescription): Buffer {
  const description = new BinaryWriter().text(service).text(version).f64(takenAtMs);
  writeSnapshotMetadata(description, snapshot);
  const writer = new BinaryWriter().raw(MAGIC).u32(BACKUP_FORMAT).bytes(description.finish());
  return writer.u32(crc32c(writer.finish())).finish();
}

/** Checks a backup while its bytes come, in pieces of any size. Holds one chunk at most. */
export class BackupDecoder {
  private rest: Buffer = Buffer.alloc(0);
  private readonly hash = createHash('sha256');
  private described: BackupDescription | undefined;
  private digest: string | undefined;
  private chunks = 0;
  private dataBytes = 0;
  private consumed = 0;

  /** @param onData gets the state, piece by piece, each checked. */
  constructor(private readonly onData: (data: Uint8Array) => void = () => undefined) {}

  /** What the header says; undefined until it is here. */
  get description(): BackupDescription | undefined {
    return this.described;
  }

  /** @throws DecodeError when this is no backup, a damaged one, or one of another format. */
  push(bytes: Uint8Array): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    while (this.step());
  }

  /** To be called when no more bytes come. @throws DecodeError when the backup is not whole. */
  finish(): BackupSummary {
    const { described, digest } = this;
    if (described === undefined || digest === undefined) {
      const got = this.consumed + this.rest.length;
      throw new DecodeError(`the backup is cut off after ${got} bytes: its end is missing`);
    }
    const { dataBytes, consumed: fileBytes } = this;
    return { ...described, format: BACKUP_FORMAT, dataBytes, fileBytes, digest };
  }

  /** @returns false when more bytes are needed first. */
  private step(): boolean {
    if (this.digest !== undefined) {
      if (this.rest.length === 0) return false;
      throw new DecodeError(`${this.rest.length} bytes follow the end of the backup`);
    }
    return this.described === undefined ? this.readHeader() : this.readChunk();
  }

  private readHeader(): boolean {
    if (this.rest.length < HEADER_START_BYTES) return false;
    const start = new BinaryReader(this.rest);
    if (!start.raw(MAGIC.length).equals(MAGIC)) throw new DecodeError('this is no backup');
    const version = start.u32();
    if (version !== BACKUP_FORMAT) {
      throw new DecodeError(
        `backup format ${version} is not understood, only ${BACKUP_FORMAT}: use the release that wrote it, or a newer one`,
      );
    }
    const descriptionBytes = start.u32();
    if (descriptionBytes > DESCRIPTION_BYTES_MAX) {
      throw new DecodeError(`a description of ${descriptionBytes} bytes is above the limit`);
    }
    const checkedEnd = HEADER_START_BYTES + descriptionBytes;
    const header = this.take(checkedEnd + CHECKSUM_BYTES);
    if (header === undefined) return false;
    if (crc32c(header.subarray(0, checkedEnd)) !== header.readUInt32LE(checkedEnd)) {
      throw new DecodeError('the checksum of the backup’s header is wrong');
    }
    const reader = new BinaryReader(header.subarray(HEADER_START_BYTES, checkedEnd));
    const service = reader.text();
    const suiteVersion = reader.text();
    const takenAtMs = reader.f64();
    const snapshot = readSnapshotMetadata(reader);
    reader.end();
    this.hash.update(header);
    this.described = { service, version: suiteVersion, takenAtMs, snapshot };
    return true;
  }

  private readChunk(): boolean {
    if (this.rest.length < LENGTH_BYTES) return false;
    const size = this.rest.readUInt32LE(0);
    if (size === 0) return this.readEnd();
    if (size > CHUNK_BYTES_MAX) throw this.damaged(`a chunk of ${size} bytes is above the limit`);
    const chunk = this.take(CHUNK_HEADER_BYTES + size);
    if (chunk === undefined) return false;
    const data = chunk.subarray(CHUNK_HEADER_BYTES);
    if (crc32c(data, this.chunks) !== chunk.readUInt32LE(LENGTH_BYTES)) {
      throw this.damaged(`the checksum of chunk ${this.chunks} is wrong`);
    }
    this.hash.update(chunk);
    this.chunks += 1;
    this.dataBytes += size;
    this.onData(data);
    return true;
  }

  private readEnd(): boolean {
    const end = this.take(END_BYTES);
    if (end === undefined) return false;
    const digestAt = END_BYTES - DIGEST_BYTES;
    this.hash.update(end.subarray(0, digestAt));
    const digest = this.hash.digest();
    const dataBytes = new BinaryReader(end.subarray(LENGTH_BYTES)).uint53();
    if (dataBytes !== this.dataBytes || !digest.equals(end.subarray(digestAt))) {
      throw this.damaged('the checksum of the whole is wrong');
    }
    this.digest = digest.toString('hex');
    return true;
  }

  private damaged(what: string): DecodeError {
    return new DecodeError(`the backup is damaged before byte ${this.consumed}: ${what}`);
  }

  private take(count: number): Buffer | undefined {
    if (this.rest.length < count) return undefined;
    const taken = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    this.consumed += count;
    return taken;
  }
}
