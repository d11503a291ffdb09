import { createMetrics, silentLogger } from '@raftway/observability';
import { lockOptionsSchema } from './options';
import { createLockStore } from './store';

const loaded = jest.fn();
jest.mock('ioredis', () => {
  loaded();
  return jest.requireActual<object>('ioredis');
});

function storeFor(options: Record<string, string>) {
  return createLockStore({
    options: lockOptionsSchema.parse({ dataDir: '/nowhere', ...options }),
    logger: silentLogger(),
    metrics: createMetrics({ processMetrics: false }),
  });
}

describe('the store of locks', () => {
  it('is a Raft replica by default, and then ioredis is not loaded', () => {
    const store = storeFor({});

    expect(store.replica).toBeDefined();
    expect(store.backend.guarantee).toBe('linearizable');
    expect(loaded).not.toHaveBeenCalled();
  });

  it('is a Redis without a Raft node; ioredis is loaded when it starts', async () => {
    const store = storeFor({ lockBackend: 'redis', redisUrl: 'redis://127.0.0.1:1' });
    expect(store.replica).toBeUndefined();
    expect(store.component.services).toEqual([]);
    expect(store.backend.guarantee).toBe('bestEffort');
    expect(loaded).not.toHaveBeenCalled();

    await store.component.start();

    expect(loaded).toHaveBeenCalled();
    expect(store.component.readiness()).toMatch(/^Redis is away: .*ECONNREFUSED/);
    await store.component.stop();
  });
});
