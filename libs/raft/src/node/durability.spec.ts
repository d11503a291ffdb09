import { command, eventually, KeyValue } from '../../test/support/key-value';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import type { RaftNode } from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import { MemoryNetwork } from '../transport/memory-network';
import { createRaftNode } from './create-raft-node';
import type { RaftNodeOptions } from './options';

const ids = [1, 2, 3];
/** So long that a busy machine, on which a turn of these three replicas takes a tenth of a second, starts no election of its own accord. */
const ELECTION_TIMEOUT_MS = 400;

/** A group of real replicas whose disks lose what was not synced. */
class PowerCutCluster {
  readonly disks = new Map(ids.map((id) => [id, new MemoryFileSystem()]));
  readonly fatal: string[] = [];
  machines = new Map<number, KeyValue>();
  nodes: RaftNode<string>[] = [];
  private network = new MemoryNetwork();

  constructor(private readonly options: Partial<RaftNodeOptions<string>> = {}) {}

  async start(): Promise<void> {
    this.network = new MemoryNetwork();
    this.nodes = ids.map((id) => {
      const stateMachine = new KeyValue();
      this.machines.set(id, stateMachine);
      return createRaftNode({
        id,
        clusterId: 'c',
        peers: ids.map((peer) => ({ id: peer, address: `memory:${peer}` })),
        stateMachine,
        heartbeatIntervalMs: 10,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        storage: new FileStorage({
          directory: '/data',
          nodeId: id,
          clusterId: 'c',
          fileSystem: this.disk(id),
          acquireLock: () => () => undefined,
        }),
        transport: () => this.network.endpoint(id),
        onFatal: (error) => this.fatal.push(error.message),
        ...this.options,
      });
    });
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  disk(id: number): MemoryFileSystem {
    return this.disks.get(id) as MemoryFileSystem;
  }

  /** All replicas lose power at the same moment. */
  async cutPower(): Promise<void> {
    for (const disk of this.disks.values()) disk.crash();
    for (const id of ids) this.network.isolate(id);
    // What stopping writes afterwards goes nowhere.
    for (const disk of this.disks.values()) disk.failOn = () => true;
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const disk of this.disks.values()) disk.crash();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

describe('acknowledged writes', () => {
  let cluster: PowerCutCluster;

  beforeEach(() => {
    cluster = new PowerCutCluster();
  });

  afterEach(() => cluster.stop());

  async function writeAndCutPower(): Promise<string[]> {
    await cluster.start();
    const acknowledged: string[] = [];
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const node = cluster.nodes[at % 3] as RaftNode<string>;
        // On a busy machine the leader may change meanwhile; then nobody was told that the write is there.
        const told = await node.propose(command(`set k${at} v`)).catch(() => undefined);
        if (told !== undefined) acknowledged.push(`k${at}`);
      }),
    );
    expect(acknowledged.length).toBeGreaterThan(0);
    await cluster.cutPower();
    await cluster.start();
    const [node] = cluster.nodes as [RaftNode<string>];
    await node.readBarrier();
    const { values } = cluster.machines.get(1) as KeyValue;
    return acknowledged.filter((key) => !values.has(key));
  }

  it('are all there after every replica has lost power', async () => {
    expect(await writeAndCutPower()).toEqual([]);
  });

  it('would be lost without the sync, as they are when disks lie about it (D8): the check above can fail', async () => {
    for (const disk of cluster.disks.values()) disk.lieAboutSync = true;
    expect((await writeAndCutPower()).length).toBeGreaterThan(0);
  });

  it('are not made by a replica whose sync fails: it stops, and the others go on', async () => {
    await cluster.start();
    const leads = (node: RaftNode<string>): boolean => node.status().role === 'leader';
    await eventually('a leader', () => cluster.nodes.some(leads));
    const leader = cluster.nodes.find(leads) as RaftNode<string>;
    await leader.propose(command('set a 1'));

    cluster.disk(leader.id).failOn = (call) => call.startsWith('sync /data/wal');
    await leader.propose(command('set b 1')).catch(() => undefined);
    await eventually('it stops', () => cluster.fatal.length === 1);

    expect(cluster.fatal[0]).toContain('writing the log failed');
    expect(leader.isReady()).toBe(false);
    await eventually('another leader', () =>
      cluster.nodes.some((node) => node !== leader && leads(node)),
    );
    const other = cluster.nodes.find((node) => node !== leader && leads(node)) as RaftNode<string>;
    expect((await other.propose(command('set c 1'), { timeoutMs: 5000 })).result).toBe('1');
  });
});
