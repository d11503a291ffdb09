import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { health, lock, registry } from '@raftway/contracts';
import { createMetrics, silentLogger } from '@raftway/observability';
import { createClient, implementService } from '@raftway/service-kit';
import { startTestServer } from '@raftway/service-kit/testing';
import { ms, until } from '../test/lock-harness';
import { createLockApp, type LockApp } from './app';
import { lockOptionsSchema } from './options';

jest.setTimeout(30_000);

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lock-service-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** A replica as a process would run it: real disk, real sockets. */
function appWith(
  registryAddress: string,
  metrics = createMetrics({ processMetrics: false }),
): LockApp {
  const options = lockOptionsSchema.parse({
    bind: '127.0.0.1:0',
    peerBind: '127.0.0.1:0',
    httpBind: '127.0.0.1:0',
    nodeId: '1',
    registry: registryAddress,
    dataDir,
    drainDelayMs: '0ms',
    drainTimeoutMs: '1s',
  });
  return createLockApp({ options, logger: silentLogger(), metrics });
}

const clientOf = (app: LockApp) => createClient(lock.LockServiceService, app.address);

async function served(app: LockApp): Promise<boolean> {
  const client = createClient(health.HealthService, app.address);
  try {
    const { status } = await client.check({ service: 'raftway.lock.v1.LockService' });
    return status === health.HealthCheckResponse_ServingStatus.SERVING;
  } finally {
    client.close();
  }
}

describe('a replica of the lock service', () => {
  it('starts, serves and stops while the registry is away', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const app = appWith('127.0.0.1:1', metrics);
    await app.start();
    await until(() => served(app));
    const client = clientOf(app);

    expect((await client.acquire({ name: 'a' })).acquired).toBe(true);
    expect(await metrics.text()).toContain('raftway_lock_held 1');

    client.close();
    await app.stop();
  });

  it('has its locks and its tokens after a restart', async () => {
    const first = appWith('127.0.0.1:1');
    await first.start();
    await until(() => served(first));
    const client = clientOf(first);
    const held = await client.acquire({ name: 'a', ttl: ms(60_000) });
    const freed = await client.acquire({ name: 'b' });
    await client.release({ name: 'b', sessionId: freed.sessionId });
    client.close();
    await first.stop();

    const second = appWith('127.0.0.1:1');
    await second.start();
    await until(() => served(second));
    const again = clientOf(second);

    const check = { name: 'a', fencingToken: held.fencingToken };
    expect(await again.checkToken(check)).toMatchObject({ valid: true });
    const { fencingToken } = await again.acquire({ name: 'b' });
    expect(fencingToken).toBeGreaterThan(freed.fencingToken);
    again.close();
    await second.stop();
  });

  it('is in the registry while it runs', async () => {
    const registered: registry.RegisterRequest[] = [];
    const deregistered: string[] = [];
    const fake = implementService(registry.RegistryServiceService, {
      register: (request) => {
        registered.push(request);
        return { leaseId: 'lease-1', revision: 1n, ttl: request.ttl };
      },
      deregister: ({ leaseId }) => {
        deregistered.push(leaseId);
        return { revision: 2n };
      },
      keepAlive: async function* (requests) {
        for await (const { leaseId } of requests)
          yield { leaseId, ttl: ms(10_000), expired: false };
      },
      setStatus: () => ({ revision: 1n }),
      lookup: () => ({ instances: [], revision: 1n }),
      listServices: () => ({ services: [], revision: 1n, nextPageToken: '' }),
      // eslint-disable-next-line require-yield
      watch: async function* () {
        return;
      },
    });
    const directory = await startTestServer({ services: [fake] });
    const app = appWith(directory.server.address);

    await app.start();
    await until(() => registered.length > 0);
    expect(registered[0]?.instance).toMatchObject({
      service: 'lock-service',
      instanceId: 'lock-service-1',
      address: app.address,
      grpcServices: ['raftway.lock.v1.LockService'],
    });
    await app.stop();

    expect(deregistered).toEqual(['lease-1']);
    await directory.stop();
  });
});
