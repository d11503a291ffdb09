import { health } from '@raftway/contracts';
import { createLogger } from '@raftway/observability';
import { createClient } from '@raftway/service-kit';
import { Redis } from 'ioredis';
import { ms, type Served, until } from '../../../test/lock-harness';
import { freshPrefix, serveRedis } from '../../../test/redis-harness';
import { SilentLink } from '../../../test/silent-link';
import { errorOf, RedisServer } from '@raftway/service-kit/testing';

jest.setTimeout(60_000);

/** A lost call ends within a script's two seconds; the rest is for a slow machine. */
const BOUNDED_MS = 6_000;

let server: RedisServer;
let served: Served | undefined;
let direct: Redis;

beforeEach(async () => {
  server = await RedisServer.start();
  direct = new Redis(server.url);
  direct.on('error', () => undefined);
});
afterEach(async () => {
  server.thaw();
  await served?.stop();
  served = undefined;
  direct.disconnect();
  await server.stop();
});

async function timed<Value>(work: Promise<Value>): Promise<[Value, number]> {
  const beganMs = performance.now();
  const value = await work;
  return [value, performance.now() - beganMs];
}

async function isServing(replica: Served): Promise<boolean> {
  const client = createClient(health.HealthService, replica.app.address);
  try {
    const { status } = await client.check({ service: 'raftway.lock.v1.LockService' });
    return status === health.HealthCheckResponse_ServingStatus.SERVING;
  } finally {
    client.close();
  }
}

describe('a replica whose Redis is away', () => {
  it('starts without it, refuses calls at once, and serves when it comes', async () => {
    await server.kill();
    served = await serveRedis({ url: server.url });
    expect(await isServing(served)).toBe(false);

    const [error, tookMs] = await timed(errorOf(served.client.acquire({ name: 'a' })));

    expect(error).toMatchObject({
      codeName: 'UNAVAILABLE',
      reason: 'BACKEND_UNAVAILABLE',
      retryDelayMs: 500,
    });
    expect(tookMs).toBeLessThan(BOUNDED_MS);
    await server.resume();
    const replica = served;
    await until(() => isServing(replica));
    expect((await served.client.acquire({ name: 'a' })).acquired).toBe(true);
  });

  it('has the locks and larger tokens when Redis was killed and has kept its data', async () => {
    served = await serveRedis({ url: server.url });
    const replica = served;
    const held = await replica.client.acquire({ name: 'a', ttl: ms(60_000) });
    await server.kill();
    await until(async () => !(await isServing(replica)));
    expect(await errorOf(replica.client.getLock({ name: 'a' }))).toMatchObject({
      reason: 'BACKEND_UNAVAILABLE',
    });

    await server.resume();
    await until(() => isServing(replica));

    const check = { name: 'a', fencingToken: held.fencingToken };
    expect(await replica.client.checkToken(check)).toMatchObject({ valid: true });
    const next = await replica.client.acquire({ name: 'b' });
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
  });

  it('ends waiting calls with an unknown outcome after a while, and keeps nothing of them', async () => {
    served = await serveRedis({ url: server.url });
    const replica = served;
    const held = await replica.client.acquire({ name: 'a', ttl: ms(60_000) });
    const wait = replica.client.acquire(
      { name: 'a', ttl: ms(60_000), waitTimeout: ms(60_000) },
      { timeoutMs: 60_000 },
    );
    const waiting = errorOf(wait);
    await until(async () => (await replica.waiters('a')) === 1);

    await server.kill();
    const [error, tookMs] = await timed(waiting);

    expect(error).toMatchObject({ codeName: 'UNAVAILABLE', reason: 'OUTCOME_UNKNOWN' });
    expect(tookMs).toBeLessThan(5_000 + BOUNDED_MS);
    await server.resume();
    await until(() => isServing(replica));
    await until(async () => (await replica.waiters('a')) === 0);
    expect(await replica.holder('a')).toBe(held.sessionId);
  });

  it('lets calls wait on over a short absence', async () => {
    served = await serveRedis({ url: server.url });
    const replica = served;
    const held = await replica.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = replica.client.acquire({ name: 'a', waitTimeout: ms(30_000) });
    await until(async () => (await replica.waiters('a')) === 1);

    await server.kill();
    await server.resume();
    await until(() => isServing(replica));
    await replica.client.release({ name: 'a', sessionId: held.sessionId });

    expect((await waiting).fencingToken).toBeGreaterThan(held.fencingToken);
  });
});

