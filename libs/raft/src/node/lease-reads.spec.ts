import { command, KeyValue } from '../../test/support/key-value';
import { createMemoryCluster } from './memory-cluster';

describe('lease reads of a replica', () => {
  it('see what was acknowledged before, on the leader and elsewhere', async () => {
    const options = { leaseClockDriftMax: 0.1 };
    const cluster = await createMemoryCluster(3, () => new KeyValue(), options);
    await cluster.leader();
    for (let round = 1; round <= 30; round += 1) {
      const writer = cluster.node(1 + (round % 3));
      const reader = 1 + ((round + 1) % 3);
      await writer.propose(command(`set a ${round}`));
      await cluster.node(reader).readBarrier({ consistency: 'lease' });
      expect((cluster.stateMachine(reader) as KeyValue).values.get('a')).toBe(String(round));
    }
    await cluster.stop();
  });

  it('are refused where the group was not set up for them', async () => {
    const cluster = await createMemoryCluster(1, () => new KeyValue());
    const leader = await cluster.leader();
    const reading = leader.readBarrier({ consistency: 'lease' });
    await expect(reading).rejects.toMatchObject({ code: 'invalidOptions' });
    await cluster.stop();
  });

  it('need a drift below 1', async () => {
    const starting = createMemoryCluster(1, () => new KeyValue(), { leaseClockDriftMax: 1 });
    await expect(starting).rejects.toMatchObject({ code: 'invalidOptions' });
  });
});
