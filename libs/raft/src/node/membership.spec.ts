import * as fs from 'node:fs';
import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually } from '../../test/support/key-value';
import { RaftError } from '../errors';
import type { RaftNode } from '../raft-node';

let cluster: GrpcCluster;

afterEach(async () => {
  await cluster.stop();
});

function voters(node: RaftNode<string>): number[] {
  const { members } = node.status();
  return members
    .filter(({ voter }) => voter)
    .map(({ id }) => id)
    .sort();
}

/** Who leads, as server `id` sees it; undefined while that one does not say so itself. */
function leaderOf(id: number): RaftNode<string> | undefined {
  const { leaderId } = cluster.node(id).status();
  const leader = cluster.nodes.get(leaderId);
  return leader?.status().role === 'leader' && leader.isReady() ? leader : undefined;
}

/** Clients that write all the time, each with a request id until it is acknowledged; and what was acknowledged. */
class Writers {
  readonly acknowledged: string[] = [];
  private running = true;
  private readonly done: Promise<void>[] = [];

  constructor(count: number) {
    for (let writer = 1; writer <= count; writer += 1) this.done.push(this.write(writer));
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.done);
  }

  private async write(writer: number): Promise<void> {
    for (let sequence = 1; this.running; sequence += 1) {
      const key = `w${writer}-${sequence}`;
      while (!(await this.tryOnce(key))) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      this.acknowledged.push(key);
    }
  }

  private async tryOnce(key: string): Promise<boolean> {
    const nodes = [...cluster.nodes.values()].filter((node) => node.isReady());
    const node = nodes[Math.floor(Math.random() * nodes.length)] as RaftNode<string>;
    try {
      await node.propose(command(`add ${key} 1`), { requestId: key, timeoutMs: 2000 });
      return true;
    } catch (error) {
      if (error instanceof RaftError) return false;
      throw error;
    }
  }
}

describe('members of a group with real links and disks', () => {
  it('go from three to five and back to three others under writes, and no acknowledged write is lost', async () => {
    // Small enough that newcomers need a snapshot.
    const options = { snapshotEntries: 200, snapshotTrailingEntries: 20 };
    cluster = await GrpcCluster.start(3, options, 2);
    const first = await cluster.leader();
    const writers = new Writers(4);
    await eventually('some writes', () => writers.acknowledged.length > 500);

    for (const id of [4, 5]) {
      await cluster.startNode(id);
      expect(cluster.node(id).isReady()).toBe(false);
      const { members } = await first.addServer({ id, address: cluster.address(id) });
      expect(members).toContainEqual({ id, address: cluster.address(id), voter: true });
    }
    expect(voters(first)).toEqual([1, 2, 3, 4, 5]);
    expect(cluster.node(5).isReady()).toBe(true);

    await first.removeServer(first.id);
    const gone = [first.id, (first.id % 3) + 1];
    await eventually('another leader', () => leaderOf(4) !== undefined);
    await (leaderOf(4) as RaftNode<string>).removeServer(gone[1] as number);
    const before = writers.acknowledged.length;
    await eventually('more writes', () => writers.acknowledged.length > before + 200);
    await writers.stop();

    const left = [1, 2, 3, 4, 5].filter((id) => !gone.includes(id));
    for (const id of gone) {
      await eventually('it is told', () => cluster.node(id).status().standing === 'removed');
      expect(cluster.node(id).isReady()).toBe(false);
    }
    for (const id of left) {
      await cluster.node(id).readBarrier();
      expect(voters(cluster.node(id))).toEqual(left);
      const { values } = cluster.machines.get(id) as { values: ReadonlyMap<string, unknown> };
      const lost = writers.acknowledged.filter((key) => String(values.get(key)) !== '1');
      expect(lost).toEqual([]);
    }

    // The members are in the log: those that are left find each other again.
    for (const id of [1, 2, 3, 4, 5]) await cluster.stopNode(id);
    for (const id of left) await cluster.startNode(id);
    const leader = await cluster.leader();
    await leader.propose(command('add again 1'));
    expect(voters(leader)).toEqual(left);
  }, 60_000);

  it('are changed by the leader only, and others say who that is', async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    const follower = cluster.node((leader.id % 3) + 1);

    await expect(follower.removeServer(3)).rejects.toMatchObject({
      code: 'notLeader',
      leader: { id: leader.id, address: cluster.address(leader.id) },
    });
    await expect(leader.removeServer(9)).rejects.toMatchObject({
      code: 'invalidChange',
      message: 'server 9 is not a member',
    });
  });

  it('that cannot be reached stay learners, and hold up nobody', async () => {
    cluster = await GrpcCluster.start(2, {}, 1);
    const leader = await cluster.leader();
    const server = { id: 3, address: cluster.address(3) };

    await expect(leader.addServer(server, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'notCaughtUp',
    });
    await leader.propose(command('add a 1'));
    expect(voters(leader)).toEqual([1, 2]);
    await cluster.startNode(3);

    // Asked again, it waits for what is under way already.
    expect((await leader.addServer(server)).members.filter(({ voter }) => voter)).toHaveLength(3);
  });

  it('replace one of three in one step', async () => {
    cluster = await GrpcCluster.start(3, {}, 1);
    const leader = await cluster.leader();
    const out = (leader.id % 3) + 1;
    await cluster.startNode(4);
    await leader.addServer({ id: 4, address: cluster.address(4), voter: false });
    await eventually('it has caught up', () => {
      const { members, lastIndex } = leader.status();
      return members.some(({ id, matchIndex }) => id === 4 && matchIndex === lastIndex);
    });

    const { members } = await leader.changeMembers([
      { type: 'promote', id: 4 },
      { type: 'remove', id: out },
    ]);

    const left = [1, 2, 3, 4].filter((id) => id !== out);
    expect(members.map(({ id, voter }) => (voter ? id : 0)).sort()).toEqual(left);
    expect(leader.status().joint).toBe(false);
  });

  it('whose disk was wiped are refused under their old id, and told what to do', async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    const wiped = (leader.id % 3) + 1;
    await leader.propose(command('add a 1'));
    await cluster.stopNode(wiped);
    fs.rmSync(cluster.dataDir(wiped), { recursive: true });
    Object.assign(cluster, { options: { initialState: 'existing' } });

    await cluster.startNode(wiped);

    await eventually('it is told', () =>
      cluster.logs.some(
        ({ message, fields }) =>
          message === 'peer refuses this server' &&
          JSON.stringify(fields).includes('add it again under an id that was never used'),
      ),
    );
    expect(cluster.node(wiped).status()).toMatchObject({ standing: 'waiting', lastIndex: 0 });
    await leader.propose(command('add a 1'));
  });
});