describe('a replica whose Redis is frozen', () => {
  it('does not call a timeout a failure, and gives back what was granted too late', async () => {
    served = await serveRedis({ url: server.url });
    const replica = served;
    // Redis has the script by now: the next one runs as soon as it is read.
    const { sessionId } = await replica.client.acquire({ name: 'a' });
    await replica.client.release({ name: 'a', sessionId });
    server.freeze();

    const [error, tookMs] = await timed(
      errorOf(replica.client.acquire({ name: 'a', ttl: ms(60_000) })),
    );

    expect(error).toMatchObject({ codeName: 'UNAVAILABLE', reason: 'OUTCOME_UNKNOWN' });
    expect(tookMs).toBeLessThan(BOUNDED_MS);
    await until(async () => !(await isServing(replica)));
    expect(await errorOf(replica.client.acquire({ name: 'b' }))).toMatchObject({
      reason: 'BACKEND_UNAVAILABLE',
    });
    server.thaw();
    await until(() => isServing(replica));
    await until(async () => (await replica.counts()).locks === 0);
    expect(await replica.counts()).toEqual({ sessions: 0, locks: 0, waiters: 0 });
  });
});

describe('a replica whose connections have gone silent', () => {
  it('leaves them and finds Redis over new ones', async () => {
    const link = await SilentLink.to(server.port);
    served = await serveRedis({ url: `redis://127.0.0.1:${link.port}` });
    const replica = served;
    expect((await replica.client.acquire({ name: 'a' })).acquired).toBe(true);

    link.silenceAll();

    await until(async () => !(await isServing(replica)));
    await until(() => isServing(replica), 20_000);
    expect((await replica.client.acquire({ name: 'b' })).acquired).toBe(true);
    await replica.stop();
    served = undefined;
    link.close();
  });
});

describe('a replica whose Redis refuses changes', () => {
  it('is not ready and says that nothing happened', async () => {
    served = await serveRedis({ url: server.url });
    const replica = served;

    await direct.config('SET', 'maxmemory', '1');

    await until(async () => !(await isServing(replica)));
    expect(await errorOf(replica.client.acquire({ name: 'a' }))).toMatchObject({
      reason: 'BACKEND_UNAVAILABLE',
    });
    await direct.config('SET', 'maxmemory', '0');
    await until(() => isServing(replica));
  });

  it('never says its credentials', async () => {
    await direct.config('SET', 'requirepass', 'right-secret');
    const lines: string[] = [];
    const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) });
    const url = server.url.replace('//', '//default:wrong-secret@');

    served = await serveRedis({ url, logger });

    const error = await errorOf(served.client.acquire({ name: 'a' }));
    expect(error.reason).toBe('BACKEND_UNAVAILABLE');
    expect(lines.join('')).toContain('WRONGPASS');
    expect(lines.join('') + error.message).not.toContain('secret');
  });

  it('serves with the right credentials', async () => {
    await direct.config('SET', 'requirepass', 'p@ss/word');
    const url = server.url.replace('//', `//:${encodeURIComponent('p@ss/word')}@`);

    served = await serveRedis({ url });

    expect((await served.client.acquire({ name: 'a' })).acquired).toBe(true);
  });
});

describe('a replica whose Redis has lost all its data', () => {
  it('tells holders, goes on, and its tokens still grow', async () => {
    served = await serveRedis({ url: server.url });
    const { client } = served;
    const held = await client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = errorOf(client.acquire({ name: 'a', waitTimeout: ms(30_000) }));
    const replica = served;
    await until(async () => (await replica.waiters('a')) === 1);

    await direct.flushall();
    await direct.script('FLUSH');

    expect(await waiting).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    for await (const { expired } of client.keepAlive([{ sessionId: held.sessionId }]))
      expect(expired).toBe(true);
    const next = await client.acquire({ name: 'a' });
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
  });
});

describe('a wake-up that is lost', () => {
  it('costs time and nothing else', async () => {
    const serving = { url: server.url, keyPrefix: freshPrefix() };
    served = await serveRedis(serving);
    const replica = served;
    const held = await replica.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = replica.client.acquire({ name: 'a', waitTimeout: ms(30_000) });
    await until(async () => (await replica.waiters('a')) === 1);
    // Nobody hears anything published while the listeners reconnect.
    await direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

    await replica.client.release({ name: 'a', sessionId: held.sessionId });

    expect((await waiting).acquired).toBe(true);
  });
});
