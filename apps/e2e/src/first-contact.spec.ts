import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAppList } from '@raftway/config';
import { bufCurl, bufCurlWeb, type ReflectionProtocol } from './harness/buf-curl';
import { eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { Suite, WORKSPACE } from './harness/suite';

/** Calls and what they answer, through the gateway: a line for each RPC that needs nothing but a request. */
const calls = JSON.parse(
  readFileSync(join(WORKSPACE, 'apps', 'e2e', 'calls.json'), 'utf8'),
) as readonly {
  readonly method: string;
  readonly requests: readonly object[];
  /** What the replies have at least. */
  readonly replies: readonly object[];
}[];

/** What a stranger does first, with clients that are not ours: the calls that the README shows. */
describe('a suite that was just started', () => {
  let suite: Suite;

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: 300 });
  });

  afterAll(async () => {
    await suite.dispose();
  });

  it('prints its addresses and four calls to paste', () => {
    const output = suite.output();

    expect(output).toContain('lock-service-3');
    expect(output.match(/^grpcurl -plaintext .*$/gm)).toHaveLength(4);
  });

  describe.each<ReflectionProtocol>(['grpc-v1', 'grpc-v1alpha'])(
    'called by buf curl over %s',
    (reflection) => {
      const call = (method: string, data = '{}'): Promise<Record<string, unknown>[]> =>
        bufCurl(suite.gateway, method, data, reflection);

      it.each(calls)('$method', async ({ method, requests, replies }) => {
        const data = requests.map((request) => JSON.stringify(request)).join('');

        expect(await call(method, data)).toMatchObject(replies);
      });

      it('takes a lock with one line and gives it back with one line', async () => {
        const name = `printer-${reflection}`;
        const [taken] = await call(
          'raftway.lock.v1.LockService/Acquire',
          JSON.stringify({ name, ttl: '30s' }),
        );

        expect(taken).toMatchObject({
          acquired: true,
          holdCount: 1,
          guarantee: 'GUARANTEE_LINEARIZABLE',
        });
        const release = JSON.stringify({ name, session_id: taken?.['sessionId'] });
        const [released] = await call('raftway.lock.v1.LockService/Release', release);
        expect(released).toEqual({ released: true });
      });

      it('makes ids, exact as text', async () => {
        const [reply] = await call('raftway.id.v1.IdService/GenerateIds', '{"count": 3}');

        const ids = reply?.['ids'] as { value: string; text: string }[];
        expect(ids).toHaveLength(3);
        for (const id of ids) expect(id.text).toBe(id.value);
        expect(new Set(ids.map((id) => id.text)).size).toBe(3);
      });

      it('shows every service', async () => {
        const [reply] = await call('raftway.registry.v1.RegistryService/ListServices');

        const services = reply?.['services'] as { service: string; serving: number }[];
        const expected = [...readAppList(WORKSPACE)]
          .filter(([app]) => app !== 'gateway')
          .map(([app, { peerPort }]) => [app, peerPort === undefined ? 2 : 3])
          .sort();
        expect(services.map(({ service, serving }) => [service, serving])).toEqual(expected);
      });
    },
  );

  describe('called by fetch, over HTTP and JSON', () => {
    const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      const request = body === undefined ? {} : { ...init, body: JSON.stringify(body) };
      const response = await fetch(`http://${suite.gateway}${path}`, request);
      return { status: response.status, ...((await response.json()) as object) };
    };

    it('greets', async () => {
      expect(await call('/v1/greetings/Ada')).toEqual({ status: 200, message: 'Hello, Ada!' });
      expect(await call(`/v1/greetings/${'x'.repeat(300)}`)).toMatchObject({
        status: 400,
        code: 3,
      });
    });

    it('takes a lock and gives it back', async () => {
      const taken = await call('/v1/locks/by%2Ffetch:acquire', { ttl: '30s' });
      expect(taken).toMatchObject({ status: 200, acquired: true, holdCount: 1 });
      const lock = { name: 'by/fetch', currentToken: taken['fencingToken'] };
      expect(await call('/v1/locks/by%2Ffetch')).toMatchObject({ status: 200, lock });
      const session_id = taken['sessionId'];
      expect(await call('/v1/locks/by%2Ffetch:release', { session_id })).toEqual({
        status: 200,
        released: true,
      });
      const again = await call('/v1/locks/by%2Ffetch:release', { session_id });
      expect(again['status']).toBeGreaterThanOrEqual(400);
    });

    it('makes ids, and takes them apart', async () => {
      const { ids } = (await call('/v1/ids:generate', { count: 2 })) as { ids: { text: string }[] };
      expect(ids).toHaveLength(2);
      expect(await call(`/v1/ids/${ids[0]?.text}`)).toMatchObject({
        status: 200,
        value: ids[0]?.text,
      });
      expect(await call('/v1/sequences/fetched:next', { count: 3 })).toMatchObject({
        first: '1',
        last: '3',
      });
    });

    it('shows services', async () => {
      const { services } = (await call('/v1/services')) as { services: { service: string }[] };
      expect(services.map(({ service }) => service)).toContain('greeter');
    });
  });

  describe.each([
    { protocol: 'grpcweb', http: '1.1' },
    { protocol: 'connect', http: '2' },
  ] as const)('called by buf curl by $protocol over HTTP/$http', (way) => {
    const call = (method: string, ...names: string[]): Promise<Record<string, unknown>[]> => {
      const data = names.map((name) => JSON.stringify({ name })).join('');
      return bufCurlWeb(suite.gateway, `helloworld.Greeter/${method}`, data, way);
    };

    it('greets', async () => {
      expect(await call('SayHello', 'Ada')).toEqual([{ message: 'Hello, Ada!' }]);
      expect((await call('SayHelloStreamReply', 'Ada')).length).toBeGreaterThan(1);
      expect(await call('SayHelloClientStream', 'Ada', 'Grace')).toEqual([
        { message: 'Hello, Ada and Grace!' },
      ]);
      if (way.http === '2')
        expect(await call('SayHelloBidiStream', 'Ada', 'Grace')).toHaveLength(2);
    });

    it('is told what is wrong', async () => {
      await expect(call('SayHello', '')).rejects.toThrow(/"code": "invalid_argument"/);
    });
  });

  describe('called by a client that proto-loader makes from the protos folder', () => {
    const client = (service: string): ForeignClient => {
      const made = new ForeignClient(suite.gateway, service);
      clients.push(made);
      return made;
    };
    const clients: ForeignClient[] = [];

    afterAll(() => {
      for (const made of clients) made.close();
    });

    it('greets in all four kinds of call', async () => {
      const greeter = client('helloworld.Greeter');

      expect(await greeter.call('SayHello', { name: 'Ada' })).toEqual({ message: 'Hello, Ada!' });
      expect(
        (await greeter.receive('SayHelloStreamReply', { name: 'Ada' })).length,
      ).toBeGreaterThan(1);
      const names = ['Ada', 'Grace', 'Barbara'].map((name) => ({ name }));
      expect(await greeter.exchange('SayHelloBidiStream', names)).toEqual(
        names.map(({ name }) => ({ message: `Hello, ${name}!` })),
      );
      const together = await greeter.collect('SayHelloClientStream', names);
      for (const { name } of names) expect(together['message']).toContain(name);
    });

    it('spreads calls over both greeters', async () => {
      const greeter = client('helloworld.Greeter');
      const seen = new Set<unknown>();

      for (let call = 0; call < 8; call += 1) {
        seen.add((await greeter.call('SayHelloNumbered', { name: 'Ada' }))['instance_id']);
      }

      expect([...seen].sort()).toEqual(['greeter-1', 'greeter-2']);
    });

    it('numbers greetings under a lock, with an id from the id service', async () => {
      const greeter = client('helloworld.Greeter');

      const first = await greeter.call('SayHelloNumbered', { name: 'Ada' });
      const second = await greeter.call('SayHelloNumbered', { name: 'Grace' });

      expect(first['message']).toBe('Hello, Ada!');
      expect(BigInt(String(second['greeting_id']))).not.toBe(BigInt(String(first['greeting_id'])));
      expect(BigInt(String(second['fencing_token']))).toBeGreaterThan(
        BigInt(String(first['fencing_token'])),
      );
    });

    it('hands a lock to the next in the queue, with a larger token', async () => {
      const locks = client('raftway.lock.v1.LockService');
      const held = await locks.call('Acquire', { name: 'queue', ttl: { seconds: 30 } });
      const waiting = locks.call('Acquire', { name: 'queue', wait_timeout: { seconds: 8 } });
      await untilWaiting(locks, 'queue');

      await locks.call('Release', { name: 'queue', session_id: held['session_id'] });
      const next = await waiting;

      expect(next).toMatchObject({ acquired: true });
      expect(BigInt(String(next['fencing_token']))).toBeGreaterThan(
        BigInt(String(held['fencing_token'])),
      );
      await locks.call('Release', { name: 'queue', session_id: next['session_id'] });
    });

    it('takes a waiter out of the queue when its call is cancelled', async () => {
      const locks = client('raftway.lock.v1.LockService');
      const held = await locks.call('Acquire', { name: 'abandoned', ttl: { seconds: 30 } });
      const waiting = locks.start(
        'Acquire',
        { name: 'abandoned', wait_timeout: { seconds: 60 } },
        60_000,
      );
      waiting.reply.catch(() => undefined);
      await untilWaiting(locks, 'abandoned');

      waiting.cancel();

      await untilWaiting(locks, 'abandoned', 0);
      await locks.call('Release', { name: 'abandoned', session_id: held['session_id'] });
    });

    it('counts a sequence without gaps over all replicas', async () => {
      const addresses = suite.instances('id-service').map((replica) => replica.address);
      const replicas = addresses.map(
        (address) => new ForeignClient(address, 'raftway.id.v1.IdService'),
      );
      clients.push(...replicas);

      const numbers = await Promise.all(
        Array.from({ length: 30 }, async (_, call) => {
          const reply = await replicas[call % replicas.length]?.call('NextSequence', {
            name: 'invoices',
          });
          return Number(reply?.['first']);
        }),
      );

      expect(numbers.sort((a, b) => a - b)).toEqual(
        Array.from({ length: 30 }, (_, index) => index + 1),
      );
    });
  });
});

async function untilWaiting(locks: ForeignClient, name: string, waiters = 1): Promise<void> {
  await eventually(`${name} has ${waiters} waiters`, 10_000, async () => {
    const { lock } = (await locks.call('GetLock', { name })) as { lock: { waiters: unknown[] } };
    return lock.waiters.length === waiters;
  });
}
