import { command, eventually, KeyValue } from '../../test/support/key-value';
import { RaftError } from '../errors';
import type { RaftNode } from '../raft-node';
import { createMemoryCluster, createSingleNode, type MemoryCluster } from './memory-cluster';

describe('a replica in a group', () => {
  let cluster: MemoryCluster<string>;

  afterEach(async () => {
    await cluster.stop();
  });

  async function start(size: number, options = {}): Promise<RaftNode<string>> {
    cluster = await createMemoryCluster(size, () => new KeyValue(), options);
    return await cluster.leader();
  }

  function machine(id: number): KeyValue {
    return cluster.stateMachine(id) as KeyValue;
  }

  function followerOf(leader: RaftNode<string>): RaftNode<string> {
    const found = [...cluster.nodes.values()].find((node) => node.id !== leader.id);
    return found as RaftNode<string>;
  }

  it('answers proposals on the leader and on followers with the state machine’s result', async () => {
    const leader = await start(3);

    const first = await leader.propose(command('add a 1'));
    const second = await followerOf(leader).propose(command('add a 1'));

    expect(first.result).toBe('1');
    expect(second.result).toBe('2');
    expect(second.index).toBeGreaterThan(first.index);
  });

  it('keeps every replica’s state the same under many concurrent proposals from all of them', async () => {
    await start(3);

    const calls = Array.from({ length: 600 }, (_, at) =>
      cluster.node((at % 3) + 1).propose(command('add total 1')),
    );
    const results = await Promise.all(calls);

    expect(new Set(results.map(({ result }) => result)).size).toBe(600);
    await eventually('all replicas have 600', () =>
      [1, 2, 3].every((id) => machine(id).values.get('total') === '600'),
    );
  });

  it('goes on when the leader stops, and catches up when it comes back', async () => {
    const leader = await start(3);
    await leader.propose(command('add a 1'));

    await cluster.stopNode(leader.id);
    const next = await cluster.leader();
    expect((await next.propose(command('add a 1'))).result).toBe('2');

    await cluster.restartNode(leader.id);
    await eventually('the restarted replica has caught up', () => {
      return machine(leader.id).values.get('a') === '2';
    });
  });

  it('hides an election from callers that can wait', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);
    cluster.isolate(leader.id);
    await eventually('the follower notices', () => follower.status().leaderId !== leader.id);

    const applied = await follower.propose(command('add a 1'), { timeoutMs: 5000 });

    expect(applied.result).toBe('1');
  });

  it('places what a follower proposes while the leader tries in vain to hand over', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);
    const target = 6 - leader.id - follower.id;
    cluster.isolate(target);

    const transfer = leader.transferLeadership(target);
    const applied = follower.propose(command('add a 1'), { timeoutMs: 3000 });

    await expect(transfer).rejects.toMatchObject({ code: 'transferFailed' });
    expect((await applied).result).toBe('1');
  });

  it('says noLeader when nobody can lead, and the command is never applied', async () => {
    const leader = await start(3, { leaderWaitMs: 300 });
    const [other, third] = [1, 2, 3].filter((id) => id !== leader.id) as [number, number];
    await cluster.stopNode(leader.id);
    await cluster.stopNode(other);
    const node = cluster.node(third);
    await eventually('it notices', () => node.status().leaderId === 0);

    const failure = await node.propose(command('set never 1')).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(RaftError);
    expect(failure).toMatchObject({ code: 'noLeader', hadNoEffect: true });
    await cluster.restartNode(other);
    await cluster.leader();
    expect((await node.propose(command('add a 1'))).result).toBe('1');
    expect(machine(third).values.has('never')).toBe(false);
  });

  it('says outcomeUnknown when a leader loses its group while a proposal is under way', async () => {
    const leader = await start(3);
    cluster.isolate(leader.id);

    const failure = await leader
      .propose(command('set a lost'), { timeoutMs: 600 })
      .catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'outcomeUnknown', hadNoEffect: false });
  });

  it('says outcomeUnknown with reason overwritten when another leader’s entry takes the place', async () => {
    const leader = await start(3);
    cluster.isolate(leader.id);
    const lost = leader
      .propose(command('set a lost'), { timeoutMs: 20_000 })
      .catch((error: unknown) => error);
    const next = await cluster.leader();
    await next.propose(command('set a kept'));

    cluster.heal();

    expect(await lost).toMatchObject({ code: 'outcomeUnknown', reason: 'overwritten' });
    expect((await leader.propose(command('get a'))).result).toBe('kept');
  });

  it('says outcomeUnknown when a forwarded proposal is never answered', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);
    cluster.network.cut(leader.id, follower.id);
    cluster.network.cut(follower.id, leader.id);

    const failure = await follower
      .propose(command('set a 1'), { timeoutMs: 50 })
      .catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'outcomeUnknown', reason: 'timeout' });
  });

  it('stops waiting when the caller’s signal fires', async () => {
    const leader = await start(3);
    cluster.isolate(leader.id);
    const abort = new AbortController();

    const call = leader.propose(command('set a 1'), { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);

    await expect(call).rejects.toMatchObject({ code: 'outcomeUnknown', reason: 'cancelled' });
  });

  it('applies a request id once, on whatever replica it is retried', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);

    const first = await leader.propose(command('add a 1'), { requestId: 'r-1' });
    const again = await follower.propose(command('add a 1'), { requestId: 'r-1' });
    const other = await follower.propose(command('add a 1'), { requestId: 'r-2' });

    expect(again).toEqual(first);
    expect(other.result).toBe('2');
  });

  it('refuses commands above the limit and calls above the queue’s', async () => {
    const leader = await start(1, { commandBytesMax: 100, pendingProposalsMax: 2 });

    await expect(leader.propose(new Uint8Array(101))).rejects.toMatchObject({ code: 'tooLarge' });
    const calls = [1, 2, 3].map(() => leader.propose(command('add a 1')));
    const outcomes = await Promise.allSettled(calls);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'queueFull' });
  });

  it('reads what was acknowledged anywhere before the barrier was asked for', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);
    for (let round = 0; round < 50; round++) {
      await leader.propose(command(`set a ${round}`));
      await follower.readBarrier();
      expect(machine(follower.id).values.get('a')).toBe(String(round));
    }
  });

  it('does not pass a barrier on a leader that is cut off', async () => {
    const leader = await start(3);
    cluster.isolate(leader.id);

    await expect(leader.readBarrier({ timeoutMs: 300 })).rejects.toMatchObject({
      code: 'deadlineExceeded',
    });
  });

  it('retries a barrier over an election', async () => {
    const leader = await start(3);
    const follower = followerOf(leader);
    cluster.isolate(leader.id);

    await expect(follower.readBarrier({ timeoutMs: 5000 })).resolves.toBeUndefined();
  });

  it('ends leases by expiry entries when nobody writes', async () => {
    const leader = await start(3);
    await leader.propose(command('lease l 60'));

    await eventually('the lease has ended everywhere', () =>
      [1, 2, 3].every((id) => machine(id).values.get('l') === 'expired'),
    );
    expect(leader.status().logClockMs).toBeGreaterThanOrEqual(60);
  });

  it('brings a follower that is far behind up by a snapshot', async () => {
    const leader = await start(3, { snapshotEntries: 50, snapshotTrailingEntries: 10 });
    const follower = followerOf(leader);
    await cluster.stopNode(follower.id);
    for (let at = 0; at < 300; at++) await leader.propose(command('add a 1'));
    expect(leader.status().firstIndex).toBeGreaterThan(200);

    const restarted = await cluster.restartNode(follower.id);

    await eventually('it has caught up', () => machine(follower.id).values.get('a') === '300');
    expect(restarted.status().snapshotIndex).toBeGreaterThan(0);
    expect((await restarted.propose(command('add a 1'))).result).toBe('301');
  });

  it('remembers request ids over a snapshot and a restart', async () => {
    const node = await start(1);
    await node.propose(command('add a 1'), { requestId: 'r-1' });
    await node.takeSnapshot();
    await cluster.stopNode(1);

    const restarted = await cluster.restartNode(1);

    expect((await restarted.propose(command('add a 1'), { requestId: 'r-1' })).result).toBe('1');
    expect(machine(1).values.get('a')).toBe('1');
  });

  it('hands leadership over when asked and when it stops', async () => {
    const leader = await start(3);
    const target = followerOf(leader);

    expect(await leader.transferLeadership(target.id)).toBe(target.id);
    const next = await cluster.leader();
    expect(next.id).toBe(target.id);
    await cluster.stopNode(next.id);
    expect((await cluster.leader()).id).not.toBe(target.id);
  });

  it('loses no call over a planned handover', async () => {
    const leader = await start(3);
    const calls: Promise<unknown>[] = [];
    const timer = setInterval(() => {
      for (const node of cluster.nodes.values()) calls.push(node.propose(command('add a 1')));
    }, 2);

    await new Promise((resolve) => setTimeout(resolve, 50));
    await leader.transferLeadership();
    await new Promise((resolve) => setTimeout(resolve, 200));
    clearInterval(timer);

    const failed = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected');
    expect(failed).toEqual([]);
    expect((await leader.propose(command('get a'))).result).toBe(String(calls.length));
  });

  it('tells listeners of every applied entry and of changes of the leader', async () => {
    const leader = await start(3);
    const indexes: number[] = [];
    const remove = leader.onApplied((index) => indexes.push(index));

    const first = await leader.propose(command('add a 1'));
    const second = await leader.propose(command('add a 1'));
    remove();
    await leader.propose(command('add a 1'));

    expect(indexes).toContain(first.index);
    expect(indexes).toContain(second.index);
    expect(Math.max(...indexes)).toBe(second.index);
  });

  it('stops the process when the state machine throws, since replicas might differ', async () => {
    const fatal: Error[] = [];
    const leader = await start(1, { onFatal: (error: Error) => fatal.push(error) });

    await expect(leader.propose(command('fail'))).rejects.toMatchObject({
      code: 'outcomeUnknown',
    });

    expect(fatal.map(({ message }) => message)).toEqual(['the state machine is broken']);
    expect(leader.isReady()).toBe(false);
  });

  it('fails what waits when it stops', async () => {
    const leader = await start(3);
    cluster.isolate(leader.id);
    const call = leader.propose(command('set a 1')).catch((error: unknown) => error);
    const read = leader.readBarrier().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));

    await cluster.stopNode(leader.id);

    expect(await call).toMatchObject({ code: 'outcomeUnknown', reason: 'stopped' });
    expect(await read).toMatchObject({ code: 'stopped' });
    await expect(leader.propose(command('set a 1'))).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('createSingleNode', () => {
  it('leads and answers at once', async () => {
    const node = await createSingleNode(new KeyValue());

    expect((await node.propose(command('set a 1'))).result).toBe('1');
    await node.readBarrier();

    await node.stop();
  });
});
