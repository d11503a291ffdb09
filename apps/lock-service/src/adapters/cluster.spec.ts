import { ServiceError } from '@raftway/errors';
import {
  ms,
  type RaftServed,
  serveCluster,
  type ServedCluster,
  until,
} from '../../test/lock-harness';

jest.setTimeout(30_000);

let cluster: ServedCluster;
beforeEach(async () => {
  cluster = await serveCluster();
});
afterEach(() => cluster.stop());

const waiters = (served: RaftServed, name: string) => served.stateMachine.lock(name).waiters.length;

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
  it('keep a waiting call over a change of leader, when its own replica survives', async () => {
    const { leader, followers } = await cluster.byRole();
    const [one, two] = followers;
    const held = await one.client.acquire({ name: 'a', ttl: ms(60_000) });
    const waiting = one.client.acquire(
      { name: 'a', waitTimeout: ms(30_000) },
      { timeoutMs: 30_000 },
    );
    await until(() => waiters(two, 'a') === 1 && waiters(one, 'a') === 1);

    await cluster.cluster.stopNode(leader.nodeId);
    const { sessionId } = held;
    await eventually(() => two.client.release({ name: 'a', sessionId, requestId: 'release' }));

    const grant = await waiting;
    expect(grant.acquired).toBe(true);
    expect(grant.fencingToken).toBeGreaterThan(held.fencingToken);
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
    cluster.cluster.isolate(one.nodeId);

    await eventually(() =>
      two.client.release({ name: 'a', sessionId: held.sessionId, requestId: 'release' }),
    );
    expect(two.stateMachine.holders('a')[0]?.sessionId).not.toBe(held.sessionId);
    one.stateMachine.restore(two.stateMachine.snapshot());

    const grant = await waiting;
    expect(grant.sessionId).toBe(two.stateMachine.holders('a')[0]?.sessionId);
  });

  it('refuse what cannot be decided without a majority, and say that nothing happened or that it is not known', async () => {
    const { leader, followers } = await cluster.byRole();
    for (const { nodeId } of followers) await cluster.cluster.stopNode(nodeId);

    const error = await errorOf(leader.client.acquire({ name: 'a' }, { timeoutMs: 20_000 }));

    expect(error).toMatchObject({ codeName: 'UNAVAILABLE' });
    expect(['NO_LEADER', 'OUTCOME_UNKNOWN']).toContain((error as ServiceError).reason);
  });
});
