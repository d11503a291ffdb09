import { randomUUID } from 'node:crypto';
import * as path from 'node:path';
import type { Entry, HardState, LogIndex, Persist, ServerId, SnapshotMetadata } from '../core';
import { StorageError } from '../errors';
import { acquireDirectoryLock } from './directory-lock';
import { type FileSystem, nodeFileSystem, replaceFile } from './file-system';
import { decodeMeta, encodeMeta, type Meta, META_FORMAT_VERSION, META_FILE } from './meta-file';
import type { Snapshot } from './snapshot-file';
import { SnapshotStore } from './snapshot-store';
import type {
  Recovered,
  SnapshotData,
  SnapshotReader,
  SnapshotWriter,
  Storage,
  StorageUsage,
} from './storage';
import type { LogReset } from './wal/frame';
import { type AppendCost, WriteAheadLog } from './wal/wal';
import type { RecoveredLog, TailPosition } from './wal/recovery';

const MEBIBYTE = 1024 * 1024;
/** See {@link FileStorageOptions.snapshotChunkBytes}. */
export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;

export interface FileStorageOptions {
  /** Created when missing. Holds LOCK, meta, wal/ and snapshots/. */
  readonly directory: string;
  readonly nodeId: ServerId;
  readonly clusterId: string;
  /** A segment is closed before it grows beyond this. @default 8 MiB */
  readonly segmentBytes?: number;
  /** How much of a snapshot is written, and sent, in one piece: 1 byte to 16 MiB. @default 256 KiB */
  readonly snapshotChunkBytes?: number;
  /** @default the operating system's */
  readonly fileSystem?: FileSystem;
  /** Yields the function that gives the lock back. @default {@link acquireDirectoryLock} */
  readonly acquireLock?: (directory: string) => () => void;
  /** Names a data directory that is used for the first time. @default a random UUID */
  readonly drawIncarnationId?: () => string;
  /** Called after every durable batch. @default nothing */
  readonly onAppend?: (cost: AppendCost & { readonly entries: number }) => void;
}

/**
 * A replica's data directory.
 *
 * Order that makes a crash harmless at every point: a snapshot's file is durable before the log says that it continues from there, and the
 * log's segments go only after that. Found on opening: a snapshot that is newer than the log wins over it.
 */
