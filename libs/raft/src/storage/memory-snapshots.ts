import { DecodeError } from '../state-machine/binary-reader';
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
import type { ChunkOfSnapshot, SnapshotReader, SnapshotWriter } from './storage';

const CHUNK_BYTES = 256 * 1024;

/** The chunks of a snapshot that is in memory. */
export function memorySnapshotReader(
  { snapshot, data }: Snapshot,
  chunkBytes = CHUNK_BYTES,
): SnapshotReader {
  const blank = { snapshot, dataBytes: data.length, chunkBytes, checksum: 0 };
  const checksum = new SnapshotChecksum();
  const chunks: ChunkOfSnapshot[] = [];
  for (let number = 0; number < chunkCountOf(blank); number += 1) {
    const piece = data.subarray(number * chunkBytes, (number + 1) * chunkBytes);
    const chunk = { checksum: chunkChecksum(number, piece), data: piece };
    checksum.add(chunk.checksum);
    chunks.push(chunk);
  }
  return {
    header: encodeSnapshotHeader({ ...blank, checksum: checksum.value }),
    chunkCount: chunks.length,
    readChunk: (number) => Promise.resolve(chunks[number] as ChunkOfSnapshot),
    close: () => Promise.resolve(),
  };
}

/** Gathers the chunks of a snapshot in memory. */
export class MemorySnapshotWriter implements SnapshotWriter {
  readonly chunkCount: number;
  private readonly decoded: SnapshotHeader;
  private chunks: ChunkOfSnapshot[] = [];

  constructor(
    readonly header: Uint8Array,
    private readonly adopt: (snapshot: Snapshot) => boolean,
  ) {
    this.decoded = decodeSnapshotHeader(header);
    this.chunkCount = chunkCountOf(this.decoded);
  }

  get nextChunk(): number {
    return this.chunks.length;
  }

  write(number: number, { checksum, data }: ChunkOfSnapshot): Promise<void> {
    return new Promise((resolve) => {
      checkChunk(this.decoded, this.nextChunk, number, { checksum, data });
      this.chunks.push({ checksum, data: Uint8Array.from(data) });
      resolve();
    });
  }

  async finish(): Promise<Snapshot | undefined> {
    const checksum = new SnapshotChecksum();
    for (const chunk of this.chunks) checksum.add(chunk.checksum);
    const data = Buffer.concat(this.chunks.map((chunk) => chunk.data));
    await this.discard();
    if (checksum.value !== this.decoded.checksum) {
      throw new DecodeError('the checksum of a snapshot is wrong');
    }
    const whole = { snapshot: this.decoded.snapshot, data };
    return this.adopt(whole) ? whole : undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  discard(): Promise<void> {
    this.chunks = [];
    return Promise.resolve();
  }
}
