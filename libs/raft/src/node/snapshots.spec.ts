import { command, eventually, KeyValue } from '../../test/support/key-value';
import type { SnapshotMetadata } from '../core';
import type { Raft } from '../core/raft';
import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import { silentLogger } from '../observer';
import { MemoryStorage } from '../storage/memory-storage';
import { MemoryNetwork } from '../transport/memory-network';
import type { Transport } from '../transport/transport';
import type { ApplyQueue } from './apply-queue';
import { createRaftNode } from './create-raft-node';
import { Snapshots } from './snapshots';

/** A disk whose snapshots are written when the spec says so. */
class SlowStorage extends MemoryStorage {
  readonly events: string[] = [];
  private readonly held: (() => void)[] = [];

  override async saveSnapshot(snapshot: SnapshotMetadata, data: Uint8Array): Promise<void> {
    this.events.push('saving');
    await new Promise<void>((resolve) => this.held.push(resolve));
    await super.saveSnapshot(snapshot, data);
    this.events.push('saved');
  }

  override close(): Promise<void> {
    this.events.push('closed');
    return super.close();
  }

  finish(): void {
    for (const proceed of this.held.splice(0)) proceed();
  }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('a replica that stops', () => {
  it('closes its storage when the snapshot that is being taken is on disk', async () => {
    const storage = new SlowStorage();
    const network = new MemoryNetwork();
    const node = createRaftNode({
      id: 1,
      clusterId: 'c',
      peers: [{ id: 1, address: 'memory:1' }],
      heartbeatIntervalMs: 10,
      electionTimeoutMs: 100,
      stateMachine: new KeyValue(),
      storage,
      transport: () => network.endpoint(1),
    });
    await node.start();
    await node.propose(command('set a 1'));
    const taken = node.takeSnapshot();
    await eventually('it is being written', () => storage.events.includes('saving'));

    const stopped = node.stop();
    await eventually('the replica has stopped', () => !node.isReady());
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    expect(storage.events).toEqual(['saving']);
    storage.finish();
    await Promise.all([taken, stopped]);

    expect(storage.events).toEqual(['saving', 'saved', 'closed']);
  });
});

describe('a received snapshot', () => {
  function snapshotOf(index: number): SnapshotMetadata {
    return {
      lastIncludedIndex: index,
      lastIncludedTerm: 1,
      stampMs: 0,
      configuration: { clusterId: 'c', members: [] },
    };
  }

  /** Snapshots of a replica that has applied nothing; notes what its state was replaced with. */
  function receiver(storage = new MemoryStorage()) {
    const restored: string[] = [];
    const applyQueue = {
      position: { index: 0 },
      restore: (_: SnapshotMetadata, data: Uint8Array) =>
        restored.push(Buffer.from(data).toString()),
    };
    const snapshots = new Snapshots<string>(
      {
        snapshotEntries: 1,
        snapshotBytes: 1,
        snapshotTrailingEntries: 0,
        logger: silentLogger,
        observer: {},
      },
      { commitIndex: 0 } as Raft,
      storage,
      {} as Transport,
      {} as DeduplicatedStateMachine<string>,
      applyQueue as unknown as ApplyQueue<string>,
      () => undefined,
    );
    return { snapshots, restored };
  }

  it('is installed when the core wants it, also while another one is being written', async () => {
    const storage = new SlowStorage();
    const { snapshots, restored } = receiver(storage);
    const offers = [7, 9].map((index) => {
      const snapshot = snapshotOf(index);
      const data = Buffer.from(`state at ${index}`);
      return snapshots.receive(snapshot, data, () => snapshots.install(snapshot));
    });

    storage.finish();
    await Promise.all(offers);

    expect(restored).toEqual(['state at 7', 'state at 9']);
  });

  it('is not kept in memory when the core has no use for it', async () => {
    const { snapshots } = receiver();

    await snapshots.receive(snapshotOf(7), Buffer.from('state'), () => undefined);

    expect(() => snapshots.install(snapshotOf(7))).toThrow('is not here');
  });
});
