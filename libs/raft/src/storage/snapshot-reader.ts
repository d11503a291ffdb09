import { DecodeError } from '../state-machine/binary-reader';
import { StorageError } from '../errors';
import type { FileSystem, OpenFile } from './file-system';
import {
  chunkChecksum,
  chunkCountOf,
  chunkSizeOf,
  CHUNK_HEADER_BYTES,
  decodeSnapshotHeader,
  HEADER_START_BYTES,
  type Snapshot,
  SnapshotChecksum,
  type SnapshotHeader,
  snapshotHeaderBytes,
} from './snapshot-file';
import type { ChunkOfSnapshot, SnapshotReader } from './storage';

/** Reads the header of an open snapshot file. Undefined for a file of a format that had no chunks. @throws DecodeError */
export async function readSnapshotHeader(file: OpenFile): Promise<Buffer | undefined> {
  const length = snapshotHeaderBytes(await file.read(0, HEADER_START_BYTES));
  if (length === undefined) return undefined;
  const header = await file.read(0, length);
  decodeSnapshotHeader(header);
  return header;
}

/** Where a chunk begins in its file. */
export function chunkPosition(
  headerBytes: number,
  { chunkBytes }: SnapshotHeader,
  number: number,
): number {
  return headerBytes + number * (CHUNK_HEADER_BYTES + chunkBytes);
}

/** Reads and checks one chunk. @throws DecodeError */
export async function readChunkOf(
  file: OpenFile,
  headerBytes: number,
  header: SnapshotHeader,
  number: number,
): Promise<ChunkOfSnapshot> {
  const size = chunkSizeOf(header, number);
  const position = chunkPosition(headerBytes, header, number);
  const bytes = await file.read(position, CHUNK_HEADER_BYTES + size);
  if (bytes.length < CHUNK_HEADER_BYTES + size) {
    throw new DecodeError(`the snapshot ends within chunk ${number}`);
  }
  const checksum = bytes.readUInt32LE(0);
  const data = bytes.subarray(CHUNK_HEADER_BYTES);
  if (chunkChecksum(number, data) !== checksum) {
    throw new DecodeError(`the checksum of a snapshot’s chunk ${number} is wrong`);
  }
  return { checksum, data };
}

/**
 * Reads a whole snapshot and checks it, chunk by chunk into its place: nothing of it is in memory twice.
 *
 * @throws DecodeError
 */
export async function readWholeSnapshot(file: OpenFile, encoded: Uint8Array): Promise<Snapshot> {
  const header = decodeSnapshotHeader(encoded);
  const checksum = new SnapshotChecksum();
  const count = chunkCountOf(header);
  const last = count - 1;
  // Before memory is taken for it: the file must be as long as it says.
  const end = chunkPosition(encoded.length, header, last) + CHUNK_HEADER_BYTES;
  if ((await file.size()) !== end + chunkSizeOf(header, last)) {
    throw new DecodeError('the length of a snapshot is wrong');
  }
  const data = Buffer.allocUnsafeSlow(header.dataBytes);
  for (let number = 0; number < count; number += 1) {
    const chunk = await readChunkOf(file, encoded.length, header, number);
    data.set(chunk.data, number * header.chunkBytes);
    checksum.add(chunk.checksum);
  }
  if (checksum.value !== header.checksum) {
    throw new DecodeError('the checksum of a snapshot is wrong');
  }
  return { snapshot: header.snapshot, data };
}

/** Reads the chunks of one file, which stays open: its name may go meanwhile. */
export class FileSnapshotReader implements SnapshotReader {
  readonly chunkCount: number;
  private readonly decoded: SnapshotHeader;
  private isOpen = true;

  private constructor(
    private readonly path: string,
    private readonly file: OpenFile,
    readonly header: Uint8Array,
    private readonly onClose: () => Promise<void>,
  ) {
    this.decoded = decodeSnapshotHeader(header);
    this.chunkCount = chunkCountOf(this.decoded);
  }

  /** @throws DecodeError when there is no whole header. */
  static async open(
    path: string,
    fileSystem: FileSystem,
    onClose: () => Promise<void>,
  ): Promise<FileSnapshotReader> {
    const file = await fileSystem.open(path);
    try {
      const header = await readSnapshotHeader(file);
      if (header === undefined) throw new DecodeError('a snapshot without chunks');
      return new FileSnapshotReader(path, file, header, onClose);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async readChunk(number: number): Promise<ChunkOfSnapshot> {
    if (!this.isOpen) {
      throw new StorageError('snapshotFailed', 'this snapshot is not kept any longer', {
        file: this.path,
        remedy: 'The newest one is to be sent instead',
      });
    }
    try {
      return await readChunkOf(this.file, this.header.length, this.decoded, number);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new StorageError('damaged', error.message, {
        file: this.path,
        remedy: 'Take a new snapshot, and check the disk',
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.close();
    await this.onClose();
  }
}
