import path from 'node:path';
import { render } from '../render/render';
import { K8S } from '../support/manifests';
import { APPS, RAFT_APPS } from '../support/workloads';
import { Cluster } from './cluster';
import { eventually } from './eventually';
import { Greetings } from './greeter-client';

const READY_TIMEOUT_MS = 90_000;
const HEAL_TIMEOUT_MS = 60_000;

// Only Linux has all of 127.0.0.0/8 without further ado.
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a dry run of overlays/local', () => {
  let cluster: Cluster;
  let greetings: Greetings;

  beforeAll(async () => {
    cluster = await Cluster.start(render(path.join(K8S, 'overlays', 'local')));
    await cluster.ready(READY_TIMEOUT_MS);
    greetings = new Greetings(`${cluster.podsOf('gateway')[0]?.plan.ip ?? ''}:8080`);
  }, READY_TIMEOUT_MS + 10_000);

  afterAll(async () => {
    // Not there when the pods did not become ready; they are to be ended nevertheless.
    greetings?.close();
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

  it.each(['greeter', 'gateway', 'lock-service', 'registry'])(
    'heals when a process of %s is killed',
    async (workload) => {
      const [pod] = cluster.podsOf(workload);
      if (pod === undefined) throw new Error(`there is no pod of ${workload}`);
      const before = pod.restarts;

      process.kill(pod.pid, 'SIGKILL');

      await eventually('the restart', HEAL_TIMEOUT_MS, () => pod.restarts === before + 1);
      await cluster.ready(HEAL_TIMEOUT_MS, [pod]);
      await eventually('a numbered greeting', HEAL_TIMEOUT_MS, async () => {
        return (await greetings.numbered('again')) > 0n;
      });
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

  it('drains every pod within its grace period', async () => {
    const endings = await cluster.stop();

    expect(Object.fromEntries(endings)).toEqual(
      Object.fromEntries(cluster.pods.map(({ plan }) => [plan.name, { code: 0, signal: null }])),
    );
  }, 120_000);
});
