import { rmSync } from 'node:fs';
import type { KubeObject } from '../render/kube-object';
import { render } from '../render/render';
import { withOverlay } from '../support/manifests';
import { Cluster } from './cluster';
import { eventually } from './eventually';
import { leaderOf } from './leader';
import { LockTaker } from './lock-taker';

const READY_TIMEOUT_MS = 120_000;
/** A leader believes in a number of replicas after some ten seconds, and removes one member after the other. */
const REMOVAL_TIMEOUT_MS = 90_000;

/** What calls of the lock service need of the suite. */
const NEEDED = /^(registry|lock-service|gateway)/;

/** `kubectl scale statefulset/lock-service --replicas=N`, as it shows in the manifests. */
function scaledTo(count: number, generation = 0): KubeObject[] {
  const literals = [`RAFTWAY_RAFT_JOIN_GENERATION=${generation}`];
  const fields = {
    replicas: [{ name: 'lock-service', count }],
    configMapGenerator: [{ name: 'lock-service-config', behavior: 'merge', literals }],
  };
  const objects = withOverlay('overlays/local', fields, render);
  return objects.filter(({ metadata }) => NEEDED.test(metadata.name));
}

describe('a Raft group whose StatefulSet is scaled', () => {
  let cluster: Cluster;
  let taker: LockTaker;

  beforeAll(async () => {
    cluster = await Cluster.start(scaledTo(3));
    await cluster.ready(READY_TIMEOUT_MS);
    taker = new LockTaker(cluster.addressOf('gateway'));
    await eventually('the gateway routes to the lock service', READY_TIMEOUT_MS, async () => {
      await taker.open();
      return true;
    });
  }, 3 * READY_TIMEOUT_MS);

  afterAll(async () => {
    await taker?.stop();
    taker?.close();
    await cluster?.dispose();
  }, 120_000);

  /** The voters' ids, as the leader has them; none without a leader. */
  async function voters(): Promise<number[]> {
    const leader = await leaderOf(cluster, 'lock-service');
    const members = leader?.status.members ?? [];
    return members.filter(({ voter }) => voter).map(({ id }) => Number(id));
  }

  async function scale(
    count: number,
    expected: readonly number[],
    generation?: number,
  ): Promise<void> {
    await cluster.apply(scaledTo(count, generation));
    const what = `the voters are ${expected.join()}`;
    await eventually(what, REMOVAL_TIMEOUT_MS, async () => {
      const found = await voters();
      if (found.toSorted((one, other) => one - other).join() === expected.join()) return true;
      throw new Error(`they are ${found.join()}`);
    }).catch((error: unknown) => {
      const pods = cluster.podsOf('lock-service').map((pod) => pod.describe());
      throw new Error(`${String(error)}\n\n${pods.join('\n\n')}`, { cause: error });
    });
  }

  it(
    'has the members that it has pods, from three to five, back and up again, and no call fails',
    async () => {
      taker.start();

      await scale(5, [1, 2, 3, 4, 5]);
      await cluster.ready(READY_TIMEOUT_MS);
      await scale(3, [1, 2, 3]);
      // With the volumes that they had: the log of one who was removed is as good as that of one who was away.
      await scale(5, [1, 2, 3, 4, 5]);
      await cluster.ready(READY_TIMEOUT_MS);
      await taker.stop();

      expect(taker.failures).toEqual([]);
      expect(taker.taken.size).toBeGreaterThan(100);
      expect(await taker.held()).toEqual(taker.taken);
    },
    3 * REMOVAL_TIMEOUT_MS + 2 * READY_TIMEOUT_MS,
  );

  it(
    'does not let a pod back in whose volume was wiped, says why, and takes it under a new id',
    async () => {
      const wipe = (): void =>
        rmSync(cluster.volumeOf('lock-service-3', 'data'), { recursive: true });
      await scale(3, [1, 2, 3]);
      wipe();

      await scale(5, [1, 2, 3, 5]);

      const wiped = cluster.pod('lock-service-3');
      await eventually('it says why it waits', READY_TIMEOUT_MS, () =>
        /waitsFor.*its data directory was replaced/.test(wiped.log),
      );
      expect(wiped.isReady).toBe(false);
      await scale(3, [1, 2, 3]);
      wipe();
      await scale(5, [1, 2, 3, 5, 1004], 1);
      expect(await taker.held()).toEqual(taker.taken);
    },
    5 * REMOVAL_TIMEOUT_MS,
  );
});
