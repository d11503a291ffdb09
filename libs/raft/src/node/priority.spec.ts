import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually } from '../../test/support/key-value';
import { createMemoryCluster } from './memory-cluster';
import { KeyValue } from '../../test/support/key-value';

const ELECTION_TIMEOUT_MS = 250;
const PRIORITIES = [1, 1, 9];
/** A failover takes up to two election timeouts and a few messages; a machine that is busy with other things may take as long again. */
const FAILOVER_MAX_MS = 4 * ELECTION_TIMEOUT_MS;

describe('priorities of replicas with real links and disks', () => {
  it('bring leadership home, let another one lead while home is down, and bring it back', async () => {
    const options = { electionTimeoutMs: ELECTION_TIMEOUT_MS };
    const priorityOf = (id: number): object => ({ priority: PRIORITIES[id - 1] });
    const cluster = await GrpcCluster.start(3, options, 0, priorityOf);
    try {
      const leads = (id: number): boolean => cluster.node(id).status().role === 'leader';
      await eventually('the third leads', () => leads(3));
      await cluster.node(1).propose(command('add before 1'));

      await cluster.stopNode(3);
      const stoppedMs = performance.now();
      await eventually('another one leads', () => leads(1) || leads(2));
      expect(performance.now() - stoppedMs).toBeLessThan(FAILOVER_MAX_MS);
      for (let written = 0; written < 50; written += 1) {
        await cluster.node(1).propose(command(`add meanwhile-${written} 1`));
      }

      await cluster.startNode(3);
      await eventually('the third leads again', () => leads(3));
      await cluster.node(3).readBarrier();
      expect(cluster.machines.get(3)?.values.get('meanwhile-49')).toBe('1');
      const { priority, members } = cluster.node(3).status();
      expect(priority).toBe(9);
      expect(members.map((member) => member.priority)).toEqual(PRIORITIES);
      const messages = cluster.logs.map(({ message }) => message);
      expect(messages).toContain('hands leadership over to a replica of higher priority');
    } finally {
      await cluster.stop();
    }
  }, 60_000);

  it.each([-1, 101, 0.5])('cannot be %d', async (priority) => {
    const starting = createMemoryCluster(1, () => new KeyValue(), { priority });
    await expect(starting).rejects.toMatchObject({
      code: 'invalidOptions',
      message: `priority must be a whole number from 0 to 100, not ${priority}`,
    });
  });
});
