import type { ServerId } from '../core';
import type { RaftNode } from '../raft-node';
import type { StateMachine } from '../state-machine';
import { MemoryStorage } from '../storage/memory-storage';
import { MemoryNetwork } from '../transport/memory-network';
import { createRaftNode } from './create-raft-node';
import type { RaftNodeOptions } from './options';

/** Options that a test may change; the rest is what makes an in-memory group. */
export type MemoryNodeOptions = Partial<
  Omit<RaftNodeOptions<unknown>, 'id' | 'peers' | 'stateMachine' | 'storage' | 'transport'>
>;

/** Elections in a tenth of a second; on a loaded machine a little more. */
const FAST: MemoryNodeOptions = {
  clusterId: 'memory',
  heartbeatIntervalMs: 10,
  electionTimeoutMs: 100,
};

/** A group of real replicas on in-memory disks and links. */
export interface MemoryCluster<Result> {
  readonly network: MemoryNetwork;
  /** Running replicas by id. */
  readonly nodes: ReadonlyMap<ServerId, RaftNode<Result>>;
  /** One replica. Throws when it is not running. */
  node(id: ServerId): RaftNode<Result>;
  /** Its current state machine: a restarted replica has a new one. */
  stateMachine(id: ServerId): StateMachine<Result>;
  /** Waits until all running replicas that are not cut off agree on a leader, and yields it. Throws after 10 s. */
  leader(): Promise<RaftNode<Result>>;
  /** Stops a replica; its disk stays. */
  stopNode(id: ServerId): Promise<void>;
  /** Starts a stopped replica from its disk, with a new state machine. */
  restartNode(id: ServerId): Promise<RaftNode<Result>>;
  /** Drops everything to and from a replica. */
  isolate(id: ServerId): void;
  heal(): void;
  stop(): Promise<void>;
}

/**
 * Starts a group of replicas in memory, for a service's tests. Real time, real driver; only disk and network are stand-ins.
 *
 * @param size how many, with ids 1, 2, 3 …
 * @param makeStateMachine a new, empty one for every start of a replica.
 */
export async function createMemoryCluster<Result>(
  size: number,
  makeStateMachine: (id: ServerId) => StateMachine<Result>,
  options: MemoryNodeOptions = {},
): Promise<MemoryCluster<Result>> {
  const cluster = new InMemory(size, makeStateMachine, options);
  for (let id = 1; id <= size; id++) await cluster.restartNode(id);
  return cluster;
}

/** A started group of one: leads at once and needs nobody. */
export async function createSingleNode<Result>(
  stateMachine: StateMachine<Result>,
  options: MemoryNodeOptions = {},
): Promise<RaftNode<Result>> {
  const cluster = await createMemoryCluster(1, () => stateMachine, options);
  return await cluster.leader();
}

class InMemory<Result> implements MemoryCluster<Result> {
  readonly network = new MemoryNetwork();
  readonly nodes = new Map<ServerId, RaftNode<Result>>();
  private readonly disks = new Map<ServerId, MemoryStorage>();
  private readonly stateMachines = new Map<ServerId, StateMachine<Result>>();
  private readonly isolated = new Set<ServerId>();

  constructor(
    private readonly size: number,
    private readonly makeStateMachine: (id: ServerId) => StateMachine<Result>,
    private readonly options: MemoryNodeOptions,
  ) {}

  node(id: ServerId): RaftNode<Result> {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`server ${id} is not running`);
    return node;
  }

  stateMachine(id: ServerId): StateMachine<Result> {
    return this.stateMachines.get(id) as StateMachine<Result>;
  }

  async leader(): Promise<RaftNode<Result>> {
    const giveUpMs = performance.now() + 10_000;
    while (performance.now() < giveUpMs) {
      const leader = this.agreedLeader();
      if (leader !== undefined) return leader;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const seen = [...this.nodes.values()].map((node) => node.status());
    throw new Error(`no leader after 10 s: ${JSON.stringify(seen)}`);
  }

  async stopNode(id: ServerId): Promise<void> {
    const node = this.node(id);
    this.nodes.delete(id);
    await node.stop();
  }

  async restartNode(id: ServerId): Promise<RaftNode<Result>> {
    const disk = this.disks.get(id) ?? new MemoryStorage(`memory-${id}`);
    this.disks.set(id, disk);
    const stateMachine = this.makeStateMachine(id);
    this.stateMachines.set(id, stateMachine);
    const node = createRaftNode({
      clusterId: 'memory',
      ...FAST,
      onFatal: (error) => {
        throw error;
      },
      ...this.options,
      id,
      peers: Array.from({ length: this.size }, (_, position) => ({
        id: position + 1,
        address: `memory:${position + 1}`,
      })),
      stateMachine,
      storage: disk,
      transport: () => this.network.endpoint(id),
    });
    this.nodes.set(id, node);
    await node.start();
    return node;
  }

  isolate(id: ServerId): void {
    this.isolated.add(id);
    this.network.isolate(id);
  }

  heal(): void {
    this.isolated.clear();
    this.network.heal();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
    this.nodes.clear();
  }

  private agreedLeader(): RaftNode<Result> | undefined {
    const connected = [...this.nodes.values()].filter((node) => !this.isolated.has(node.id));
    const statuses = connected.map((node) => node.status());
    const [first] = statuses;
    if (first === undefined || first.leaderId === 0) return undefined;
    const agree = statuses.every(
      ({ term, leaderId }) => term === first.term && leaderId === first.leaderId,
    );
    if (!agree) return undefined;
    const leader = connected.find((node) => node.id === first.leaderId);
    return leader?.status().role === 'leader' ? leader : undefined;
  }
}
