import { FileStorage } from '@raftway/raft';
import type { ServerId } from '@raftway/raft/core';
import type { SeededRandom } from '../random';
import { SimulatedFileSystem } from './file-system';
import type { FileSystemWorld } from './file-system';
import { ProcessFiles } from './process-files';
import { StoragePromises } from './promises';

const DIRECTORY = '/data';
/** See the formats in libs/raft/src/storage/wal: where batches begin in a segment, and how one begins. */
const SEGMENT_HEADER_BYTES = 48;
const FRAME_HEADER_BYTES = 24;
const FRAME_MAGIC = 0x31465752;

/** One server's disk: simulated files with the real storage on them, and what that storage has promised. */
export class SimulatedDisk {
  readonly files: SimulatedFileSystem;
  readonly promises: StoragePromises;
  /** A batch that was acknowledged has rotted, and the server has not made up for it yet. */
  isRotten = false;
  private readonly segmentBytes: number;
  private readonly snapshotChunkBytes: number;

  constructor(
    private readonly id: ServerId,
    private readonly random: SeededRandom,
    world: FileSystemWorld,
  ) {
    this.files = new SimulatedFileSystem(world);
    this.promises = new StoragePromises(id);
    this.segmentBytes = random.pick([250, 600, 2000, 20_000]);
    this.snapshotChunkBytes = random.pick([150, 400, 1500]);
  }

  /** The data directory, as a process that has just started sees it. */
  openStorage(): FileStorage {
    return new FileStorage({
      directory: DIRECTORY,
      nodeId: this.id,
      clusterId: 'simulated',
      segmentBytes: this.segmentBytes,
      snapshotChunkBytes: this.snapshotChunkBytes,
      fileSystem: new ProcessFiles(this.files),
      acquireLock: () => () => undefined,
      drawIncarnationId: () => `incarnation-${this.id}`,
    });
  }

  /** One bit of the last whole batch of the log changes. @returns false when there is none. */
  rotLastBatch(): boolean {
    const segment = this.segments().at(-1);
    if (segment === undefined) return false;
    const last = this.batches(segment).at(-1);
    // A node whose only batch is gone has no log at all, and rightly refuses to start.
    if (last === undefined || segment.includes('/0000000001-')) {
      if (last === undefined || last.from === SEGMENT_HEADER_BYTES) return false;
    }
    const { from, to } = last;
    this.files.file(segment).flipBit(this.random.integer(from, to - 1), this.random.integer(0, 7));
    this.isRotten = true;
    return true;
  }

  /** One bit of a whole batch changes behind which there is another one. @returns what undoes it; undefined when there is none. */
  rotOlderBatch(random: SeededRandom): (() => void) | undefined {
    const all = this.segments().flatMap((segment) =>
      this.batches(segment).map((batch) => ({ ...batch, segment })),
    );
    if (all.length < 2) return undefined;
    const { segment, from, to } = all[random.integer(0, all.length - 2)] as (typeof all)[number];
    const file = this.files.file(segment);
    const offset = random.integer(from, to - 1);
    const bit = random.integer(0, 7);
    file.flipBit(offset, bit);
    return () => file.flipBit(offset, bit);
  }

  private segments(): string[] {
    return this.files.namesIn(`${DIRECTORY}/wal`).filter((name) => name.endsWith('.wal'));
  }

  /** Where a segment's whole batches are. */
  private batches(segment: string): { readonly from: number; readonly to: number }[] {
    const bytes = this.files.file(segment).read();
    const found: { readonly from: number; readonly to: number }[] = [];
    for (let from = SEGMENT_HEADER_BYTES; from + FRAME_HEADER_BYTES <= bytes.length;) {
      if (bytes.readUInt32LE(from) !== FRAME_MAGIC) break;
      const to = from + FRAME_HEADER_BYTES + bytes.readUInt32LE(from + 4);
      if (to > bytes.length) break;
      found.push({ from, to });
      from = to;
    }
    return found;
  }
}
