import { HangingDisk } from '../../test/support/hanging-disk';
import { command, eventually, KeyValue } from '../../test/support/key-value';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import type { RaftNode } from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import { MemoryNetwork } from '../transport/memory-network';
import { createRaftNode } from './create-raft-node';

/** So long that a busy machine, on which a turn of these three replicas takes a tenth of a second, starts no election of its own accord. */
const ELECTION_TIMEOUT_MS = 400;
/** Four election timeouts until it gives up, two until somebody campaigns, and room for a busy machine. */
const BOUND_MS = 6 * ELECTION_TIMEOUT_MS + 1_000;

describe('a leader whose disk hangs (hashicorp/raft #503)', () => {
  const disks = new Map<number, HangingDisk>();
  const nodes = new Map<number, RaftNode<string>>();

  beforeEach(async () => {
    const network = new MemoryNetwork();
    const peers = [1, 2, 3].map((id) => ({ id, address: `memory:${id}` }));
    for (const { id } of peers) {
      const disk = new HangingDisk(new MemoryFileSystem());
      disks.set(id, disk);
      const storage = new FileStorage({
        directory: '/data',
        nodeId: id,
        clusterId: 'c',
        fileSystem: disk.fileSystem,
        acquireLock: () => () => undefined,
      });
      const timing = { heartbeatIntervalMs: 10, electionTimeoutMs: ELECTION_TIMEOUT_MS };
      const parts = { stateMachine: new KeyValue(), transport: () => network.endpoint(id) };
      nodes.set(id, createRaftNode({ id, clusterId: 'c', peers, ...timing, ...parts, storage }));
    }
    await Promise.all([...nodes.values()].map((node) => node.start()));
  });

  afterEach(async () => {
    for (const disk of disks.values()) disk.release();
    await Promise.all([...nodes.values()].map((node) => node.stop()));
  });

  async function leader(): Promise<RaftNode<string>> {
    const leads = (node: RaftNode<string>): boolean => node.status().role === 'leader';
    await eventually('a leader', () => [...nodes.values()].some(leads));
    return [...nodes.values()].find(leads) as RaftNode<string>;
  }

  it('gives up leadership within a bounded time, and another one takes writes', async () => {
    const old = await leader();
    await old.propose(command('set a 1'));
    const hungAt = performance.now();
    (disks.get(old.id) as HangingDisk).isHanging = true;

    // The majority has it on disk without the leader, so this one is still answered.
    await old.propose(command('set b 2'));
    await eventually('it gives up', () => old.status().role !== 'leader');
    const tookMs = performance.now() - hungAt;
    const next = await leader();

    expect(tookMs).toBeLessThan(BOUND_MS);
    expect(next.id).not.toBe(old.id);
    expect((await next.propose(command('set c 3'))).result).toBe('3');
  });

  it('does not lead again as long as it hangs, and follows when it goes on', async () => {
    const old = await leader();
    const disk = disks.get(old.id) as HangingDisk;
    disk.isHanging = true;
    // Something to be written. On a busy machine it may lose its leadership before that is committed.
    await old.propose(command('set a 1')).catch(() => undefined);
    await eventually('it gives up', () => old.status().role !== 'leader');

    for (let look = 0; look < 20; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, ELECTION_TIMEOUT_MS / 4));
      expect(old.status().role).not.toBe('leader');
    }
    disk.release();
    const next = await leader();
    const { index } = await next.propose(command('set b 2'));

    await eventually('it has caught up', () => old.status().appliedIndex >= index);
  });
});
