import { silentLogger } from '@raftway/observability';
import { createMemoryCluster } from '@raftway/raft/testing';
import { NOTHING } from '../../testing/nothing';
import { ScaleDown } from './scale-down';
import type { SetSize } from './set-size';

type Group = Awaited<ReturnType<typeof createMemoryCluster<number>>>;

const timing = { intervalMs: 20, steadyMs: 100, contactMaxMs: 2_000 };

let group: Group;
let size: SetSize | Error;
let scalers: ScaleDown[];
let failedReads: number;

beforeEach(async () => {
  group = await createMemoryCluster(5, () => NOTHING);
  await group.leader();
  size = { replicas: 5, firstOrdinal: 0 };
  failedReads = 0;
  scalers = [...group.nodes.values()].map(
    (node) =>
      new ScaleDown({
        node,
        pods: { isPod: () => true },
        readSize: () => (size instanceof Error ? Promise.reject(size) : Promise.resolve(size)),
        logger: silentLogger(),
        onRemoved: () => undefined,
        onReadFailed: () => void (failedReads += 1),
        timing,
      }),
  );
  for (const scaler of scalers) scaler.start();
});

afterEach(async () => {
  await Promise.all(scalers.map((scaler) => scaler.stop()));
  await group.stop();
});

async function members(): Promise<number[]> {
  const leader = await group.leader();
  return leader
    .status()
    .members.map(({ id }) => id)
    .sort();
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a group that follows its StatefulSet', () => {
  it('loses the members whose pods are gone, the leader too', async () => {
    size = { replicas: 3, firstOrdinal: 0 };

    // A leader that removes itself leads on until that is decided.
    await until(async () => (await group.leader()).id <= 3 && (await members()).length === 3);

    expect(await members()).toEqual([1, 2, 3]);
    const { members: left } = (await group.leader()).status();
    expect(left.every(({ voter }) => voter)).toBe(true);
  }, 90_000);

  it('keeps all members while the API cannot be asked', async () => {
    size = new Error('the API is away');

    await until(() => failedReads > 10);

    expect(await members()).toEqual([1, 2, 3, 4, 5]);
  }, 90_000);
});
