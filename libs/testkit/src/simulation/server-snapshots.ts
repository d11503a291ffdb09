import { IncomingSnapshots } from '@raftway/raft';
import type { SnapshotReader, Storage } from '@raftway/raft';
import type { Input, Message, Raft, ServerId, SnapshotMetadata, Term } from '@raftway/raft/core';
import type { Application, SnapshotFile } from './application';
import type { StoragePromises } from './promises';
import { answerOf, SnapshotDelivery } from './snapshot-delivery';
import type { SnapshotAnswer, SnapshotFrame } from './snapshot-delivery';
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
  /** Its monotonic clock. */
  readonly clock: () => number;
  /** False once the process has ended. */
  readonly isAlive: () => boolean;
  readonly step: (input: Input) => void;
}

/** Takes, sends, receives and restores the snapshots of one simulated process, as libs/raft/src/node/snapshots.ts does, and with its parts. */
export class ServerSnapshots {
  private lastIndex: number;
  private isTaking = false;
  /** The newest one that has come. */
  private received: SnapshotFile | undefined;
  private readonly incoming: IncomingSnapshots;
  private readonly deliveries = new Map<ServerId, SnapshotDelivery>();

  constructor(private readonly host: SnapshotHost) {
    const { raft, storage, clock } = host;
    this.lastIndex = host.application.appliedIndex;
    this.incoming = new IncomingSnapshots({
      bytesMax: Infinity,
      storage,
      term: () => raft.term,
      commitIndex: () => raft.commitIndex,
      nowMs: clock,
      deliver: (from, term, snapshot, data) =>
        host.world.guard(() => this.deliver(from, term, snapshot, data)),
    });
  }

  /** A piece of a snapshot has come. */
  take(from: ServerId, frame: SnapshotFrame, answer: (answer: SnapshotAnswer) => void): void {
    const { world, isAlive } = this.host;
    world.settled();
    const taken =
      frame.type === 'offer'
        ? this.incoming.offer(from, frame.offer)
        : this.incoming.chunk(from, frame.chunk);
    taken.then(
      (nextChunk) => {
        if (isAlive()) answer(nextChunk);
      },
      (error: unknown) => {
        if (frame.type === 'chunk') world.coverage.chunksRefused += 1;
        world.trace(
          () => `server ${this.host.id} does not take the ${frame.type}: ${String(error)}`,
        );
        const refusal = answerOf(error);
        if (refusal !== undefined && isAlive()) answer(refusal);
      },
    );
  }

  /** The file is on disk before the core hears of it. */
  private deliver(
    from: ServerId,
    term: Term,
    snapshot: SnapshotMetadata,
    data: Uint8Array | undefined,
  ): void {
    const { id, world, promises, step, isAlive } = this.host;
    if (!isAlive()) return;
    if (data !== undefined) {
      const index = snapshot.lastIncludedIndex;
      promises.snapshotSaved(index);
      if (index > (this.received?.snapshot.lastIncludedIndex ?? 0)) {
        this.received = { snapshot, data };
      }
    }
    const message: Message = { type: 'installSnapshot', from, to: id, term, snapshot };
    world.trace(() => `server ${id} gets ${describeMessage(message)}`);
    step({ type: 'message', message });
  }

  /** The core wants a received snapshot to replace the state machine's state. */
  restore(snapshot: SnapshotMetadata): void {
    const { id, world, application } = this.host;
    const file = this.received;
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
    const { world, raft, application } = this.host;
    const index = raft.appliedIndex;
    // The list must be exactly as old as the index that the snapshot names.
    const isDue = index - this.lastIndex >= world.timing.snapshotEvery;
    if (index !== application.appliedIndex || !isDue || this.isTaking) return;
    const entry = raft.entryAt(index);
    const configuration = raft.configurationAt(index);
    if (entry === undefined || configuration === undefined) return;
    this.lastIndex = index;
    this.isTaking = true;
    this.save({
      lastIncludedIndex: index,
      lastIncludedTerm: entry.term,
      stampMs: entry.stampMs,
      configuration,
    });
  }

  /** Its slices are asked for while later entries are applied. */
  private save(snapshot: SnapshotMetadata): void {
    const { world, raft, application, storage, promises, isAlive, step } = this.host;
    const finish = (saved: boolean): void =>
      world.guard(() => {
        if (!isAlive()) return;
        this.isTaking = false;
        if (!saved) return;
        const index = snapshot.lastIncludedIndex;
        promises.snapshotSaved(index);
        world.coverage.snapshotsTaken += 1;
        const compactTo = Math.max(0, index - world.timing.keepBehindSnapshot);
        step({ type: 'snapshotTaken', snapshot, compactTo });
        storage.compact(raft.firstIndex - 1).catch(() => undefined);
      });
    world.settled();
    storage.saveSnapshot(snapshot, application.machine.snapshotSlices()).then(
      () => finish(true),
      () => finish(false),
    );
  }

  send(to: ServerId): void {
    const { id, world, raft, storage, isAlive } = this.host;
    const { term } = raft;
    const begin = (reader: SnapshotReader | undefined): void => {
      if (!isAlive()) return;
      if (reader === undefined) throw new SafetyViolation(`leader ${id} has no snapshot to send`);
      this.deliveries.get(to)?.abandon();
      const host = { id, world, isAlive };
      const delivery = new SnapshotDelivery(host, to, term, reader, (delivered) => {
        reader.close().catch(() => undefined);
        world.trace(() => `server ${id} ends a transfer to ${to}, ${delivered ?? 'replaced'}`);
        if (delivered === false) this.host.step({ type: 'snapshotTransferFailed', to });
      });
      this.deliveries.set(to, delivery);
      delivery.start();
    };
    world.settled();
    storage.readSnapshot().then(
      (reader) => world.guard(() => begin(reader)),
      () => {
        if (isAlive()) world.guard(() => this.host.step({ type: 'snapshotTransferFailed', to }));
      },
    );
  }
}
