import path from 'node:path';
import { render } from '../render/render';
import { K8S } from '../support/manifests';
import { APPS, RAFT_APPS } from '../support/workloads';
import { Cluster } from './cluster';
import { eventually } from './eventually';
import { Greetings } from './greeter-client';
import { leaderOf } from './leader';
import { restartEverything } from './rolling-restart';
import { Traffic } from './traffic';

const READY_TIMEOUT_MS = 90_000;
const HEAL_TIMEOUT_MS = 60_000;
/** From SIGKILL until the pod is ready again: the restart, a start, and its probes; on an idle machine 4 s. */
const READY_AGAIN_MAX_MS = 30_000;
const ROLLING_RESTART_TIMEOUT_MS = 240_000;

/**
 * What calls may end with on a machine that lets processes stand still for an election timeout: their time was over. An orderly restart causes none of
 * these, and what it could cause is never excused.
 */
const OUT_OF_TIME = /(DEADLINE_EXCEEDED|NO_LEADER|NO_WORKER_LEASE|LOCK_HELD)$/;
const STARVED_MS = 500;
/**
 * What a client may be told while a process is dead: that nothing happened, or that nobody knows. A session may end that could not be renewed; that
 * it did not end early is looked at in the end.
 */
const MAY_FAIL =
  /(UPSTREAM_LOST|OUTCOME_UNKNOWN|UNAVAILABLE|NOT_CONNECTED|NO_LIVE_INSTANCE|INSTANCES_UNREACHABLE|REGISTRY_UNAVAILABLE|SESSION_NOT_FOUND|DEADLINE_EXCEEDED|NO_LEADER|NO_WORKER_LEASE|LOCK_HELD)$/;

describe('a dry run of overlays/local', () => {
  let cluster: Cluster;
  let greetings: Greetings;
  let traffic: Traffic;

  beforeAll(async () => {
    cluster = await Cluster.start(render(path.join(K8S, 'overlays', 'local')));
    await cluster.ready(READY_TIMEOUT_MS);
    await cluster.known(READY_TIMEOUT_MS);
    const gateway = cluster.addressOf('gateway');
    greetings = new Greetings(gateway);
    traffic = new Traffic(gateway, 1);
  }, READY_TIMEOUT_MS + 10_000);

  afterAll(async () => {
    // Not there when the pods did not become ready; they are to be ended nevertheless.
    greetings?.close();
    traffic?.close();
    await cluster?.dispose();
  }, 120_000);

  it('brings up three pods of each Raft service and one of each other app, none of which was started twice', () => {
    const expected = APPS.flatMap((app) => (RAFT_APPS.includes(app) ? [app, app, app] : [app]));
    expect(cluster.pods.map(({ plan }) => plan.workload.name).sort()).toEqual(expected.sort());
    expect(cluster.pods.map(({ restarts }) => restarts)).toEqual(cluster.pods.map(() => 0));
  });

  it('greets through the gateway', async () => {
    await eventually('the gateway routes to the greeter', HEAL_TIMEOUT_MS, async () => {
      return (await greetings.hello('Kubernetes')) === 'Hello, Kubernetes!';
    });
  });

  it('takes locks and ids through the gateway', async () => {
    let first = 0n;
    await eventually('a numbered greeting', HEAL_TIMEOUT_MS, async () => {
      first = await greetings.numbered('Kubernetes');
      return true;
    });

    expect(await greetings.numbered('Kubernetes')).toBeGreaterThan(first);
  });

  it(
    'replaces all pods under load, and no call fails',
    async () => {
      traffic.start();
      await eventually('everything is called', HEAL_TIMEOUT_MS, () => traffic.hasAnswered(3));

      const round = await restartEverything(cluster, traffic, true);

      const { replaced, findings, stalledMs } = round;
      const failures = [...round.failures].filter(
        ([what]) => stalledMs < STARVED_MS || !OUT_OF_TIME.test(what),
      );
      expect(Object.fromEntries(failures)).toEqual({});
      // Leases, and calls that wait: none ended, none lost its place.
      expect(findings).toEqual([]);
      expect(replaced.map(({ workload }) => workload).sort()).toEqual(
        cluster.pods.map(({ plan }) => plan.workload.name).sort(),
      );
      expect(replaced.filter(({ ending }) => ending?.code !== 0)).toEqual([]);
    },
    ROLLING_RESTART_TIMEOUT_MS,
  );

  it.each(APPS)(
    'heals when a process of %s is killed, and what fails meanwhile says that it may',
    async (workload) => {
      const pod = (await leaderOf(cluster, workload))?.pod ?? cluster.podsOf(workload)[0];
      if (pod === undefined) throw new Error(`there is no pod of ${workload}`);
      const before = { restarts: pod.restarts, failures: traffic.failures() };

      process.kill(pod.pid, 'SIGKILL');

      await eventually('the restart', HEAL_TIMEOUT_MS, () => pod.restarts === before.restarts + 1);
      await cluster.ready(READY_AGAIN_MAX_MS, [pod]);
      await eventually('a numbered greeting', HEAL_TIMEOUT_MS, async () => {
        return (await greetings.numbered('again')) > 0n;
      });
      const failures = [...traffic.failuresSince(before.failures).keys()];
      expect(failures.filter((what) => !MAY_FAIL.test(what))).toEqual([]);
    },
    2 * HEAL_TIMEOUT_MS,
  );

  it('takes a process that hangs out of its Services, and back when it goes on', async () => {
    const [pod] = cluster.podsOf('greeter');
    if (pod === undefined) throw new Error('there is no greeter');
    const before = pod.restarts;

    process.kill(pod.pid, 'SIGSTOP');

    await eventually('it is not ready', HEAL_TIMEOUT_MS, () => !pod.isReady);
    process.kill(pod.pid, 'SIGCONT');
    await cluster.ready(HEAL_TIMEOUT_MS, [pod]);

    expect(pod.restarts).toBe(before);
  });

  it('has lost nothing that it acknowledged, and told nobody anything that was not so', async () => {
    const verdicts = await traffic.judge();

    expect(verdicts.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
  }, 120_000);

  it('drains every pod within its grace period', async () => {
    const endings = await cluster.stop();

    expect(Object.fromEntries(endings)).toEqual(
      Object.fromEntries(cluster.pods.map(({ plan }) => [plan.name, { code: 0, signal: null }])),
    );
  }, 120_000);
});
