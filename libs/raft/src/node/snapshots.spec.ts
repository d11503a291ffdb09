import { command, eventually, KeyValue } from '../../test/support/key-value';
import { readerOf, snapshotOf, stateOf } from '../../test/support/snapshots';
import type { SnapshotMetadata } from '../core';
import type { Raft } from '../core/raft';
import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import { silentLogger } from '../observer';
import { MemoryStorage } from '../storage/memory-storage';
import type { SnapshotData } from '../storage/storage';
import { SnapshotTransfer } from '../transport/snapshot-transfer';
import { MemoryNetwork } from '../transport/memory-network';
import type { Transport } from '../transport/transport';
import type { ApplyQueue } from './apply-queue';
import { createRaftNode } from './create-raft-node';
import { createMemoryCluster, type MemoryCluster } from './memory-cluster';
import { Snapshots } from './snapshots';

/** A disk whose snapshots are written when the spec says so. */
class SlowStorage extends MemoryStorage {
  readonly events: string[] = [];
  private readonly held: (() => void)[] = [];

  override async saveSnapshot(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number> {
    this.events.push('saving');
    await new Promise<void>((resolve) => this.held.push(resolve));
    const bytes = await super.saveSnapshot(snapshot, data);
    this.events.push('saved');
    return bytes;
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

describe('a replica that has applied nothing since its newest snapshot', () => {
  it('does not take its state down again', async () => {
    let takenDown = 0;
    class Counting extends KeyValue {
      override snapshot(): Uint8Array {
        takenDown += 1;
        return super.snapshot();
      }
    }
    const network = new MemoryNetwork();
    const node = createRaftNode({
      id: 1,
      clusterId: 'c',
      peers: [{ id: 1, address: 'memory:1' }],
      heartbeatIntervalMs: 10,
      electionTimeoutMs: 100,
      stateMachine: new Counting(),
      storage: new MemoryStorage(),
      transport: () => network.endpoint(1),
    });
    await node.start();
    await node.propose(command('set a 1'));

    const first = await node.takeSnapshot();
    const second = await node.takeSnapshot();
    await node.stop();

    expect(second).toEqual(first);
    expect(takenDown).toBe(1);
  });
});

describe('a received snapshot', () => {
  /** Snapshots of a replica that has applied nothing; notes what its state was replaced with. */
  function receiver({ wants }: { readonly wants: boolean }) {
    const restored: string[] = [];
    const applyQueue = {
      position: { index: 0 },
      restore: (_: SnapshotMetadata, data: Uint8Array) =>
        restored.push(Buffer.from(data).toString('latin1')),
    };
    const snapshots: Snapshots<string> = new Snapshots<string>(
      {
        snapshotEntries: 1,
        snapshotBytes: 1,
        snapshotTrailingEntries: 0,
        snapshotTrailingBytes: 1000,
        snapshotBytesMax: 1000,
        snapshotTransferTimeoutMs: 1000,
        logger: silentLogger,
        observer: {},
      },
      { commitIndex: 0, term: 1 } as Raft,
      new MemoryStorage(),
      {} as Transport,
      {} as DeduplicatedStateMachine<string>,
      applyQueue as unknown as ApplyQueue<string>,
      () => undefined,
      (_from, _term, snapshot) => {
        if (wants) snapshots.install(snapshot);
      },
    );
    async function send(index: number): Promise<void> {
      const transfer = new SnapshotTransfer(1, readerOf(index));
      transfer.begin(await snapshots.incoming.offer(1, transfer.offer()));
      for (let chunk = await transfer.next(); chunk !== undefined; chunk = await transfer.next()) {
        transfer.acknowledge(await snapshots.incoming.chunk(1, chunk));
      }
    }
    return { snapshots, restored, send };
  }

  it('is installed when the core wants it, one after the other', async () => {
    const { restored, send } = receiver({ wants: true });

    await send(7);
    await send(9);

    expect(restored).toEqual([7, 9].map((index) => stateOf(index).toString('latin1')));
  });

  it('is not kept in memory when the core has no use for it', async () => {
    const { snapshots, send } = receiver({ wants: false });

    await send(7);

    expect(() => snapshots.install(snapshotOf(7))).toThrow('is not here');
  });
});

describe('a replica with a large state', () => {
  let cluster: MemoryCluster<string>;

  afterEach(() => cluster.stop());

  it('leads on, and takes commands, while it writes its snapshot', async () => {
    const timing = { heartbeatIntervalMs: 20, electionTimeoutMs: 400 };
    cluster = await createMemoryCluster(3, () => new LargeState(), timing);
    const leader = await cluster.leader();
    const { term } = leader.status();
    let isTaken = false;
    const taken = leader.takeSnapshot().finally(() => (isTaken = true));

    let answered = 0;
    while (!isTaken) {
      await leader.propose(command('x'));
      if (!isTaken) answered += 1;
    }

    // A second's work, and commands were answered all the while.
    expect((await taken).sizeBytes).toBeGreaterThan(LargeState.SLICES * 1000);
    expect(answered).toBeGreaterThan(10);
    expect(leader.status()).toMatchObject({ role: 'leader', term });
  });
});

/** Writing it takes more than two election timeouts; no slice takes longer than a few milliseconds. */
class LargeState extends KeyValue {
  static readonly SLICES = 400;

  *snapshotSlices(): Generator<Uint8Array> {
    for (let slice = 0; slice < LargeState.SLICES; slice += 1) {
      const endMs = performance.now() + 2.5;
      while (performance.now() < endMs);
      yield Buffer.alloc(1024, slice);
    }
  }
}
