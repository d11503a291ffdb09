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

  constructor(
    private readonly id: ServerId,
    private readonly random: SeededRandom,
    world: FileSystemWorld,
  ) {
    this.files = new SimulatedFileSystem(world);
    this.promises = new StoragePromises(id);
    this.segmentBytes = random.pick([600, 2000, 20_000]);
  }

  /** The data directory, as a process that has just started sees it. */
  openStorage(): FileStorage {
    return new FileStorage({
      directory: DIRECTORY,
      nodeId: this.id,
      clusterId: 'simulated',
      segmentBytes: this.segmentBytes,
      fileSystem: new ProcessFiles(this.files),
      acquireLock: () => () => undefined,
      drawIncarnationId: () => `incarnation-${this.id}`,
    });
  }

  /** One bit of the last whole batch of the log changes. @returns false when there is none. */
  rotLastBatch(): boolean {
    const segment = this.files
      .namesIn(`${DIRECTORY}/wal`)
      .findLast((name) => name.endsWith('.wal'));
    if (segment === undefined) return false;
    const file = this.files.file(segment);
    const bytes = file.read();
    let last: { readonly from: number; readonly to: number } | undefined;
    for (let from = SEGMENT_HEADER_BYTES; from + FRAME_HEADER_BYTES <= bytes.length;) {
      if (bytes.readUInt32LE(from) !== FRAME_MAGIC) break;
      const to = from + FRAME_HEADER_BYTES + bytes.readUInt32LE(from + 4);
      if (to > bytes.length) break;
      last = { from, to };
      from = to;
    }
    // A node whose only batch is gone has no log at all, and rightly refuses to start.
    if (last === undefined || segment.includes('/0000000001-')) {
      if (last === undefined || last.from === SEGMENT_HEADER_BYTES) return false;
    }
    file.flipBit(this.random.integer(last.from, last.to - 1), this.random.integer(0, 7));
    this.isRotten = true;
    return true;
  }
}
