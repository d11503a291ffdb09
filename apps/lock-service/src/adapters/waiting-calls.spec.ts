import { type ClientHttp2Session, connect } from 'node:http2';
import { lock } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { describeBackends } from '../../test/backends';
import { ms, type Served, until } from '../../test/lock-harness';

jest.setTimeout(30_000);

type Settled = { answer: lock.AcquireResponse } | { error: ServiceError };

async function settled(call: Promise<lock.AcquireResponse>): Promise<Settled> {
  try {
    return { answer: await call };
  } catch (error) {
    if (error instanceof ServiceError) return { error };
    throw error;
  }
}

describeBackends((backend) => {
  let served: Served;
  beforeEach(async () => {
    served = await backend.serve();
  });
  afterEach(() => served.stop());

  const waiters = (name: string) => served.waiters(name);

  describe('a call that waits for a lock', () => {
    it('leaves the queue when it is cancelled, and is not granted later', async () => {
      const held = await served.client.acquire({ name: 'a' });
      const cancel = new AbortController();
      const waiting = settled(
        served.client.acquire({ name: 'a', waitTimeout: ms(60_000) }, { signal: cancel.signal }),
      );
      await until(async () => (await waiters('a')) === 1);

      cancel.abort();

      expect(await waiting).toMatchObject({ error: { codeName: 'CANCELLED' } });
      await until(async () => (await waiters('a')) === 0);
      await served.client.release({ name: 'a', sessionId: held.sessionId });
      expect(await served.holder('a')).toBeUndefined();
      expect(served.app.waitingCalls).toBe(0);
    });

    it('leaves the queue when its deadline passes', async () => {
      await served.client.acquire({ name: 'a' });

      const answer = await settled(
        served.client.acquire({ name: 'a', waitTimeout: ms(60_000) }, { timeoutMs: 200 }),
      );

      expect(answer).toMatchObject({ error: { codeName: 'DEADLINE_EXCEEDED' } });
      await until(async () => (await waiters('a')) === 0 && served.app.waitingCalls === 0);
    });

    it('leaves the queue when its connection breaks', async () => {
      await served.client.acquire({ name: 'a' });
      const session = waitOnConnectionTo(served.app.address, { name: 'a' });
      await until(async () => (await waiters('a')) === 1);

      session.destroy();

      await until(async () => (await waiters('a')) === 0);
    });

    it('keeps its place when its connection breaks and it comes back with its request id', async () => {
      const held = await served.client.acquire({ name: 'a', ttl: ms(60_000) });
      const session = waitOnConnectionTo(served.app.address, { name: 'a', requestId: 'r' });
      await until(async () => (await waiters('a')) === 1);
      const behind = served.client.acquire({ name: 'a', waitTimeout: ms(60_000) });
      await until(async () => (await waiters('a')) === 2);

      session.destroy();
      await until(() => Promise.resolve(served.app.waitingCalls === 1));
      const back = served.client.acquire({
        ...{ name: 'a', requestId: 'r', ttl: ms(60_000), waitTimeout: ms(60_000) },
      });
      await until(() => Promise.resolve(served.app.waitingCalls === 2));

      await served.client.release({ name: 'a', sessionId: held.sessionId });
      const granted = await back;
      await served.client.release({ name: 'a', sessionId: granted.sessionId });
      expect((await behind).fencingToken).toBeGreaterThan(granted.fencingToken);
    });

    it('is superseded by a call with the same request id, which takes its place', async () => {
      const held = await served.client.acquire({ name: 'a' });
      const request = { name: 'a', requestId: 'r', waitTimeout: ms(60_000) };
      const first = settled(served.client.acquire(request));
      await until(async () => (await waiters('a')) === 1);
      const other = settled(served.client.acquire({ name: 'a', waitTimeout: ms(60_000) }));
      await until(async () => (await waiters('a')) === 2);

      const second = settled(served.client.acquire(request));

      expect(await first).toMatchObject({ error: { codeName: 'ABORTED', reason: 'SUPERSEDED' } });
      await served.client.release({ name: 'a', sessionId: held.sessionId });
      const granted = await second;
      expect(granted).toMatchObject({ answer: { acquired: true } });
      await served.client.forceRelease({ name: 'a', reason: 'end' });
      expect(await other).toMatchObject({ answer: { acquired: true } });
    });

    it('waits behind hundreds of others and is granted in its turn', async () => {
      const held = await served.client.acquire({ name: 'a', ttl: ms(60_000) });
      const order: number[] = [];
      const count = 500;
      const all: Promise<unknown>[] = [];
      for (let n = 0; n < count; n += 1) {
        const turn = n;
        const call = served.client.acquire(
          { name: 'a', waitTimeout: ms(60_000) },
          { timeoutMs: 60_000 },
        );
        all.push(
          call.then(async ({ sessionId }) => {
            order.push(turn);
            await served.client.release({ name: 'a', sessionId });
          }),
        );
      }
      await until(async () => (await waiters('a')) === count);

      await served.client.release({ name: 'a', sessionId: held.sessionId });
      await Promise.all(all);

      expect(order).toEqual([...order].sort((one, other) => one - other));
      expect(await served.counts()).toMatchObject({ locks: 0, waiters: 0, sessions: 0 });
    });
  });

  describe('a replica that is told to stop', () => {
    it('hands waiting calls back; only a request id keeps the place', async () => {
      await served.client.acquire({ name: 'a', ttl: ms(60_000) });
      const plain = settled(served.client.acquire({ name: 'a', waitTimeout: ms(60_000) }));
      const withId = settled(
        served.client.acquire({ name: 'a', waitTimeout: ms(60_000), requestId: 'r' }),
      );
      await until(async () => (await waiters('a')) === 2);

      await served.app.stop();

      for (const call of [plain, withId])
        // grpc-js has asked once more by itself, and there is no other replica.
        expect(await call).toMatchObject({ error: { codeName: 'UNAVAILABLE' } });
      expect(await waiters('a')).toBe(1);
    });
  });
});

/** Waits for a lock on a connection of its own, which can be broken. */
function waitOnConnectionTo(
  address: string,
  fields: { readonly name: string; readonly requestId?: string },
): ClientHttp2Session {
  const session = connect(`http://${address}`);
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/raftway.lock.v1.LockService/Acquire',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  const request = lock.AcquireRequest.fromPartial({ ...fields, waitTimeout: ms(60_000) });
  const message = lock.AcquireRequest.encode(request).finish();
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  return session;
}
