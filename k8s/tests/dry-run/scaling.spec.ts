import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { KubeObject } from '../render/kube-object';
import { render } from '../render/render';
import { K8S, withOverlay } from '../support/manifests';
import { Cluster } from './cluster';

const READY_TIMEOUT_MS = 90_000;
const CLI = path.join(K8S, '..', 'tools', 'cli', 'dist', 'main.js');

const onLinux = process.platform === 'linux' ? describe : describe.skip;

/** The manifests of one group, without the rest of the suite. */
function lockServiceOf(objects: readonly KubeObject[]): KubeObject[] {
  return objects.filter(({ metadata }) => metadata.name.startsWith('lock-service'));
}

/** What docs/guides/deploy-to-kubernetes.md puts into the overlay. */
function scaledToFive(): KubeObject[] {
  const peers = Array.from(
    { length: 5 },
    (_, ordinal) => `${ordinal + 1}=lock-service-${ordinal}.lock-service-peers:51071`,
  );
  const fields = {
    replicas: [{ name: 'lock-service', count: 5 }],
    configMapGenerator: [
      {
        name: 'lock-service-config',
        behavior: 'merge',
        literals: ['RAFTWAY_INITIAL_STATE=existing', `RAFTWAY_PEERS=${peers.join(',')}`],
      },
    ],
  };
  return lockServiceOf(withOverlay('overlays/local', fields, render));
}

onLinux('a group that grows from three members to five', () => {
  let cluster: Cluster;

  afterAll(() => cluster.dispose(), 120_000);

  it(
    'has new pods that wait until they are added, and then five voters',
    async () => {
      cluster = new Cluster(lockServiceOf(render(path.join(K8S, 'overlays', 'local'))));
      await cluster.start();
      await cluster.ready(READY_TIMEOUT_MS);
      await cluster.stop();

      cluster = new Cluster(scaledToFive(), cluster.directory);
      await cluster.start();
      const [first, second, third, ...added] = cluster.podsOf('lock-service');
      const founders = [first, second, third].filter((pod) => pod !== undefined);
      await cluster.ready(READY_TIMEOUT_MS, founders);
      const servers = founders.map(({ plan }) => `${plan.ip}:50071`).join(',');
      const raft = async (...args: string[]): Promise<string> => {
        const { stdout } = await run(process.execPath, [CLI, 'raft', ...args, '--server', servers]);
        return stdout;
      };

      expect(added.map(({ isReady }) => isReady)).toEqual([false, false]);
      await raft('add', '4', 'lock-service-3.lock-service-peers:51071');
      await raft('add', '5', 'lock-service-4.lock-service-peers:51071');

      await cluster.ready(READY_TIMEOUT_MS);
      const status = await raft('status', '--json');
      const [answer] = JSON.parse(status) as { status: { members: { voter: boolean }[] } }[];
      expect(answer?.status.members.map(({ voter }) => voter)).toEqual(Array(5).fill(true));
    },
    3 * READY_TIMEOUT_MS,
  );
});

const run = promisify(execFile);