export class FileStorage implements Storage {
  private readonly fileSystem: FileSystem;
  private readonly wal: WriteAheadLog;
  private readonly snapshots: SnapshotStore;
  private readonly metaFile: string;
  private meta: Meta | undefined;
  private metaWrites: Promise<void> = Promise.resolve();
  private releaseLock: (() => void) | undefined;
  /** What is on disk; a commit index that alone has changed is not worth a sync, it goes with the next batch. */
  private durable: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };
  /** Set when the snapshot is ahead of the log: goes with the next batch. */
  private pendingReset: LogReset | undefined;
  private opened: Snapshot | undefined;

  constructor(private readonly options: FileStorageOptions) {
    this.fileSystem = options.fileSystem ?? nodeFileSystem;
    const segmentBytes = options.segmentBytes ?? 8 * MEBIBYTE;
    this.wal = new WriteAheadLog(
      path.join(options.directory, 'wal'),
      this.fileSystem,
      segmentBytes,
    );
    this.snapshots = new SnapshotStore(
      path.join(options.directory, 'snapshots'),
      this.fileSystem,
      options.snapshotChunkBytes ?? SNAPSHOT_CHUNK_BYTES,
    );
    this.metaFile = path.join(options.directory, META_FILE);
  }

  async open(): Promise<Recovered> {
    const { directory } = this.options;
    await this.fileSystem.makeDirectory(directory);
    this.releaseLock = (this.options.acquireLock ?? acquireDirectoryLock)(directory);
    try {
      return await this.recover();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async persist(batch: Persist): Promise<void> {
    const { hardState, entries, snapshot } = batch;
    const reset =
      snapshot === undefined
        ? this.pendingReset
        : { index: snapshot.lastIncludedIndex, term: snapshot.lastIncludedTerm };
    const vote =
      hardState !== undefined &&
      (hardState.currentTerm !== this.durable.currentTerm ||
        hardState.votedFor !== this.durable.votedFor);
    if (!vote && entries.length === 0 && snapshot === undefined) return;
    const cost = await this.wal.append({ hardState, entries, reset });
    this.pendingReset = undefined;
    this.durable = hardState ?? this.durable;
    if (this.meta?.written === false) await this.noteFirstBatch();
    this.options.onAppend?.({ ...cost, entries: entries.length });
  }

  /**
   * From now on the directory is another one, as if it were a new disk's: whoever knew it refuses it. Used when a group is recovered from it.
   *
   * @param peerIncarnations replaces what was known of the peers.
   * @returns the new incarnation's id.
   */
  async beginIncarnation(peerIncarnations: ReadonlyMap<ServerId, string>): Promise<string> {
    const incarnationId = (this.options.drawIncarnationId ?? randomUUID)();
    await this.updateMeta({ incarnationId, peerIncarnations });
    return incarnationId;
  }

  async saveSnapshot(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number> {
    const bytes = await this.snapshots.save(snapshot, data);
    this.opened = undefined;
    return bytes;
  }

  async loadSnapshot(): Promise<Snapshot | undefined> {
    const opened = this.opened;
    this.opened = undefined;
    return opened ?? (await this.snapshots.load());
  }

  readSnapshot(): Promise<SnapshotReader | undefined> {
    return this.snapshots.read();
  }

  receiveSnapshot(header: Uint8Array): Promise<SnapshotWriter> {
    return this.snapshots.receive(header);
  }

  usage(): StorageUsage {
    return { ...this.snapshots.usage, ...this.wal.usage };
  }

  compact(upTo: LogIndex): Promise<void> {
    return this.wal.compact(upTo);
  }

  async rememberPeer(id: ServerId, incarnationId: string): Promise<void> {
    const meta = this.meta;
    if (meta === undefined) throw new StorageError('io', 'the data directory is not open');
    const peerIncarnations = new Map(meta.peerIncarnations).set(id, incarnationId);
    await this.updateMeta({ peerIncarnations });
  }

  async trustTail(): Promise<void> {
    if (this.meta?.suspectTail !== undefined) await this.updateMeta({ suspectTail: undefined });
  }

  async close(): Promise<void> {
    await this.metaWrites;
    await this.wal.close();
    this.releaseLock?.();
    this.releaseLock = undefined;
  }

  private async recover(): Promise<Recovered> {
    const meta = await this.openMeta();
    const snapshot = await this.snapshots.open();
    this.opened = snapshot;
    const isEmpty = ({ nextBatchNumber }: RecoveredLog): boolean =>
      nextBatchNumber === 1 && snapshot === undefined;
    const log = await this.wal.open(async (found) => {
      if (isEmpty(found) && meta.written) throw this.logIsGone();
      if (found.suspectTail !== undefined) await this.noteSuspectTail(found.suspectTail);
    });
    this.durable = log.hardState ?? this.durable;
    // A process that ended between its first batch and the note of it: this one will speak for that batch.
    if (!meta.written && !isEmpty(log)) await this.noteFirstBatch();
    return {
      hardState: this.durable,
      entries: this.reconcile(log, snapshot?.snapshot),
      snapshot: snapshot?.snapshot,
      incarnationId: meta.incarnationId,
      peerIncarnations: meta.peerIncarnations,
      empty: isEmpty(log),
      suspectTail: this.meta?.suspectTail,
    };
  }

  private logIsGone(): StorageError {
    return new StorageError(
      'damaged',
      'this node has taken part in its group, but its log is gone',
      {
        file: path.join(this.options.directory, 'wal'),
        remedy:
          'Restore the directory from a copy, or replace this node by a new one under a new id while a majority of the others is healthy',
      },
    );
  }

  /** Durably, before the log is cut: a crash right after it must not find a log that looks whole. */
  private async noteSuspectTail({ name, offset }: TailPosition): Promise<void> {
    // Nothing is acknowledged before the first batch is noted.
    if (this.meta?.written !== true) return;
    const file = path.join(this.options.directory, 'wal', name);
    await this.updateMeta({ suspectTail: { file, offset } });
  }

  /** Which of the log's entries count beside the snapshot. */
  private reconcile(log: RecoveredLog, snapshot: SnapshotMetadata | undefined): readonly Entry[] {
    const first = log.entries[0];
    const base = snapshot?.lastIncludedIndex ?? 0;
    const needed = log.reset === undefined ? 0 : log.reset.index;
    if (base < needed || (first !== undefined && first.index > base + 1)) {
      throw new StorageError(
        'damaged',
        `the log begins after entry ${Math.max(needed, (first?.index ?? 1) - 1)} and the newest snapshot ends at ${base}`,
        {
          file: path.join(this.options.directory, 'snapshots'),
          remedy: 'A snapshot file is missing: restore the directory from a copy',
        },
      );
    }
    if (snapshot === undefined) return log.entries;
    const atBase = log.entries[base - (first?.index ?? 0)];
    const continues =
      first !== undefined &&
      (first.index === base + 1 || atBase?.term === snapshot.lastIncludedTerm);
    if (continues || (first === undefined && log.reset?.index === base)) return log.entries;
    // The crash came between the snapshot's file and the log's note of it.
    this.pendingReset = { index: base, term: snapshot.lastIncludedTerm };
    return [];
  }

  private async openMeta(): Promise<Meta> {
    const { directory, nodeId, clusterId } = this.options;
    const names = await this.fileSystem.list(directory);
    if (!names.includes(META_FILE)) {
      if (
        names.includes('wal') &&
        (await this.fileSystem.list(path.join(directory, 'wal'))).length > 0
      ) {
        throw new StorageError('damaged', 'the file that names this node is gone', {
          file: this.metaFile,
          remedy: 'Restore the directory from a copy',
        });
      }
      this.meta = {
        formatVersion: META_FORMAT_VERSION,
        nodeId,
        clusterId,
        incarnationId: (this.options.drawIncarnationId ?? randomUUID)(),
        written: false,
        peerIncarnations: new Map(),
      };
      await this.updateMeta({});
      await this.fileSystem.syncDirectory(path.dirname(directory));
      return this.meta;
    }
    // Its name, too, may not have reached the disk yet when a process was killed.
    await this.fileSystem.syncDirectory(directory);
    const meta = decodeMeta(this.metaFile, await this.fileSystem.read(this.metaFile));
    if (meta.nodeId !== nodeId || meta.clusterId !== clusterId) {
      throw new StorageError(
        'foreign',
        `this data directory belongs to node ${meta.nodeId} of cluster "${meta.clusterId}", not to node ${nodeId} of "${clusterId}"`,
        { file: this.metaFile, remedy: 'Check the node id, the cluster id and the data directory' },
      );
    }
    this.meta = meta;
    return meta;
  }

  /** Before the first batch is acknowledged, so that a log that vanishes later is never taken for a new node's. */
  private async noteFirstBatch(): Promise<void> {
    try {
      await this.updateMeta({ written: true });
    } catch (error) {
      throw new StorageError('io', 'writing the file that names this node failed', {
        file: this.metaFile,
        remedy: 'The process must stop; check the disk and its free space',
        cause: error,
      });
    }
  }

  /** Changes are made one after the other, each as a whole new file. */
  private updateMeta(change: Partial<Meta>): Promise<void> {
    this.meta = { ...(this.meta as Meta), ...change };
    const contents = encodeMeta(this.meta);
    const write = this.metaWrites.then(() =>
      replaceFile(this.fileSystem, this.metaFile, [contents]),
    );
    this.metaWrites = write.catch(() => undefined);
    return write;
  }
}
