import { existsSync } from 'node:fs';
import path from 'node:path';
import { render } from '../render/render';
import { withOverlay } from '../support/manifests';
import { issueCertificates } from './certificates';
import { Cluster } from './cluster';
import { type GroupStatus, raftway } from './command-line';
import { eventually } from './eventually';
import { Greetings } from './greeter-client';
import { secretDirectory } from './pod-plan';

const READY_TIMEOUT_MS = 90_000;
const ANSWER_TIMEOUT_MS = 60_000;

describe('a dry run of overlays/local with mtls', () => {
  let cluster: Cluster;
  let greetings: Greetings | undefined;
  let gateway: string;
  let caPem: string | undefined;

  afterAll(async () => {
    greetings?.close();
    await cluster?.dispose();
  }, 120_000);

  beforeAll(async () => {
    const objects = withOverlay('overlays/local', { components: ['components/mtls'] }, render);
    cluster = await Cluster.start(objects, async (directory) => {
      caPem = await issueCertificates(objects, directory);
    });
    await cluster.ready(READY_TIMEOUT_MS);
    gateway = cluster.addressOf('gateway');
    greetings = new Greetings(gateway, caPem);
  }, READY_TIMEOUT_MS + 10_000);

  it('greets with a lock and an id: the greeter calls the gateway, which calls everybody', async () => {
    await eventually('a numbered greeting', ANSWER_TIMEOUT_MS, async () => {
      return ((await greetings?.numbered('Kubernetes')) ?? 0n) > 0n;
    });
  });

  it.each(['registry', 'lock-service', 'id-service'])(
    'every replica of %s takes part, and answers an operator with a certificate',
    async (app) => {
      const port = cluster.podsOf(app)[0]?.plan.workload.ports.get('grpc');
      const servers = cluster.podsOf(app).map(({ plan }) => `${plan.ip}:${port ?? 0}`);
      const secret = secretDirectory(cluster.directory, 'greeter-tls');
      const tls = ['--tls-name', app].concat(
        ['--tls-ca', path.join(secret, 'ca.crt')],
        ['--tls-cert', path.join(secret, 'tls.crt'), '--tls-key', path.join(secret, 'tls.key')],
      );

      await eventually('all follow one leader', ANSWER_TIMEOUT_MS, async () => {
        const args = ['raft', 'status', '--json', '--server', servers.join(), ...tls];
        const answers = JSON.parse(await raftway(...args)) as GroupStatus;
        const [leader, ...others] = new Set(answers.map(({ status }) => status?.leaderId));
        return answers.length === 3 && Number(leader) > 0 && others.length === 0;
      });
    },
    2 * ANSWER_TIMEOUT_MS,
  );

  it('says nothing to callers without TLS', async () => {
    const plaintext = new Greetings(gateway);
    await expect(plaintext.hello('Kubernetes')).rejects.toThrow(/UNAVAILABLE/);
    plaintext.close();
  });
});

describe('a dry run whose certificates cannot be issued', () => {
  it('ends with the reason, and leaves nothing behind', async () => {
    let directory = '';
    const started = Cluster.start([], (made) => {
      directory = made;
      return Promise.reject(new Error('no certificates'));
    });

    await expect(started).rejects.toThrow('no certificates');

    expect(directory).not.toBe('');
    expect(existsSync(directory)).toBe(false);
  });
});
