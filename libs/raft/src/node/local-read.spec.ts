import { command, eventually, KeyValue } from '../../test/support/key-value';
import { RaftError } from '../errors';
import { createMemoryCluster } from './memory-cluster';
import type { RaftNode } from '../raft-node';

function isRecent(node: RaftNode<string>, maxStalenessMs: number): boolean {
  try {
    return node.localRead({ maxStalenessMs }) <= maxStalenessMs;
  } catch {
    return false;
  }
}

describe('a local read', () => {
  it('is allowed on any replica that knows its state to be recent, and says how recent', async () => {
    const cluster = await createMemoryCluster(3, () => new KeyValue());
    await cluster.leader();
    await cluster.node(1).propose(command('set a 1'));
    const writtenMs = performance.now();
    for (const id of [1, 2, 3]) {
      const node = cluster.node(id);
      const since = (): number => performance.now() - writtenMs;
      await eventually(`replica ${id} has the write`, () => isRecent(node, since()));
      expect((cluster.stateMachine(id) as KeyValue).values.get('a')).toBe('1');
    }
    await cluster.stop();
  });

  it('is refused with the age of the state when it is too old', async () => {
    const cluster = await createMemoryCluster(3, () => new KeyValue());
    const leader = await cluster.leader();
    const id = leader.id === 1 ? 2 : 1;
    const node = cluster.node(id);
    await eventually('its age is known', () => isRecent(node, 5000));
    cluster.isolate(id);
    await eventually('it gets old', () => !isRecent(node, 200));

    const read = (): number => node.localRead({ maxStalenessMs: 200 });

    expect(read).toThrow(RaftError);
    expect(read).toThrow(/^the local state is \d+ ms old, at most 200 ms are allowed$/);
    const ages: (number | undefined)[] = [];
    try {
      read();
    } catch (error) {
      ages.push((error as RaftError).ageMs);
    }
    expect(ages[0]).toBeGreaterThan(200);
    await cluster.stop();
  });

  it('takes only numbers of at least 0', async () => {
    const cluster = await createMemoryCluster(1, () => new KeyValue());
    const leader = await cluster.leader();
    for (const maxStalenessMs of [-1, NaN]) {
      expect(() => leader.localRead({ maxStalenessMs })).toThrow('must be a number of at least 0');
    }
    await cluster.stop();
  });
});
