import { ServiceError } from '@raftway/errors';
import { ms, type Served, serveCluster, type ServedCluster, until } from '../../test/lock-harness';

jest.setTimeout(30_000);

let cluster: ServedCluster;
beforeEach(async () => {
  cluster = await serveCluster();
});
afterEach(() => cluster.stop());

const waiters = (served: Served, name: string) => served.app.stateMachine.lock(name).waiters.length;

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Tries again while there is no leader, as callers do. */
async function eventually<Value>(call: () => Promise<Value>): Promise<Value> {
  for (const giveUpAtMs = performance.now() + 10_000; ;) {
    try {
      return await call();
    } catch (error) {
      const retry = error instanceof ServiceError && error.codeName === 'UNAVAILABLE';
      if (!retry || performance.now() > giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe('three replicas', () => {
  it('take calls alike, and show the same locks', async () => {
    const { leader, followers } = await cluster.byRole();
    const [one, two] = followers;
    const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });

    const tokens = await Promise.all(
      [leader, one, two].map(async ({ client }) => (await client.getLock({ name: 'a' })).lock),
    );

    for (const shown of tokens) expect(shown?.currentToken).toBe(held.fencingToken);
    const { sessionId } = held;
    expect(await two.client.release({ name: 'a', sessionId })).toMatchObject({ released: true });
  });

  it('grant across replicas: the release at one wakes the call that waits at another', async () => {
    const { leader, followers } = await cluster.byRole();
    const held = await leader.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = followers[0].client.acquire({ name: 'a', waitTimeout: ms(30_000) });
    await until(() => waiters(leader, 'a') === 1);

    await followers[1].client.release({ name: 'a', sessionId: held.sessionId });

    expect((await waiting).fencingToken).toBeGreaterThan(held.fencingToken);
  });

  it('take a cancelled call at a follower out of the queue', async () => {
    const { leader, followers } = await cluster.byRole();
    await leader.client.acquire({ name: 'a', ttl: ms(60_000) });
    const cancel = new AbortController();
    const request = { name: 'a', waitTimeout: ms(30_000) };
    const waiting = errorOf(followers[0].client.acquire(request, { signal: cancel.signal }));
    await until(() => waiters(leader, 'a') === 1);

    cancel.abort();

    expect(await waiting).toMatchObject({ codeName: 'CANCELLED' });
    await until(() => waiters(leader, 'a') === 0);
  });

  it('keep a waiting call over a change of leader, when its own replica survives', async () => {
    const { leader, followers } = await cluster.byRole();
    const [one, two] = followers;
    const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = one.client.acquire(
      { name: 'a', waitTimeout: ms(30_000) },
      { timeoutMs: 30_000 },
    );
    await until(() => waiters(two, 'a') === 1 && waiters(one, 'a') === 1);

    await cluster.cluster.stopNode(leader.app.replica.nodeId);
    const { sessionId } = held;
    await eventually(() => two.client.release({ name: 'a', sessionId, requestId: 'release' }));

    const grant = await waiting;
    expect(grant.acquired).toBe(true);
    expect(grant.fencingToken).toBeGreaterThan(held.fencingToken);
  });

  it('let a retry with the same request id take the same place at another replica', async () => {
    const { leader, followers } = await cluster.byRole();
    const [one, two] = followers;
    const held = await leader.client.acquire({ name: 'a', ttl: ms(60_000) });
    const request = { name: 'a', waitTimeout: ms(30_000), requestId: 'mine' };
    const first = errorOf(one.client.acquire(request));
    await until(() => waiters(two, 'a') === 1);
    const behind = two.client.acquire({ name: 'a', waitTimeout: ms(30_000) });
    await until(() => waiters(two, 'a') === 2);

    await one.app.stop();
    const retry = two.client.acquire(request);
    expect(await first).toMatchObject({ codeName: 'UNAVAILABLE', reason: 'DRAINING' });
    await leader.client.release({ name: 'a', sessionId: held.sessionId });

    const grant = await retry;
    expect(grant.acquired).toBe(true);
    await leader.client.release({ name: 'a', sessionId: grant.sessionId });
    expect((await behind).fencingToken).toBeGreaterThan(grant.fencingToken);
  });

  it('tell a waiting call of its grant even when its replica learned of it from a snapshot', async () => {
    const { leader, followers } = await cluster.byRole();
    const [one, two] = followers;
    const held = await leader.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = one.client.acquire(
      { name: 'a', waitTimeout: ms(60_000), ttl: ms(60_000) },
      { timeoutMs: 60_000 },
    );
    await until(() => waiters(one, 'a') === 1);
    cluster.cluster.isolate(one.app.replica.nodeId);

    await eventually(() =>
      two.client.release({ name: 'a', sessionId: held.sessionId, requestId: 'release' }),
    );
    expect(two.app.stateMachine.holders('a')[0]?.sessionId).not.toBe(held.sessionId);
    one.app.stateMachine.restore(two.app.stateMachine.snapshot());

    const grant = await waiting;
    expect(grant.sessionId).toBe(two.app.stateMachine.holders('a')[0]?.sessionId);
  });

  it('refuse what cannot be decided without a majority, and say that nothing happened or that it is not known', async () => {
    const { leader, followers } = await cluster.byRole();
    for (const { app } of followers) await cluster.cluster.stopNode(app.replica.nodeId);

    const error = await errorOf(leader.client.acquire({ name: 'a' }, { timeoutMs: 20_000 }));

    expect(error).toMatchObject({ codeName: 'UNAVAILABLE' });
    expect(['NO_LEADER', 'OUTCOME_UNKNOWN']).toContain((error as ServiceError).reason);
  });
});
