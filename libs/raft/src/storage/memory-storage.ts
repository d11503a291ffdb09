import type { Entry, HardState, LogIndex, Persist, ServerId, SnapshotMetadata } from '../core';
import { MemorySnapshotWriter, memorySnapshotReader } from './memory-snapshots';
import type { Snapshot } from './snapshot-file';
import type {
  Recovered,
  SnapshotData,
  SnapshotReader,
  SnapshotWriter,
  Storage,
  StorageUsage,
} from './storage';

/**
 * The storage port in memory, for tests and for groups whose state may be lost. It survives {@link MemoryStorage.close}, as a disk does:
 * open it again to restart a replica.
 */
export class MemoryStorage implements Storage {
  private hardState: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };
  private entries: Entry[] = [];
  private snapshot: Snapshot | undefined;
  private incoming: MemorySnapshotWriter | undefined;
  private empty = true;
  private readonly peers = new Map<ServerId, string>();

  constructor(private readonly incarnationId = 'memory') {}

  open(): Promise<Recovered> {
    return Promise.resolve({
      hardState: this.hardState,
      entries: [...this.entries],
      snapshot: this.snapshot?.snapshot,
      incarnationId: this.incarnationId,
      peerIncarnations: new Map(this.peers),
      empty: this.empty,
    });
  }

  persist({ hardState, entries, snapshot }: Persist): Promise<void> {
    this.empty = false;
    this.hardState = hardState ?? this.hardState;
    if (snapshot !== undefined) this.entries = [];
    const first = entries[0];
    const logFirst = this.entries[0]?.index;
    if (first !== undefined && logFirst !== undefined) {
      this.entries.length = Math.max(0, first.index - logFirst);
    }
    for (const entry of entries) this.entries.push(entry);
    return Promise.resolve();
  }

  async saveSnapshot(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number> {
    const pieces: Uint8Array[] = [];
    for await (const piece of data instanceof Uint8Array ? [data] : data) {
      pieces.push(Uint8Array.from(piece));
    }
    const whole = Buffer.concat(pieces);
    this.adopt({ snapshot, data: whole });
    return whole.length;
  }

  loadSnapshot(): Promise<Snapshot | undefined> {
    return Promise.resolve(this.snapshot);
  }

  readSnapshot(): Promise<SnapshotReader | undefined> {
    const { snapshot } = this;
    return Promise.resolve(snapshot === undefined ? undefined : memorySnapshotReader(snapshot));
  }

  /** What has come before the writer is closed stays with it, as on a disk. */
  receiveSnapshot(header: Uint8Array): Promise<SnapshotWriter> {
    if (this.incoming === undefined || Buffer.compare(this.incoming.header, header) !== 0) {
      this.incoming = new MemorySnapshotWriter(header, (snapshot) => this.adopt(snapshot));
    }
    return Promise.resolve(this.incoming);
  }

  usage(): StorageUsage {
    const snapshotBytes = this.snapshot?.data.length ?? 0;
    const snapshots = this.snapshot === undefined ? 0 : 1;
    return { snapshots, snapshotBytes, incomingBytes: 0, segments: 0, segmentBytes: 0 };
  }

  private adopt(snapshot: Snapshot): boolean {
    const before = this.snapshot?.snapshot.lastIncludedIndex ?? 0;
    this.incoming = undefined;
    if (snapshot.snapshot.lastIncludedIndex <= before) return false;
    this.snapshot = snapshot;
    return true;
  }

  compact(upTo: LogIndex): Promise<void> {
    const keepFrom = this.entries.findIndex((entry) => entry.index > upTo);
    this.entries = keepFrom === -1 ? [] : this.entries.slice(keepFrom);
    return Promise.resolve();
  }

  rememberPeer(id: ServerId, incarnationId: string): Promise<void> {
    this.peers.set(id, incarnationId);
    return Promise.resolve();
  }

  trustTail(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
