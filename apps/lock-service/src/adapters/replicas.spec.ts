import { describeBackends, type ServedReplicas } from '../../test/backends';
import { ms, until } from '../../test/lock-harness';

jest.setTimeout(30_000);

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describeBackends((backend) => {
  let served: ServedReplicas;
  beforeEach(async () => {
    served = await backend.serveReplicas();
  });
  afterEach(() => served.stop());

  describe('three replicas', () => {
    it('take calls alike, and show the same locks', async () => {
      const [one, two] = served.replicas;
      const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });

      const shown = await Promise.all(
        served.replicas.map(async ({ client }) => (await client.getLock({ name: 'a' })).lock),
      );

      for (const lock of shown) expect(lock?.currentToken).toBe(held.fencingToken);
      const { sessionId } = held;
      expect(await two.client.release({ name: 'a', sessionId })).toMatchObject({ released: true });
    });

    it('grant across replicas: the release at one wakes the call that waits at another', async () => {
      const [one, two, three] = served.replicas;
      const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });
      const waiting = two.client.acquire({ name: 'a', waitTimeout: ms(30_000) });
      await until(async () => (await one.waiters('a')) === 1);

      await three.client.release({ name: 'a', sessionId: held.sessionId });

      expect((await waiting).fencingToken).toBeGreaterThan(held.fencingToken);
    });

    it('take a cancelled call at any of them out of the queue', async () => {
      const [one, two] = served.replicas;
      await one.client.acquire({ name: 'a', ttl: ms(60_000) });
      const cancel = new AbortController();
      const request = { name: 'a', waitTimeout: ms(30_000) };
      const waiting = errorOf(two.client.acquire(request, { signal: cancel.signal }));
      await until(async () => (await one.waiters('a')) === 1);

      cancel.abort();

      expect(await waiting).toMatchObject({ codeName: 'CANCELLED' });
      await until(async () => (await one.waiters('a')) === 0);
    });

    it('let a retry with the same request id take the same place at another replica', async () => {
      const [one, two, three] = served.replicas;
      const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });
      const request = { name: 'a', waitTimeout: ms(30_000), requestId: 'mine' };
      const first = errorOf(two.client.acquire(request));
      await until(async () => (await three.waiters('a')) === 1);
      const behind = three.client.acquire({ name: 'a', waitTimeout: ms(30_000) });
      await until(async () => (await three.waiters('a')) === 2);

      await two.app.stop();
      const retry = three.client.acquire(request);
      expect(await first).toMatchObject({ codeName: 'UNAVAILABLE' });
      await one.client.release({ name: 'a', sessionId: held.sessionId });

      const grant = await retry;
      expect(grant.acquired).toBe(true);
      await one.client.release({ name: 'a', sessionId: grant.sessionId });
      expect((await behind).fencingToken).toBeGreaterThan(grant.fencingToken);
    });

    it('serve waiters in the order in which they came, wherever they wait', async () => {
      const [one, two, three] = served.replicas;
      const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });
      const order: number[] = [];
      const waiting: Promise<unknown>[] = [];
      for (let n = 0; n < 9; n += 1) {
        const { client } = served.replicas[n % 3] ?? one;
        const call = client.acquire({ name: 'a', ttl: ms(60_000), waitTimeout: ms(30_000) });
        waiting.push(
          call.then(async ({ sessionId }) => {
            order.push(n);
            await two.client.release({ name: 'a', sessionId });
          }),
        );
        await until(async () => (await three.waiters('a')) === n + 1);
      }

      await two.client.release({ name: 'a', sessionId: held.sessionId });
      await Promise.all(waiting);

      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    });
  });
});
