import type { Storage } from '@raftway/raft';
import type { Input, Message, Raft, ServerId, SnapshotMetadata } from '@raftway/raft/core';
import type { Application, SnapshotFile } from './application';
import type { StoragePromises } from './promises';
import { SafetyViolation } from './violation';
import { describeMessage } from './world';
import type { World } from './world';

/** What one process's snapshots need of the rest of it. */
export interface SnapshotHost {
  readonly id: ServerId;
  readonly world: World;
  readonly promises: StoragePromises;
  readonly raft: Raft;
  readonly application: Application;
  readonly storage: Storage;
  /** False once the process has ended. */
  readonly isAlive: () => boolean;
  readonly step: (input: Input) => void;
}

/** Takes, sends, receives and restores the snapshots of one simulated process, as libs/raft/src/node/snapshots.ts does. */
export class ServerSnapshots {
  /** Who is sending us a snapshot: their links break when we crash. */
  readonly senders: ServerId[] = [];
  private lastIndex: number;

  constructor(
    private readonly host: SnapshotHost,
    /** The newest one on disk. */
    private newest: SnapshotFile | undefined,
  ) {
    this.lastIndex = host.application.appliedIndex;
  }

  /** The file reaches the disk before the core hears of it. */
  receive(from: ServerId, term: number, snapshot: SnapshotMetadata, data: Uint8Array): void {
    const { id, world, step } = this.host;
    this.save({ snapshot, data }, (saved) => {
      this.senders.splice(this.senders.indexOf(from), 1);
      if (!saved) {
        world.network.snapshotFailed(from, id);
        return;
      }
      const message: Message = { type: 'installSnapshot', from, to: id, term, snapshot };
      world.trace(() => `server ${id} gets ${describeMessage(message)}`);
      step({ type: 'message', message });
    });
  }

  /** The core wants a received snapshot to replace the state machine's state. */
  restore(snapshot: SnapshotMetadata): void {
    const { id, world, application } = this.host;
    const file = this.newest;
    if (file === undefined || file.snapshot.lastIncludedIndex < snapshot.lastIncludedIndex) {
      throw new SafetyViolation(
        `server ${id} has no file of snapshot ${snapshot.lastIncludedIndex}`,
      );
    }
    // A newer one may have come already: the list is then ahead of the core, and skips entries until the core has caught up.
    const index = file.snapshot.lastIncludedIndex;
    world.coverage.snapshotsInstalled += 1;
    world.trace(() => `server ${id} restores snapshot ${index}`);
    application.restore(file);
    this.lastIndex = index;
  }

  maybeTake(): void {
    const { world, raft, application, storage, step } = this.host;
    const { timing, coverage } = world;
    const index = raft.appliedIndex;
    // The list must be exactly as old as the index that the snapshot names.
    if (index !== application.appliedIndex || index - this.lastIndex < timing.snapshotEvery) return;
    const entry = raft.entryAt(index);
    const configuration = raft.configurationAt(index);
    if (entry === undefined || configuration === undefined) return;
    const snapshot: SnapshotMetadata = {
      lastIncludedIndex: index,
      lastIncludedTerm: entry.term,
      stampMs: entry.stampMs,
      configuration,
    };
    const data = application.machine.snapshot();
    this.lastIndex = index;
    this.save({ snapshot, data }, (saved) => {
      if (!saved) return;
      coverage.snapshotsTaken += 1;
      const compactTo = Math.max(0, index - timing.keepBehindSnapshot);
      step({ type: 'snapshotTaken', snapshot, compactTo });
      storage.compact(raft.firstIndex - 1).catch(() => undefined);
    });
  }

  send(to: ServerId): void {
    const { id, world, raft } = this.host;
    if (this.newest === undefined)
      throw new SafetyViolation(`leader ${id} has no snapshot to send`);
    world.network.sendSnapshot(id, to, raft.term, this.newest.snapshot, this.newest.data);
  }

  private save(file: SnapshotFile, done: (saved: boolean) => void): void {
    const { world, promises, storage, isAlive } = this.host;
    const { snapshot, data } = file;
    const finish = (saved: boolean): void =>
      world.guard(() => {
        if (!isAlive()) return;
        const index = snapshot.lastIncludedIndex;
        if (saved && index > (this.newest?.snapshot.lastIncludedIndex ?? 0)) {
          this.newest = file;
          promises.snapshotSaved(index);
        }
        done(saved);
      });
    storage.saveSnapshot(snapshot, data).then(
      () => finish(true),
      () => finish(false),
    );
  }
}
