import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, status } from '@grpc/grpc-js';
import { readAppList } from '@raftway/config';
import { TestAuthority, type TestFiles } from '@raftway/tls/testing';
import { answered, eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { leaderOf } from './harness/groups';
import { metricsText } from './harness/metrics';
import { runProgram } from './harness/run-program';
import { type RunningProcess, Suite, WORKSPACE } from './harness/suite';

/** Certificates are looked at every 5 s. */
const RELOAD_WITHIN_MS = 20_000;
const CLI = 'tools/cli/dist/main.js';
const COMMAND_TIMEOUT_MS = 30_000;
/** As without TLS. */
const FAILOVER_MS = 3_000;

const names = ['localhost', '127.0.0.1', ...readAppList(WORKSPACE).keys()];

/** Every process with TLS, and all but the gateway with certificates of their callers, too. */
describe('a suite over mutual TLS', () => {
  let authority: TestAuthority;
  let files: TestFiles;
  let environment: Record<string, string>;
  let suite: Suite;
  let trusted: ChannelCredentials;
  const clients: ForeignClient[] = [];

  const connect = (address: string, service: string, as = trusted): ForeignClient => {
    // A certificate is for a host name; grpc-js sends an IP address as one.
    const client = new ForeignClient(address.replace('127.0.0.1', 'localhost'), service, as);
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    authority = await TestAuthority.create();
    files = await authority.issue({ names });
    environment = {
      RAFTWAY_TLS_CA: files.ca,
      RAFTWAY_TLS_CERT: files.identity.certificate,
      RAFTWAY_TLS_KEY: files.identity.privateKey,
    };
    trusted = readCredentials(files);
    suite = await Suite.start({ portOffset: 850, environment });
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await suite.dispose();
    await authority.remove();
  });

  it('greets through the gateway, which calls the greeter, which calls locks and ids', async () => {
    const anonymous = credentials.createSsl(readFileSync(files.ca));
    const greeter = connect(suite.gateway, 'helloworld.Greeter', anonymous);

    const reply = await greeter.call('SayHelloNumbered', { name: 'Ada' });

    expect(reply['message']).toContain('Ada');
  });

  it('is still learnt by the gateway through reflection', async () => {
    const environment = { RAFTWAY_GATEWAY: suite.gateway, RAFTWAY_TLS_CA: files.ca };
    const call = ['call', 'Greeter/SayHello', '{"name": "Ada"}'];

    const { value: ran } = await answered('the method is known', 20_000, async () => {
      const one = await runProgram(CLI, call, COMMAND_TIMEOUT_MS, { environment });
      expect(one).toMatchObject({ code: 0 });
      return one;
    });

    expect(ran.out).toContain('Hello, Ada!');
    expect(suite.output()).not.toContain('schema not learnt');
  });

  it.each([
    ['without TLS', 'it does not speak TLS', () => credentials.createInsecure()],
    [
      'without a certificate',
      'it has no client certificate',
      () => credentials.createSsl(readFileSync(files.ca)),
    ],
  ])('refuses callers of a replica %s, and its log says so', async (_, reason, make) => {
    const [replica] = suite.instances('lock-service') as [RunningProcess];
    const stranger = connect(replica.address, 'raftway.raft.v1.RaftAdminService', make());

    await expect(stranger.call('GetStatus')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await eventually('it is logged', 5000, () => suite.output().includes(reason));
  });

  it('answers probes over plain HTTP', async () => {
    const [replica] = suite.instances('lock-service') as [RunningProcess];

    expect(await statusOf(`http://${replica.httpAddress}/livez`)).toBe(200);
    expect(await statusOf(`http://${replica.httpAddress}/readyz`)).toBe(200);
  });

  it('goes on within 3 s when the leader is killed', async () => {
    const locks = connect(suite.gateway, 'raftway.lock.v1.LockService');
    const open = () => locks.call('OpenSession', { ttl: { seconds: 5 } }, 1000);
    await open();
    const leader = await leaderOf(suite, 'lock-service', trusted);

    await suite.kill(leader.name);
    const { tookMs } = await answered('lock-service answers', FAILOVER_MS, open);

    expect(tookMs).toBeLessThan(FAILOVER_MS);
    suite.startAgain(leader.name, environment);
    await eventually(`${leader.name} takes part again`, 20_000, async () => {
      const admin = connect(leader.address, 'raftway.raft.v1.RaftAdminService');
      const answer = await admin.call('GetStatus', {}, 1000).catch(() => undefined);
      return Number(answer?.['leader_id'] ?? 0) > 0;
    });
  });

  it('takes over renewed certificates while calls run, and fails none', async () => {
    const greeter = connect(suite.gateway, 'helloworld.Greeter');
    const ids = connect(suite.gateway, 'raftway.id.v1.IdService');
    let running = true;
    const failures: unknown[] = [];
    const calls = [greeter, ids].map(async (client) => {
      while (running) {
        await (
          client === greeter
            ? client.call('SayHello', { name: 'Ada' })
            : client.call('GenerateIds', { count: 1 })
        ).catch((error: unknown) => failures.push(error));
      }
    });

    const isRenewed = async ({ httpAddress }: RunningProcess): Promise<boolean> =>
      (await metricsText(httpAddress)).includes('raftway_tls_reloads_total{result="ok"} 1');
    const processes = ['registry', 'id-service', 'greeter', 'gateway'].flatMap((service) =>
      suite.instances(service),
    );
    try {
      await authority.renew(files, { names: [...names, 'renewed'] });
      await eventually('all have reloaded', RELOAD_WITHIN_MS, async () =>
        (await Promise.all(processes.map(isRenewed))).every(Boolean),
      );
      const fresh = connect(suite.gateway, 'helloworld.Greeter', readCredentials(files));
      await fresh.call('SayHello', { name: 'Ada' });
    } finally {
      running = false;
      await Promise.all(calls);
    }

    expect(failures).toEqual([]);
  });
});

function readCredentials({ ca, identity }: TestFiles): ChannelCredentials {
  const [root, key, chain] = [ca, identity.privateKey, identity.certificate].map((path) =>
    readFileSync(path),
  ) as [Buffer, Buffer, Buffer];
  return credentials.createSsl(root, key, chain);
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status;
}
