import { DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import type { SnapshotMetadata } from '../core';
import { StorageError } from '../errors';
import type { FileSystem, OpenFile } from './file-system';
import {
  checkChunk,
  chunkChecksum,
  chunkCountOf,
  decodeSnapshotHeader,
  encodeSnapshotHeader,
  type Snapshot,
  SnapshotChecksum,
  type SnapshotHeader,
} from './snapshot-file';
import {
  chunkPosition,
  readChunkOf,
  readSnapshotHeader,
  readWholeSnapshot,
} from './snapshot-reader';
import type { ChunkOfSnapshot, SnapshotData, SnapshotWriter } from './storage';

/** So much of a snapshot is written between two syncs: more would make the log's next sync wait for it. */
const SYNC_EVERY_BYTES = 4 * 1024 * 1024;

/** What the operating system refused, as a StorageError; anything else as it is. */
function failed(file: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (typeof code !== 'string' || cause instanceof StorageError) return cause;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const fact = `writing a snapshot failed${isFull ? ': the disk is full' : ''}`;
  return new StorageError('snapshotFailed', fact, {
    file,
    remedy: 'Check the disk and its free space',
    cause,
  });
}

function encodeChunk({ checksum, data }: ChunkOfSnapshot): Buffer {
  return new BinaryWriter(4 + data.length).u32(checksum).raw(data).finish();
}

/** The same data in pieces of equal size, but for the last one; at least one, which may be empty. */
export async function* chunksOf(
  data: SnapshotData,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let chunk = Buffer.allocUnsafe(chunkBytes);
  let used = 0;
  let count = 0;
  for await (const piece of data instanceof Uint8Array ? [data] : data) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + chunkBytes - used);
      chunk.set(part, used);
      used += part.length;
      at += part.length;
      if (used < chunkBytes) continue;
      yield chunk;
      count += 1;
      chunk = Buffer.allocUnsafe(chunkBytes);
      used = 0;
    }
  }
  if (used > 0 || count === 0) yield chunk.subarray(0, used);
}

/**
 * Writes a snapshot into a new file as its pieces come, and syncs it. The header goes last: only then its contents are known.
 *
 * @returns how many bytes of data it has.
 * @throws StorageError `snapshotFailed`; or what the pieces throw. Then the file is gone.
 */
export async function writeSnapshotFile(
  fileSystem: FileSystem,
  path: string,
  snapshot: SnapshotMetadata,
  data: SnapshotData,
  chunkBytes: number,
): Promise<{ readonly dataBytes: number; readonly fileBytes: number }> {
  let file: OpenFile | undefined;
  try {
    await fileSystem.remove(path);
    file = await fileSystem.open(path);
    const blank = { snapshot, dataBytes: 0, chunkBytes, checksum: 0 };
    const checksum = new SnapshotChecksum();
    let position = encodeSnapshotHeader(blank).length;
    let dataBytes = 0;
    let unsyncedBytes = 0;
    let number = 0;
    for await (const piece of chunksOf(data, chunkBytes)) {
      const chunk = { checksum: chunkChecksum(number, piece), data: piece };
      checksum.add(chunk.checksum);
      const bytes = encodeChunk(chunk);
      await file.write(bytes, position);
      position += bytes.length;
      dataBytes += piece.length;
      number += 1;
      unsyncedBytes += bytes.length;
      if (unsyncedBytes < SYNC_EVERY_BYTES) continue;
      unsyncedBytes = 0;
      await file.sync();
    }
    const header = { snapshot, dataBytes, chunkBytes, checksum: checksum.value };
    await file.write(encodeSnapshotHeader(header), 0);
    await file.sync();
    await file.close();
    return { dataBytes, fileBytes: position };
  } catch (error) {
    await file?.close().catch(() => undefined);
    await fileSystem.remove(path).catch(() => undefined);
    throw failed(path, error);
  }
}

/** Takes a whole, checked file over; false when a newer one is there. */
export type Adopt = (snapshot: SnapshotMetadata, fileBytes: number) => Promise<boolean>;

/** See {@link SnapshotWriter}. */
export class FileSnapshotWriter implements SnapshotWriter {
  readonly chunkCount: number;
  private readonly decoded: SnapshotHeader;
  private next = 0;
  private unsyncedBytes = 0;
  private isOpen = true;
  private isGone = false;

  private constructor(
    private readonly path: string,
    private readonly fileSystem: FileSystem,
    private readonly file: OpenFile,
    readonly header: Uint8Array,
    private readonly adopt: Adopt,
  ) {
    this.decoded = decodeSnapshotHeader(header);
    this.chunkCount = chunkCountOf(this.decoded);
  }

  /** Begins a file, or goes on behind the last good chunk of one that begins with the same header. @throws StorageError `snapshotFailed` */
  static async open(
    path: string,
    fileSystem: FileSystem,
    header: Uint8Array,
    adopt: Adopt,
  ): Promise<FileSnapshotWriter> {
    let file: OpenFile | undefined;
    try {
      file = await fileSystem.open(path);
      const writer = new FileSnapshotWriter(path, fileSystem, file, header, adopt);
      if (await isHeaderOf(file, header)) await writer.findNext();
      else {
        await file.truncate(0);
        await file.write(header, 0);
      }
      return writer;
    } catch (error) {
      await file?.close().catch(() => undefined);
      await fileSystem.remove(path).catch(() => undefined);
      throw failed(path, error);
    }
  }

  get nextChunk(): number {
    return this.next;
  }

  /** How long the file is. */
  get bytes(): number {
    if (this.isGone) return 0;
    return chunkPosition(this.header.length, this.decoded, this.next);
  }

  async write(number: number, chunk: ChunkOfSnapshot): Promise<void> {
    checkChunk(this.decoded, this.next, number, chunk);
    try {
      const bytes = encodeChunk(chunk);
      await this.file.write(bytes, this.bytes);
      this.next += 1;
      this.unsyncedBytes += bytes.length;
      if (this.unsyncedBytes < SYNC_EVERY_BYTES) return;
      this.unsyncedBytes = 0;
      await this.file.sync();
    } catch (error) {
      throw failed(this.path, error);
    }
  }

  async finish(): Promise<Snapshot | undefined> {
    try {
      await this.file.sync();
      const whole = await readWholeSnapshot(this.file, this.header);
      const isNewest = await this.adopt(whole.snapshot, this.bytes);
      await this.close();
      return isNewest ? whole : undefined;
    } catch (error) {
      await this.discard();
      throw failed(this.path, error);
    }
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.close();
  }

  async discard(): Promise<void> {
    this.isGone = true;
    await this.close().catch(() => undefined);
    await this.fileSystem.remove(this.path).catch(() => undefined);
  }

  private async findNext(): Promise<void> {
    try {
      while (this.next < this.chunkCount) {
        await readChunkOf(this.file, this.header.length, this.decoded, this.next);
        this.next += 1;
      }
    } catch (error) {
      // As far as it is good: what follows comes again.
      if (!(error instanceof DecodeError)) throw error;
    }
  }
}

async function isHeaderOf(file: OpenFile, header: Uint8Array): Promise<boolean> {
  try {
    return (await readSnapshotHeader(file))?.equals(header) === true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
