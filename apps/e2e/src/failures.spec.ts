import { answered, eventually } from './harness/eventually';
import { ForeignClient, type Message } from './harness/foreign-client';
import { leaderOf } from './harness/groups';
import { Suite } from './harness/suite';

const PORT_OFFSET = 500;
/** A group must answer again this long after its leader was killed. */
const FAILOVER_MS = 3_000;

/** Real processes, real disks, kill -9. */
describe('a suite whose processes die', () => {
  let suite: Suite;
  let clients: Record<'greeter' | 'locks' | 'ids' | 'registry', ForeignClient>;

  const connect = (): void => {
    clients = {
      greeter: new ForeignClient(suite.gateway, 'helloworld.Greeter'),
      locks: new ForeignClient(suite.gateway, 'raftway.lock.v1.LockService'),
      ids: new ForeignClient(suite.gateway, 'raftway.id.v1.IdService'),
      registry: new ForeignClient(suite.gateway, 'raftway.registry.v1.RegistryService'),
    };
  };
  const disconnect = (): void => Object.values(clients).forEach((client) => client.close());

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: PORT_OFFSET });
    connect();
  });

  afterAll(async () => {
    disconnect();
    await suite.dispose();
  });

  /** Calls that change replicated state, one for each group. */
  const mutations: Record<string, () => Promise<Message>> = {
    'lock-service': () => clients.locks.call('OpenSession', { ttl: { seconds: 5 } }, 1_000),
    'id-service': () => clients.ids.call('NextSequence', { name: 'failover' }, 1_000),
    registry: () =>
      clients.registry.call(
        'Register',
        {
          instance: { service: 'probe', instance_id: 'probe-1', address: '127.0.0.1:9' },
          ttl: { seconds: 5 },
        },
        1_000,
      ),
  };

  it.each(['registry', 'lock-service', 'id-service'])(
    'answers again within 3 s when the leader of %s is killed while calls run',
    async (service) => {
      const mutate = mutations[service];
      if (mutate === undefined) throw new Error(`no call for ${service}`);
      let running = true;
      const background = (async () => {
        while (running) await mutate().catch(() => undefined);
      })();
      const leader = await leaderOf(suite, service);

      await suite.kill(leader.name);
      const { tookMs } = await answered(`${service} answers`, FAILOVER_MS, mutate);

      expect(tookMs).toBeLessThan(FAILOVER_MS);
      running = false;
      await background;
      suite.startAgain(leader.name);
      await eventually(`${leader.name} takes part again`, 20_000, async () => {
        const admin = new ForeignClient(leader.address, 'raftway.raft.v1.RaftAdminService');
        const status = await admin.call('GetStatus', {}, 1_000).catch(() => undefined);
        admin.close();
        return Number(status?.['leader_id'] ?? 0) > 0;
      });
    },
  );

  it('leads a group where its priorities say, and elsewhere while that replica is dead', async () => {
    const service = 'id-service';
    const replicas = suite.instances(service);
    const home = replicas[2]?.name ?? '';
    const start = (name: string): void => {
      suite.startAgain(name, { RAFTWAY_RAFT_PRIORITY: name === home ? '9' : '1' });
    };
    const isHome = async (): Promise<boolean> => (await leaderOf(suite, service)).name === home;
    await Promise.all(replicas.map(({ name }) => suite.kill(name)));
    for (const { name } of replicas) start(name);
    const mutate = mutations[service] as () => Promise<Message>;
    await answered(`${service} answers`, 30_000, mutate);
    await eventually('its home leads', 30_000, isHome);

    await suite.kill(home);
    await answered(`${service} answers`, FAILOVER_MS, mutate);
    expect(await isHome()).toBe(false);

    start(home);
    await eventually('its home leads again', 30_000, isHome);
    await answered(`${service} answers`, FAILOVER_MS, mutate);
  });

  it('stops calling a greeter that was killed, and calls a new one without any restart', async () => {
    await suite.kill('greeter-1');
    const afterDeath = await Promise.allSettled(
      Array.from({ length: 50 }, () => clients.greeter.call('SayHello', { name: 'Ada' })),
    );

    expect(afterDeath.filter(({ status }) => status === 'rejected')).toEqual([]);

    const address = `127.0.0.1:${20053 + PORT_OFFSET}`;
    suite.startAgain('greeter-1', {
      RAFTWAY_BIND: address,
      RAFTWAY_HTTP_BIND: `127.0.0.1:${22053 + PORT_OFFSET}`,
      RAFTWAY_INSTANCE_ID: 'greeter-3',
    });
    await eventually('the new greeter is called', 15_000, async () => {
      const { instance_id: instance } = await clients.greeter.call('SayHelloNumbered', {
        name: 'Ada',
      });
      return instance === 'greeter-3';
    });
  });

  it('keeps locks held and sequences going when everything was killed and started again', async () => {
    const held = await clients.locks.call('Acquire', { name: 'survivor', ttl: { seconds: 600 } });
    const before = await clients.ids.call('NextSequence', { name: 'survivor', count: 5 });
    const beforeIds = await clients.ids.call('GenerateIds', { count: 100 });
    const replicas = ['registry', 'lock-service', 'id-service'].flatMap((service) =>
      suite.instances(service),
    );

    await Promise.all(replicas.map(({ name }) => suite.kill(name)));
    for (const { name } of replicas) suite.startAgain(name);

    const { value: again } = await answered('the lock is seen', 30_000, () =>
      clients.locks.call('GetLock', { name: 'survivor' }, 2_000),
    );
    const lock = again['lock'] as { holders: { session_id: string; fencing_token: string }[] };
    expect(lock.holders).toMatchObject([
      { session_id: held['session_id'], fencing_token: held['fencing_token'] },
    ]);
    expect(await clients.locks.call('Acquire', { name: 'survivor' })).toMatchObject({
      acquired: false,
    });
    const { value: after } = await answered('the sequence goes on', 30_000, () =>
      clients.ids.call('NextSequence', { name: 'survivor', request_id: 'after-restart' }, 2_000),
    );
    expect(Number(after['first'])).toBe(Number(before['last']) + 1);
    const { value: afterIds } = await answered('ids are made', 30_000, () =>
      clients.ids.call('GenerateIds', { count: 100 }, 2_000),
    );
    const all = [...idsOf(beforeIds), ...idsOf(afterIds)];
    expect(new Set(all).size).toBe(200);
    await answered('the greeter is called', 30_000, () =>
      clients.greeter.call('SayHello', { name: 'Ada' }, 2_000),
    );
  });
});

