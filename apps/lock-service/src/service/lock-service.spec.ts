import { type lock } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { createLogger } from '@raftway/observability';
import { describeBackends } from '../../test/backends';
import { ms, type Served, until } from '../../test/lock-harness';

jest.setTimeout(30_000);

async function failureOf(call: Promise<unknown> | AsyncIterable<unknown>): Promise<ServiceError> {
  try {
    if (call instanceof Promise) await call;
    else for await (const _ of call);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}

let names = 0;
const freshName = () => `lock-${++names}`;

describeBackends((backend) => {
  let served: Served;
  beforeAll(async () => {
    served = await backend.serve({ locksPerSessionMax: 5, waitersPerLockMax: 3 });
  });
  afterAll(() => served.stop());

  const client = () => served.client;
  const snapshot = () => served.state();

  describe('Acquire and Release', () => {
    it('work in one line without a session: it is opened by the grant and closed by the release', async () => {
      const name = freshName();

      const grant = await client().acquire({ name, ttl: ms(10_000) });

      expect(grant).toMatchObject({
        acquired: true,
        holdCount: 1,
        guarantee: backend.guarantee,
        queuePosition: 0,
        holders: [],
      });
      expect(grant.fencingToken).toBeGreaterThan(0n);
      const { sessionId } = grant;
      expect(await client().release({ name, sessionId })).toEqual({ released: true, holdCount: 0 });
      const error = await failureOf(client().release({ name, sessionId }));
      expect(error).toMatchObject({ codeName: 'NOT_FOUND', reason: 'SESSION_NOT_FOUND' });
    });

    it('count holds of one owner in one session', async () => {
      const name = freshName();
      const { sessionId } = await client().openSession({});
      const first = await client().acquire({ name, sessionId, ownerId: 'me' });

      const second = await client().acquire({ name, sessionId, ownerId: 'me' });

      expect(second).toMatchObject({ holdCount: 2, fencingToken: first.fencingToken });
      const release = () => client().release({ name, sessionId, ownerId: 'me' });
      expect(await release()).toEqual({ released: false, holdCount: 1 });
      expect(await release()).toEqual({ released: true, holdCount: 0 });
    });

    it('answer a try for a held lock with its holders', async () => {
      const name = freshName();
      const held = await client().acquire({ name, metadata: { host: 'h1' } });

      const answer = await client().acquire({ name });

      expect(answer).toMatchObject({ acquired: false, sessionId: '', fencingToken: 0n });
      expect(answer.holders).toMatchObject([
        { sessionId: held.sessionId, metadata: { host: 'h1' } },
      ]);
      expect(answer.holders[0]?.expiresIn?.seconds).toBeGreaterThanOrEqual(9n);
    });

    it('wake the next waiter, whose token is larger', async () => {
      const name = freshName();
      const held = await client().acquire({ name });
      const waiting = client().acquire({ name, waitTimeout: ms(5_000), ttl: ms(2_000) });
      await until(async () => (await served.waiters(name)) === 1);

      await client().release({ name, sessionId: held.sessionId });

      const grant = await waiting;
      expect(grant.acquired).toBe(true);
      expect(grant.fencingToken).toBeGreaterThan(held.fencingToken);
    });

    it('say after wait_timeout who holds the lock and which place was given up', async () => {
      const name = freshName();
      await client().acquire({ name });
      const first = client().acquire({ name, waitTimeout: ms(5_000) });
      await until(async () => (await served.waiters(name)) === 1);

      const answer = await client().acquire({ name, waitTimeout: ms(100) });

      expect(answer).toMatchObject({ acquired: false, queuePosition: 2 });
      expect(answer.holders).toHaveLength(1);
      await client().forceRelease({ name, reason: 'end of the test' });
      expect((await first).acquired).toBe(true);
    });

    it('tell a waiter that its session has ended', async () => {
      const name = freshName();
      await client().acquire({ name });
      const { sessionId } = await client().openSession({});
      const waiting = failureOf(client().acquire({ name, sessionId, waitTimeout: ms(5_000) }));
      await until(async () => (await served.waiters(name)) === 1);

      await client().closeSession({ sessionId });

      expect(await waiting).toMatchObject({
        codeName: 'FAILED_PRECONDITION',
        reason: 'SESSION_EXPIRED',
      });
    });

    it('apply a request id once', async () => {
      const name = freshName();
      const request = { name, requestId: `acquire ${name}` };
      const first = await client().acquire(request);

      expect(await client().acquire(request)).toEqual(first);

      const { sessionId } = first;
      const release = { name, sessionId, requestId: `release ${name}` };
      expect(await client().release(release)).toEqual({ released: true, holdCount: 0 });
      expect(await client().release(release)).toEqual({ released: true, holdCount: 0 });
      expect(await failureOf(client().acquire(request))).toMatchObject({ reason: 'GRANT_ENDED' });
    });

    it('refuse a request id that was used for something else', async () => {
      const name = freshName();
      const requestId = `used ${name}`;
      await client().openSession({ requestId });
      await client().acquire({ name, requestId: `${requestId} 2` });

      const errors = [
        await failureOf(client().closeSession({ sessionId: 'x', requestId })),
        await failureOf(client().acquire({ name: freshName(), requestId: `${requestId} 2` })),
      ];

      for (const error of errors)
        expect(error).toMatchObject({ codeName: 'INVALID_ARGUMENT', reason: 'REQUEST_ID_REUSED' });
    });
  });

  describe('sessions', () => {
    it('are renewed over one stream, one answer for each request, in order', async () => {
      const { sessionId, ttl } = await client().openSession({ ttl: ms(5_000) });
      expect(ttl).toEqual(ms(5_000));

      const answers: lock.KeepAliveResponse[] = [];
      const requests = [{ sessionId }, { sessionId: 'gone' }, { sessionId }];
      for await (const answer of client().keepAlive(requests)) answers.push(answer);

      expect(answers).toEqual([
        { sessionId, ttl: ms(5_000), expired: false },
        { sessionId: 'gone', ttl: undefined, expired: true },
        { sessionId, ttl: ms(5_000), expired: false },
      ]);
    });

    it('live on while they are renewed, and lose their locks when they are not', async () => {
      const name = freshName();
      const { sessionId } = await client().acquire({ name, ttl: ms(2_000) });
      const next = client().acquire({ name, waitTimeout: ms(20_000) });
      for (let renewal = 0; renewal < 5; renewal += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        for await (const { expired } of client().keepAlive([{ sessionId }]))
          expect(expired).toBe(false);
      }
      expect(await served.holder(name)).toBe(sessionId);

      expect((await next).acquired).toBe(true);

      for await (const { expired } of client().keepAlive([{ sessionId }]))
        expect(expired).toBe(true);
    });

    it('release their locks when they are closed', async () => {
      const [one, two] = [freshName(), freshName()];
      const { sessionId } = await client().openSession({});
      await client().acquire({ name: one, sessionId });
      await client().acquire({ name: two, sessionId });

      expect(await client().closeSession({ sessionId })).toEqual({ locksReleased: 2 });

      expect(await failureOf(client().closeSession({ sessionId }))).toMatchObject({
        reason: 'SESSION_NOT_FOUND',
        metadata: { session_id: sessionId },
      });
    });
  });

  describe('reads', () => {
    it('show a lock with its holders and waiters', async () => {
      const name = freshName();
      const held = await client().acquire({ name });
      const waiting = client().acquire({ name, waitTimeout: ms(5_000), metadata: { who: 'me' } });
      await until(async () => (await served.waiters(name)) === 1);

      const { lock: shown } = await client().getLock({ name });

      expect(shown).toMatchObject({
        name,
        holders: [{ sessionId: held.sessionId, fencingToken: held.fencingToken }],
        waiters: [{ queuePosition: 1, metadata: { who: 'me' } }],
        currentToken: held.fencingToken,
      });
      await client().release({ name, sessionId: held.sessionId });
      await waiting;
    });

    it('show a lock that was never granted', async () => {
      expect((await client().getLock({ name: 'never granted' })).lock).toEqual({
        name: 'never granted',
        holders: [],
        waiters: [],
        currentToken: 0n,
      });
    });

    it('list held locks by prefix, page after page', async () => {
      const all = ['p/a', 'p/b', 'p/c', 'p/d', 'p/ä'];
      for (const name of all) await client().acquire({ name });

      const seen: string[] = [];
      let pageToken = '';
      let pages = 0;
      do {
        const page = await client().listLocks({ prefix: 'p/', pageSize: 2, pageToken });
        seen.push(...page.locks.map(({ name }) => name));
        pageToken = page.nextPageToken;
        pages += 1;
      } while (pageToken !== '');

      expect(seen).toEqual(all);
      expect(pages).toBe(3);
    });

    it('check tokens: only that of the grant that holds the lock now is valid', async () => {
      const name = freshName();
      const check = (fencingToken: bigint) => client().checkToken({ name, fencingToken });
      expect(await check(0n)).toEqual({ valid: false, currentToken: 0n });

      const { fencingToken: token, sessionId } = await client().acquire({ name });

      expect(await check(token)).toEqual({ valid: true, currentToken: token });
      expect(await check(token - 1n)).toEqual({ valid: false, currentToken: token });
      expect((await check(2n ** 64n - 1n)).valid).toBe(false);
      await client().release({ name, sessionId });
      expect(await check(token)).toEqual({ valid: false, currentToken: token });
    });
  });

  describe('ForceRelease', () => {
    it('takes the lock away and says from whom', async () => {
      const name = freshName();
      const held = await client().acquire({ name });

      const { holders } = await client().forceRelease({ name, reason: 'stuck since yesterday' });

      expect(holders).toMatchObject([
        { sessionId: held.sessionId, fencingToken: held.fencingToken },
      ]);
      expect((await client().acquire({ name })).fencingToken).toBeGreaterThan(held.fencingToken);
      expect(await client().forceRelease({ name: freshName(), reason: 'x' })).toEqual({
        holders: [],
      });
    });
  });

  describe('a ForceRelease', () => {
    it('is logged with its reason and the holder', async () => {
      const lines: string[] = [];
      const logger = createLogger({ write: (line) => lines.push(line) });
      const logged = await backend.serve({}, logger);
      const { sessionId } = await logged.client.acquire({ name: 'a' });

      await logged.client.forceRelease({ name: 'a', reason: 'host is gone' });

      await logged.stop();
      const line = lines.find((text) => text.includes('lock taken away'));
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        level: 'warn',
        lock: 'a',
        reason: 'host is gone',
        holders: [{ sessionId }],
      });
    });
  });

  describe('a request that asks for too much or makes no sense', () => {
    // A server of its own, on which nothing expires meanwhile.
    const ttl = ms(3_600_000);
    beforeAll(async () => {
      await served.stop();
      served = await backend.serve({ locksPerSessionMax: 5 });
    });

    const long = (length: number) => 'x'.repeat(length);
    const entries = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v']));
    const bad: [string, string, () => Promise<unknown>][] = [
      ['an empty name', 'name', () => client().acquire({ name: '' })],
      ['a name that is too long', 'name', () => client().acquire({ name: long(257) })],
      ['a name with control characters', 'name', () => client().acquire({ name: 'a\nb' })],
      [
        'an owner that is too long',
        'owner_id',
        () => client().acquire({ name: 'a', ownerId: long(129) }),
      ],
      [
        'a session id that is too long',
        'session_id',
        () => client().acquire({ name: 'a', sessionId: long(129) }),
      ],
      [
        'a request id that is too long',
        'request_id',
        () => client().acquire({ name: 'a', requestId: long(129) }),
      ],
      ['a time to live of zero', 'ttl', () => client().acquire({ name: 'a', ttl: ms(0) })],
      ['a time to live below a second', 'ttl', () => client().acquire({ name: 'a', ttl: ms(999) })],
      [
        'a time to live above a day',
        'ttl',
        () => client().acquire({ name: 'a', ttl: ms(86_400_001) }),
      ],
      [
        'a huge time to live',
        'ttl',
        () => client().openSession({ ttl: { seconds: 2n ** 62n, nanos: 0 } }),
      ],
      [
        'a negative time to live',
        'ttl',
        () => client().openSession({ ttl: { seconds: -5n, nanos: 0 } }),
      ],
      [
        'a malformed time to live',
        'ttl',
        () => client().openSession({ ttl: { seconds: 5n, nanos: -1 } }),
      ],
      [
        'a time to live for an open session',
        'ttl',
        () => client().acquire({ name: 'a', sessionId: 's', ttl: ms(5_000) }),
      ],
      [
        'a negative wait',
        'wait_timeout',
        () => client().acquire({ name: 'a', waitTimeout: ms(-1_000) }),
      ],
      [
        'a wait above an hour',
        'wait_timeout',
        () => client().acquire({ name: 'a', waitTimeout: ms(3_600_001) }),
      ],
      ['an unknown mode', 'mode', () => client().acquire({ name: 'a', mode: 7 as lock.LockMode })],
      ['too many metadata', 'metadata', () => client().acquire({ name: 'a', metadata: entries })],
      [
        'an empty metadata key',
        'metadata key',
        () => client().acquire({ name: 'a', metadata: { '': 'v' } }),
      ],
      [
        'a metadata key that is too long',
        'metadata key',
        () => client().acquire({ name: 'a', metadata: { [long(65)]: 'v' } }),
      ],
      [
        'a metadata value that is too long',
        'metadata["k"]',
        () => client().acquire({ name: 'a', metadata: { k: long(257) } }),
      ],
      ['a release without a session', 'session_id', () => client().release({ name: 'a' })],
      ['a release without a name', 'name', () => client().release({ sessionId: 's' })],
      ['closing no session', 'session_id', () => client().closeSession({})],
      ['a get without a name', 'name', () => client().getLock({})],
      ['a check without a name', 'name', () => client().checkToken({ fencingToken: 1n })],
      ['a prefix that is too long', 'prefix', () => client().listLocks({ prefix: long(257) })],
      ['a page that is too large', 'page_size', () => client().listLocks({ pageSize: 1_001 })],
      [
        'a page token that is none',
        'page_token',
        () => client().listLocks({ pageToken: 'no token!' }),
      ],
      ['a force release without a reason', 'reason', () => client().forceRelease({ name: 'a' })],
      [
        'a reason that is too long',
        'reason',
        () => client().forceRelease({ name: 'a', reason: long(257) }),
      ],
    ];

    it.each(bad)(
      '%s is refused with a violation of %s, and changes nothing',
      async (_, field, call) => {
        const before = await snapshot();

        const error = await failureOf(call());

        expect(error.codeName).toBe('INVALID_ARGUMENT');
        expect(error.reason).toBe('INVALID_ARGUMENT');
        expect(error.fieldViolations.map((violation) => violation.field)).toEqual([field]);
        expect(await snapshot()).toBe(before);
      },
    );

    it('names every field at once, with limit and value', async () => {
      const error = await failureOf(client().acquire({ name: long(300), waitTimeout: ms(-1_000) }));

      expect(error.fieldViolations).toEqual([
        { field: 'name', description: 'must be at most 256 characters, got 300' },
        { field: 'wait_timeout', description: 'must be from 0s to 1h, got -1s' },
      ]);
      expect(error.metadata).toMatchObject({ field: 'name', value: '300' });
    });

    it('counts characters, not bytes', async () => {
      const name = '🔒'.repeat(256);

      expect((await client().acquire({ name, ttl })).acquired).toBe(true);
      expect((await failureOf(client().acquire({ name: `${name}x` }))).metadata['value']).toBe(
        '257',
      );
    });

    it('in a KeepAlive stream ends the stream', async () => {
      expect(await failureOf(client().keepAlive([{ sessionId: '' }]))).toMatchObject({
        codeName: 'INVALID_ARGUMENT',
        metadata: { field: 'session_id' },
      });
    });

    it.each([
      ['an unknown session', 'NOT_FOUND', 'SESSION_NOT_FOUND', { sessionId: 'gone' }],
      ['somebody else', 'FAILED_PRECONDITION', 'NOT_HOLDER', { ownerId: 'somebody else' }],
      ['a wrong token', 'FAILED_PRECONDITION', 'TOKEN_MISMATCH', { fencingToken: 1n }],
      [
        'an impossible token',
        'FAILED_PRECONDITION',
        'TOKEN_MISMATCH',
        { fencingToken: 2n ** 64n - 1n },
      ],
    ])('Release by %s is refused, and changes nothing', async (_, codeName, reason, wrong) => {
      const name = freshName();
      const { sessionId } = await client().acquire({ name, ttl });
      const before = await snapshot();

      expect(await failureOf(client().release({ name, sessionId, ...wrong }))).toMatchObject({
        codeName,
        reason,
        metadata: { lock: name },
      });
      expect(await snapshot()).toBe(before);
    });

    it('Acquire in an unknown session is refused', async () => {
      expect(await failureOf(client().acquire({ name: 'a', sessionId: 'gone' }))).toMatchObject({
        codeName: 'NOT_FOUND',
        reason: 'SESSION_NOT_FOUND',
      });
    });

    it('beyond a limit is refused with limit and value', async () => {
      const { sessionId } = await client().openSession({ ttl });
      for (let n = 0; n < 5; n += 1) await client().acquire({ name: freshName(), sessionId });

      expect(await failureOf(client().acquire({ name: freshName(), sessionId }))).toMatchObject({
        codeName: 'RESOURCE_EXHAUSTED',
        reason: 'LIMIT_REACHED',
        metadata: { field: 'locks_per_session', limit: '5', value: '5' },
      });
    });
  });
});
