import { command, eventually, KeyValue } from '../../test/support/key-value';
import { BackupDecoder } from '../backup/backup-file';
import { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import { Backups } from './backups';
import { createMemoryCluster, type MemoryCluster } from './memory-cluster';

const REQUEST = { service: 'kv', version: '0.1.0', takenAtMs: 1 };
/** A replica that has applied one entry. */
const POSITIONED = {
  raft: { configurationAt: () => ({ clusterId: 'kv', members: [] }) },
  applyQueue: { position: { index: 1, term: 1, stampMs: 0 } },
};

async function read(pieces: AsyncIterable<Uint8Array>) {
  const data: Uint8Array[] = [];
  const decoder = new BackupDecoder((piece) => void data.push(Uint8Array.from(piece)));
  for await (const piece of pieces) decoder.push(piece);
  return { summary: decoder.finish(), data: Buffer.concat(data) };
}

describe('a backup of a running group', () => {
  let cluster: MemoryCluster<string>;

  beforeEach(async () => {
    cluster = await createMemoryCluster(3, () => new KeyValue());
    await cluster.leader();
  });

  afterEach(() => cluster.stop());

  it('has everything that was acknowledged before it was asked for, whichever replica is asked', async () => {
    for (const [id, node] of cluster.nodes) {
      const { index } = await (await cluster.leader()).propose(command(`set key ${id}`));

      const { summary, data } = await read(await node.backup(REQUEST));

      expect(summary.snapshot.lastIncludedIndex).toBeGreaterThanOrEqual(index);
      expect(data.toString()).toContain(`["key","${id}"]`);
    }
  });

  it('is of one moment, though commands are applied while it is read', async () => {
    const leader = await cluster.leader();
    await leader.propose(command('set key before'));
    const pieces = await leader.backup(REQUEST);
    const first = await pieces.next();
    await leader.propose(command('set key after'));

    const rest: Uint8Array[] = [];
    for await (const piece of pieces) rest.push(piece);

    const text = Buffer.concat([first.value as Buffer, ...rest]).toString('latin1');
    expect(text).toContain('before');
    expect(text).not.toContain('after');
  });

  it('is one at a time; the next may begin when it is read, left or cancelled', async () => {
    const leader = await cluster.leader();
    const left = await leader.backup(REQUEST);
    await expect(leader.backup(REQUEST)).rejects.toMatchObject({ code: 'queueFull' });
    await left.return?.();

    const cancel = new AbortController();
    const cancelled = await leader.backup({ ...REQUEST, signal: cancel.signal });
    cancel.abort();
    await expect(cancelled.next()).rejects.toMatchObject({ code: 'cancelled' });

    await read(await leader.backup(REQUEST));
    await read(await leader.backup(REQUEST));
  });

  it('is told that the replica has stopped', async () => {
    const leader = await cluster.leader();
    const pieces = await leader.backup(REQUEST);
    await pieces.next();

    await leader.stop();

    await expect(pieces.next()).rejects.toMatchObject({ code: 'stopped' });
  });

  it('makes way for the next one when the state machine fails while it is read', async () => {
    let isBroken = true;
    const snapshotSlices = (): Iterable<Uint8Array> =>
      (function* () {
        yield new Uint8Array(1024 * 1024);
        if (isBroken) throw new Error('the state machine is broken');
      })();
    const backups = new Backups(POSITIONED.raft, { snapshotSlices }, POSITIONED.applyQueue);
    await expect(read(backups.begin(REQUEST))).rejects.toThrow('broken');

    isBroken = false;

    expect((await read(backups.begin(REQUEST))).data).toHaveLength(1024 * 1024);
  });

  it('is given up when nobody reads on, so that its state is not kept for ever', async () => {
    const machine = new DeduplicatedStateMachine(new KeyValue());
    const backups = new Backups(POSITIONED.raft, machine, POSITIONED.applyQueue, 5);
    const pieces = backups.begin(REQUEST);
    await pieces.next();

    await eventually('another one may begin', () => {
      try {
        void backups.begin(REQUEST).return?.();
        return true;
      } catch {
        return false;
      }
    });

    await expect(pieces.next()).rejects.toMatchObject({ code: 'deadlineExceeded' });
  });

  it('is not begun by a replica that cannot ask a majority', async () => {
    const leader = await cluster.leader();
    const others = [...cluster.nodes.values()].filter((node) => node !== leader);
    await Promise.all(others.map((node) => node.stop()));
    await eventually('it knows', () => leader.status().role !== 'leader');

    const asked = leader.backup({ ...REQUEST, timeoutMs: 200 });

    await expect(asked).rejects.toMatchObject({ name: 'RaftError' });
  });
});
