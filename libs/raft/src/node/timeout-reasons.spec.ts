/*
 * A proposal whose time is over says what kept it from being decided. Real replicas with a real log on files of the memory; a disk can hang, and links can be cut.
 */
import { HangingDisk } from '../../test/support/hanging-disk';
import { command, eventually, KeyValue } from '../../test/support/key-value';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import type { RaftNode } from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import { MemoryNetwork } from '../transport/memory-network';
import { createRaftNode } from './create-raft-node';
import type { RaftNodeOptions } from './options';

const ELECTION_TIMEOUT_MS = 400;

class Replicas {
  readonly network = new MemoryNetwork();
  readonly disks = new Map<number, HangingDisk>();
  readonly nodes = new Map<number, RaftNode<string>>();

  async start(options: Partial<RaftNodeOptions<string>> = {}): Promise<RaftNode<string>> {
    const peers = [1, 2, 3].map((id) => ({ id, address: `memory:${id}` }));
    for (const { id } of peers) {
      const disk = new HangingDisk(new MemoryFileSystem());
      this.disks.set(id, disk);
      const { fileSystem } = disk;
      const at = { directory: '/data', nodeId: id, clusterId: 'c' };
      const storage = new FileStorage({ ...at, fileSystem, acquireLock: () => () => undefined });
      const timing = { heartbeatIntervalMs: 20, electionTimeoutMs: ELECTION_TIMEOUT_MS };
      const parts = { stateMachine: new KeyValue(), transport: () => this.network.endpoint(id) };
      const node = createRaftNode({
        ...{ id, clusterId: 'c', peers, ...timing, ...parts, storage, ...options },
      });
      this.nodes.set(id, node);
    }
    await Promise.all([...this.nodes.values()].map((node) => node.start()));
    const follows = (node: RaftNode<string>): boolean => node.status().leaderId !== 0;
    await eventually('a leader', () => [...this.nodes.values()].every(follows));
    const leader = this.node([...this.nodes.values()][0]?.status().leaderId ?? 0);
    await leader.propose(command('set a 1'));
    return leader;
  }

  node(id: number): RaftNode<string> {
    return this.nodes.get(id) as RaftNode<string>;
  }

  followersOf(leader: RaftNode<string>): RaftNode<string>[] {
    return [...this.nodes.values()].filter(({ id }) => id !== leader.id);
  }

  hang(...nodes: RaftNode<string>[]): void {
    for (const { id } of nodes) (this.disks.get(id) as HangingDisk).isHanging = true;
  }

  async stop(): Promise<void> {
    for (const disk of this.disks.values()) disk.release();
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
  }
}

describe('a proposal whose time is over', () => {
  let replicas: Replicas;

  beforeEach(() => {
    replicas = new Replicas();
  });

  afterEach(() => replicas.stop());

  function failureOf(node: RaftNode<string>, timeoutMs: number): Promise<unknown> {
    return node.propose(command('set b 2'), { timeoutMs }).catch((error: unknown) => error);
  }

  it('says quorumLost on a leader that no majority answers, before and after it has stepped down', async () => {
    const leader = await replicas.start();
    replicas.network.isolate(leader.id);

    const [soon, later] = await Promise.all([
      failureOf(leader, ELECTION_TIMEOUT_MS * 0.8),
      failureOf(leader, ELECTION_TIMEOUT_MS * 4),
    ]);

    const unknown = { code: 'outcomeUnknown', reason: 'quorumLost', hadNoEffect: false };
    expect(soon).toMatchObject(unknown);
    expect(later).toMatchObject(unknown);
    expect(leader.status().role).not.toBe('leader');
  });

  it('says diskSlow while a majority answers and nothing gets onto its disks', async () => {
    const leader = await replicas.start();
    replicas.hang(...replicas.followersOf(leader));

    const failure = await failureOf(leader, ELECTION_TIMEOUT_MS);

    expect(failure).toMatchObject({ code: 'outcomeUnknown', reason: 'diskSlow' });
    expect((failure as Error).message).toContain('not on the disks of a majority');
    expect(leader.status().role).toBe('leader');
  });

  it('says noLeader on a follower that had got a place for it, when nobody leads any more', async () => {
    const leader = await replicas.start();
    const [follower, other] = replicas.followersOf(leader) as [RaftNode<string>, RaftNode<string>];
    replicas.hang(follower, other);
    const before = leader.status().lastIndex;
    const failure = failureOf(follower, ELECTION_TIMEOUT_MS * 5);
    await eventually('it has a place', () => leader.status().lastIndex > before);
    await eventually('the follower has it too', () => follower.status().lastIndex > before);

    replicas.network.isolate(leader.id);

    expect(await failure).toMatchObject({ code: 'outcomeUnknown', reason: 'noLeader' });
  });

  it('is certain to have had no effect when no leader was there to take it', async () => {
    const leader = await replicas.start({ leaderWaitMs: 100 });
    const [follower] = replicas.followersOf(leader) as [RaftNode<string>];
    replicas.network.isolate(follower.id);
    await eventually('it knows no leader', () => follower.status().leaderId === 0);

    expect(await failureOf(follower, 5_000)).toMatchObject({ code: 'noLeader', hadNoEffect: true });
  });

  it.each([
    ['uncommittedEntries', { uncommittedEntriesMax: 2 }, { limit: 2, value: 2 }],
    ['uncommittedBytes', { uncommittedBytesMax: 100 }, { limit: 100 }],
  ])('is not taken when the leader has reached %s, and the error says so', async (...row) => {
    const [name, options, facts] = row;
    const leader = await replicas.start(options);
    replicas.hang(...replicas.followersOf(leader));
    const waiting = [1, 2].map(() => failureOf(leader, 1_000));
    await eventually('they have places', () => leader.status().uncommittedEntries === 2);

    const [here, forwarded] = await Promise.all([
      leader.propose(new Uint8Array(80)).catch((error: unknown) => error),
      failureOf(replicas.followersOf(leader)[0] as RaftNode<string>, 500),
    ]);

    const full = { code: 'queueFull', hadNoEffect: true };
    expect(here).toMatchObject({ ...full, limit: { name, ...facts } });
    if (name === 'uncommittedEntries') expect(forwarded).toMatchObject(full);
    for (const failure of await Promise.all(waiting)) {
      expect(failure).toMatchObject({ reason: 'diskSlow' });
    }
  });

  it.each([
    ['pendingProposals', { pendingProposalsMax: 2 }, { limit: 2, value: 2 }],
    ['pendingProposalBytes', { pendingProposalBytesMax: 90 }, { limit: 90, value: 94 }],
  ])('is not taken when this replica has reached %s, and the error says so', async (...row) => {
    const [name, options, facts] = row;
    const leader = await replicas.start(options);
    replicas.hang(...replicas.followersOf(leader));
    const waiting = [1, 2].map(() => failureOf(leader, 500));

    const failure = await leader.propose(new Uint8Array(80)).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'queueFull', limit: { name, ...facts } });
    await Promise.all(waiting);
  });
});