/** A separate suite: here Ctrl-C must meet processes that nobody has killed before. */
describe('Ctrl-C under load', () => {
  it('ends with no failed call that was accepted', async () => {
    const suite = await Suite.start({ portOffset: 600 });
    const accepted = { ok: 0, refused: 0, failed: [] as string[] };
    let running = true;
    const worker = async (
      work: (client: ForeignClient) => Promise<unknown>,
      service: string,
    ): Promise<void> => {
      const client = new ForeignClient(suite.gateway, service);
      while (running) {
        try {
          await work(client);
          accepted.ok += 1;
        } catch (error) {
          if (isRefused(error)) {
            accepted.refused += 1;
            await new Promise((resolve) => setTimeout(resolve, 20));
          } else accepted.failed.push(String(error));
        }
      }
      client.close();
    };
    const workers = Array.from({ length: 4 }, (_, index) => [
      worker((client) => client.call('SayHello', { name: 'Ada' }), 'helloworld.Greeter'),
      worker(
        (client) => client.call('NextSequence', { name: `load-${index}` }),
        'raftway.id.v1.IdService',
      ),
    ]).flat();
    try {
      await eventually('the load runs', 20_000, () => accepted.ok > 500);

      const result = await suite.stop();

      running = false;
      await Promise.all(workers);
      expect(accepted.failed).toEqual([]);
      expect(accepted.refused).toBeGreaterThan(0);
      expect(result.code).toBe(0);
    } finally {
      running = false;
      await suite.dispose();
    }
  });
});

/** The gateway was not there to take the call, or said that it takes none: the call was never accepted. */
function isRefused(error: unknown): boolean {
  return /UNAVAILABLE.*(ECONNREFUSED|No connection established|DRAINING|draining|not accepting)/s.test(
    String(error),
  );
}

function idsOf(reply: Message): string[] {
  return (reply['ids'] as { text: string }[]).map(({ text }) => text);
}
