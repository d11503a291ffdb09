import { parseRedisUrl } from '@raftway/config';
import { cancelled, ServiceError } from '@raftway/errors';
import { silentLogger } from '@raftway/observability';
import { Redis } from 'ioredis';
import { until } from '../../../test/lock-harness';
import { RedisServer } from '@raftway/service-kit/testing';
import { freshPrefix } from '../../../test/redis-harness';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from '../../domain/limits';
import { type AcquireAnswer, type AcquireInput } from '../../service/lock-backend';
import { RedisLockBackend } from './redis-lock-backend';
import { lockScripts } from './scripts';

jest.setTimeout(30_000);

let server: RedisServer;
let direct: Redis;
let keyPrefix: string;
let backend: RedisLockBackend;

beforeAll(async () => {
  server = await RedisServer.start('--appendfsync', 'no');
  direct = new Redis(server.url);
});
beforeEach(async () => {
  keyPrefix = freshPrefix();
  backend = await started();
});
afterEach(async () => {
  await stopped(backend);
});
afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

async function started(limits: Partial<LockLimits> = {}): Promise<RedisLockBackend> {
  const target = parseRedisUrl(server.url);
  if (target === undefined) throw new Error('the URL is wrong');
  const made = new RedisLockBackend({
    target,
    keyPrefix,
    limits: { ...DEFAULT_LOCK_LIMITS, ...limits },
    logger: silentLogger(),
  });
  await made.start();
  return made;
}

async function stopped(running: RedisLockBackend): Promise<void> {
  await running.drain();
  await running.stop();
}

const callWith = (signal: AbortSignal) => ({ signal, deadlineMs: undefined });
const call = () => callWith(new AbortController().signal);

function input(name: string, more: Partial<AcquireInput> = {}): AcquireInput {
  return {
    name,
    sessionId: '',
    ownerId: '',
    ttlMs: 3_600_000,
    waitMs: 0,
    requestId: '',
    metadata: [],
    ...more,
  };
}

async function hold(name: string, more: Partial<AcquireInput> = {}) {
  const answer = await backend.acquire(input(name, more), call());
  if (!answer.acquired) throw new Error(`lock ${name} is held`);
  return answer;
}

const release = (name: string, sessionId: string) =>
  backend.release({ name, sessionId, ownerId: '', token: 0, requestId: '' }, call());
const key = (name: string) => `${keyPrefix}${name}`;
const waiters = (name: string) => direct.zcard(key(`queue:${name}`));
const holder = async (name: string) => (await direct.hget(key(`lock:${name}`), 'sid')) ?? undefined;
const locks = () => direct.zcard(key('names'));

