import * as fs from 'node:fs';
import * as path from 'node:path';
import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually } from '../../test/support/key-value';
import { inspectDirectory, recoverGroup } from './recover-group';

/** Three replicas with real files and sockets; two of them are lost for good. */
describe('recovering a group whose majority is gone', () => {
  let cluster: GrpcCluster;
  let survivor: number;
  let lost: number[];

  beforeEach(async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    await leader.propose(command('set a 1'));
    const { index } = await leader.propose(command('set b 2'));
    await eventually('all have it', () =>
      [...cluster.nodes.values()].every((node) => node.status().appliedIndex >= index),
    );
    survivor = (leader.id % 3) + 1;
    lost = [1, 2, 3].filter((id) => id !== survivor);
    for (const id of [1, 2, 3]) await cluster.stopNode(id);
  });

  afterEach(() => cluster.stop());

  function refusals(): string[] {
    return cluster.logs
      .filter(({ message }) => message === 'peer refuses this server')
      .map(({ fields }) => String((fields as { reason: string }).reason));
  }

  it('a directory says what it holds, without being changed', async () => {
    const dataDir = cluster.dataDir(survivor);
    const before = fs.readFileSync(path.join(dataDir, 'meta.json'), 'utf8');

    const report = await inspectDirectory(dataDir);

    expect(report).toMatchObject({ nodeId: survivor, clusterId: 'grpc', isTailSuspect: false });
    expect(report.lastIndex).toBeGreaterThanOrEqual(4);
    expect(report.commitIndex).toBeLessThanOrEqual(report.lastIndex);
    expect(report.members.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(fs.readFileSync(path.join(dataDir, 'meta.json'), 'utf8')).toBe(before);
  });

  it('the survivor alone answers with everything it had, and takes writes', async () => {
    for (const id of lost) fs.rmSync(cluster.dataDir(id), { recursive: true });

    const recovered = await recoverGroup(cluster.dataDir(survivor));
    const node = await cluster.startNode(survivor);
    await eventually('it leads', () => node.status().role === 'leader');
    await node.propose(command('set c 3'));

    expect(recovered.leftBehind).toEqual(lost);
    expect(recovered.configurationIndex).toBe(recovered.before.lastIndex + 1);
    expect(node.status().members.map(({ id }) => id)).toEqual([survivor]);
    const values = cluster.machines.get(survivor)?.values;
    expect(Object.fromEntries(values ?? [])).toEqual({ a: '1', b: '2', c: '3' });
  });

  it('the old members are refused with advice when they come back after all, and do not disturb it', async () => {
    await recoverGroup(cluster.dataDir(survivor));
    const node = await cluster.startNode(survivor);
    await eventually('it leads', () => node.status().role === 'leader');
    const { term } = node.status();

    // Two of three: they have a majority of the old group, and lead it on.
    await Promise.all(lost.map((id) => cluster.startNode(id)));
    await eventually('the recovered group has refused them', () =>
      lost.every((id) =>
        refusals().some((reason) =>
          reason.includes(`this group was recovered without server ${id}`),
        ),
      ),
    );

    expect(refusals().join()).toContain(
      'add it with an empty one, under an id that was never used',
    );
    expect(node.status()).toMatchObject({ role: 'leader', term });
    await node.propose(command('set d 4'));
    for (const id of lost) expect(cluster.machines.get(id)?.values.get('d')).toBeUndefined();
  });

  it('grows again by servers with new ids', async () => {
    await cluster.stop();
    cluster = await GrpcCluster.start(1, {}, 1);
    const first = await cluster.leader();
    await first.propose(command('set a 1'));
    await cluster.stopNode(1);
    await recoverGroup(cluster.dataDir(1));
    const node = await cluster.startNode(1);
    await eventually('it leads', () => node.status().role === 'leader');

    await cluster.startNode(2);
    await node.addServer({ id: 2, address: cluster.address(2) });

    await eventually('it has the data', () => cluster.machines.get(2)?.values.get('a') === '1');
  });

  it('can be repeated, each time with an incarnation of its own', async () => {
    const first = await recoverGroup(cluster.dataDir(survivor));
    const second = await recoverGroup(cluster.dataDir(survivor));

    expect(second.incarnationId).not.toBe(first.incarnationId);
    expect(second.term).toBeGreaterThan(first.term);
    const node = await cluster.startNode(survivor);
    await eventually('it leads', () => node.status().role === 'leader');
    // Still: they are remembered from the first time.
    await cluster.startNode(lost[0] as number);
    await eventually('refused', () => refusals().some((reason) => reason.includes('recovered')));
  });

  it('is refused while the replica runs, and where there is nothing', async () => {
    await cluster.startNode(survivor);
    const running = cluster.dataDir(survivor);

    await expect(recoverGroup(running)).rejects.toMatchObject({ code: 'locked' });
    await expect(recoverGroup(cluster.directory)).rejects.toMatchObject({ code: 'foreign' });
    expect(fs.existsSync(path.join(cluster.directory, 'wal'))).toBe(false);
  });
});
