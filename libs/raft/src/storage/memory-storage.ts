import type { Entry, HardState, LogIndex, Persist, ServerId, SnapshotMetadata } from '../core';
import type { Snapshot } from './snapshot-file';
import type { Recovered, Storage } from './storage';

/**
 * The storage port in memory, for tests and for groups whose state may be lost. It survives {@link MemoryStorage.close}, as a disk does:
 * open it again to restart a replica.
 */
export class MemoryStorage implements Storage {
  private hardState: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };
  private entries: Entry[] = [];
  private snapshot: Snapshot | undefined;
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

  saveSnapshot(snapshot: SnapshotMetadata, data: Uint8Array): Promise<void> {
    if (snapshot.lastIncludedIndex > (this.snapshot?.snapshot.lastIncludedIndex ?? 0)) {
      this.snapshot = { snapshot, data: Uint8Array.from(data) };
    }
    return Promise.resolve();
  }

  loadSnapshot(): Promise<Snapshot | undefined> {
    return Promise.resolve(this.snapshot);
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