/** Lets this much of the event loop pass: different rounds of a race hit different orders. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

async function settled(pending: Promise<AcquireAnswer>): Promise<AcquireAnswer | ServiceError> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

describe('an acquire whose call is aborted', () => {
  it('keeps nothing, whatever comes first: the grant or the end of the call', async () => {
    const seen = { granted: 0, aborted: 0 };
    for (let round = 0; round < 80; round += 1) {
      const name = `race-${round}`;
      const { sessionId } = await hold(name);
      const ending = new AbortController();
      const waiting = settled(
        backend.acquire(input(name, { waitMs: 600_000 }), callWith(ending.signal)),
      );
      await until(async () => (await waiters(name)) === 1);

      const order = round % 8;
      if (order === 0) ending.abort(cancelled('the caller gave up'));
      const released = release(name, sessionId);
      await (order === 7 ? waiting : turns(order * 4));
      ending.abort(cancelled('the caller gave up'));
      const [outcome] = await Promise.all([waiting, released]);

      if (outcome instanceof ServiceError) {
        seen.aborted += 1;
        expect(outcome.codeName).toBe('CANCELLED');
        await until(async () => (await holder(name)) === undefined);
      } else {
        seen.granted += 1;
        expect(outcome).toMatchObject({ acquired: true, sessionId: await holder(name) });
      }
    }
    // The call ends first in every order 0, the grant in every order 7; the others race.
    expect(seen.aborted).toBeGreaterThanOrEqual(10);
    expect(seen.granted).toBeGreaterThanOrEqual(10);
  });

  it('keeps nothing when it ends before Redis has answered', async () => {
    const outcomes = [];
    for (let round = 0; round < 40; round += 1) {
      const ending = new AbortController();
      const pending = settled(backend.acquire(input(`early-${round}`), callWith(ending.signal)));
      await turns(round % 4);
      ending.abort(cancelled('the caller gave up'));
      outcomes.push(await pending);
    }

    const granted = outcomes.filter((outcome) => !(outcome instanceof ServiceError)).length;
    expect(granted).toBeLessThan(outcomes.length);
    await until(async () => (await locks()) === granted);
    await until(async () => (await direct.zcard(key('sessions'))) === granted);
  });

  it('keeps nothing when its cancellation overtakes it', async () => {
    const scripts = lockScripts(DEFAULT_LOCK_LIMITS);
    const run = (text: string, ...args: string[]) => direct.eval(text, 1, keyPrefix, ...args);
    expect(await run(scripts.cancel.text, 'a', '', 'nonce', '')).toEqual(['0', '0']);

    const late = ['a', '', '', '10000', '0', '', '1', 'nonce', '[]', 'channel'];

    expect(await run(scripts.acquire.text, ...late)).toEqual(['gone']);
    expect(await locks()).toBe(0);
    expect(await direct.pttl(key('cancelled:nonce'))).toBeGreaterThan(50_000);
  });
});

describe('a queue', () => {
  it('passes over a waiter that gives no sign of life', async () => {
    const { sessionId } = await hold('a');
    const lost = settled(backend.acquire(input('a', { waitMs: 60_000 }), call()));
    await until(async () => (await waiters('a')) === 1);
    const [lostAttempt = ''] = await direct.zrange(key('waiters'), '0', '0');
    const next = backend.acquire(input('a', { waitMs: 60_000 }), call());
    await until(async () => (await waiters('a')) === 2);

    await direct
      .multi()
      .zadd(key('waiters'), 1, lostAttempt)
      .eval(
        lockScripts(DEFAULT_LOCK_LIMITS).release.text,
        1,
        keyPrefix,
        'a',
        sessionId,
        '',
        '0',
        '',
        '1',
      )
      .exec();

    expect((await next).acquired).toBe(true);
    expect(await lost).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  });

  it("passes over a waiter whose session ends in the same moment as the holder's", async () => {
    const sessions = ['holder', 'waiter'].map((sid) => key(`session:${sid}`));
    const scripts = lockScripts(DEFAULT_LOCK_LIMITS);
    const run = (text: string, ...args: string[]) => direct.eval(text, 1, keyPrefix, ...args);
    for (const sid of ['holder', 'waiter'])
      await run(scripts.openSession.text, sid, '60000', '', '1');
    await hold('a', { sessionId: 'holder' });
    const ended = settled(
      backend.acquire(input('a', { sessionId: 'waiter', waitMs: 60_000 }), call()),
    );
    await until(async () => (await waiters('a')) === 1);

    await direct
      .multi()
      .del(...sessions)
      .zadd(key('sessions'), 1, 'holder', 1, 'waiter')
      .exec();

    expect(await ended).toMatchObject({ reason: 'SESSION_EXPIRED' });
    expect(await locks()).toBe(0);
  });

  it('is not needed for a lock whose session key has gone, whoever notices', async () => {
    const { sessionId } = await hold('a');

    await direct.del(key(`session:${sessionId}`));

    expect((await backend.currentToken('a', call())).held).toBe(false);
    expect((await backend.acquire(input('a'), call())).acquired).toBe(true);
  });

  it('goes on by itself when the holder does not renew', async () => {
    await hold('a', { ttlMs: 1_000 });

    const next = await backend.acquire(input('a', { waitMs: 10_000 }), call());

    expect(next.acquired).toBe(true);
  });

  it('gives a lock to all calls of one owner in one session at once', async () => {
    const { sessionId } = await backend.openSession({ ttlMs: 60_000, requestId: '' }, call());
    const held = await hold('a');
    const mine = input('a', { sessionId, ownerId: 'me', waitMs: 10_000 });
    const first = backend.acquire(mine, call());
    await until(async () => (await waiters('a')) === 1);
    const other = backend.acquire(input('a', { waitMs: 60_000 }), call());
    await until(async () => (await waiters('a')) === 2);
    const second = backend.acquire(mine, call());
    await until(async () => (await waiters('a')) === 3);

    await release('a', held.sessionId);

    const answers = [await first, await second];
    expect(answers).toMatchObject([{ holdCount: 1 }, { holdCount: 2 }]);
    await backend.closeSession({ sessionId, requestId: '' }, call());
    expect((await other).acquired).toBe(true);
  });
});

describe('what is kept in Redis', () => {
  it('is little once nobody holds or waits', async () => {
    const { sessionId } = await backend.openSession({ ttlMs: 60_000, requestId: '' }, call());
    await hold('a', { sessionId });
    const waiting = backend.acquire(input('a', { waitMs: 60_000 }), call());
    await until(async () => (await waiters('a')) === 1);
    await backend.closeSession({ sessionId, requestId: '' }, call());
    const granted = await waiting;
    if (!granted.acquired) throw new Error('not granted');

    await release('a', granted.sessionId);

    const left = (await direct.keys(`${keyPrefix}*`)).map((name) => name.slice(keyPrefix.length));
    const expiring = left.filter((name) => name.startsWith('attempt:'));
    for (const name of expiring) expect(await direct.pttl(key(name))).toBeLessThan(16_000);
    expect(left.filter((name) => !expiring.includes(name)).sort()).toEqual([
      'alive',
      'free',
      'order',
      'token',
    ]);
  });

  it('has a limit on answers for request ids, oldest forgotten first', async () => {
    const small = await started({ finishedAttemptsMax: 3 });
    for (let n = 0; n < 10; n += 1) {
      await small.openSession({ ttlMs: 60_000, requestId: `open-${n}` }, call());
      await small.acquire(input(`lock-${n}`, { requestId: `acquire-${n}` }), call());
    }

    expect(await direct.zcard(key('requests'))).toBe(3);
    expect(await direct.keys(key('request:*'))).toHaveLength(3);
    expect((await direct.keys(key('attempt:*'))).length).toBeLessThanOrEqual(2);
    await stopped(small);
  });

  it('remembers the tokens of some free locks, and a floor for the others', async () => {
    const small = await started({ freeLockTokensMax: 2 });
    const tokens = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      const answer = await small.acquire(input(name), call());
      if (!answer.acquired) throw new Error('held');
      tokens.push(answer.token);
      await release(name, answer.sessionId);
    }
    // The backend that released them has the default limit; the next one to be freed counts.
    const last = await small.acquire(input('e'), call());
    if (!last.acquired) throw new Error('held');
    await small.release(
      { name: 'e', sessionId: last.sessionId, ownerId: '', token: 0, requestId: '' },
      call(),
    );

    const current = async (name: string) => (await small.currentToken(name, call())).token;
    expect(await current('e')).toBe(last.token);
    expect(await current('d')).toBe(tokens[3]);
    expect(await current('a')).toBe(tokens[2]);
    expect(await current('never granted')).toBe(tokens[2]);
    await stopped(small);
  });
});

describe('tokens', () => {
  it('grow by one when the clock stands still or goes back, and are exact', async () => {
    const ahead = 2 ** 53 - 1_000;
    await direct.set(key('token'), String(ahead));

    const grants = [await hold('a'), await hold('b')];

    expect(grants.map(({ token }) => token)).toEqual([ahead + 1, ahead + 2]);
    expect(await backend.currentToken('b', call())).toEqual({ token: ahead + 2, held: true });
  });
});

describe('a long list', () => {
  it('is complete and in order, over several scripts', async () => {
    const names = Array.from({ length: 250 }, (_, n) => `p/${String(n).padStart(3, '0')}`);
    await Promise.all([...names, 'o', 'q'].map((name) => hold(name)));

    const page = { prefix: 'p/', after: '', count: 1_000 };
    const all = [...(await backend.locks(page, call()))];
    const some = [...(await backend.locks({ ...page, after: 'p/100', count: 120 }, call()))];
    const everything = [...(await backend.locks({ ...page, prefix: '' }, call()))];

    expect(all.map(({ name }) => name)).toEqual(names);
    expect(some.map(({ name }) => name)).toEqual(names.slice(101, 221));
    expect(everything.map(({ name }) => name)).toEqual(['o', ...names, 'q']);
  });

  it('shows the first waiters of a lock', async () => {
    await hold('a');
    for (let n = 0; n < 3; n += 1) {
      const ownerId = `owner-${n}`;
      void settled(backend.acquire(input('a', { waitMs: 60_000, ownerId }), call()));
      await until(async () => (await waiters('a')) === n + 1);
    }

    const [shown] = [...(await backend.locks({ prefix: '', after: '', count: 10 }, call()))];

    expect(shown?.waiters.map(({ ownerId }) => ownerId)).toEqual(['owner-0', 'owner-1', 'owner-2']);
  });
});
