import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planSuite, routedServices } from './suite';

const APPS = {
  registry: { port: 50_061, peerPort: 51_061, grpcServices: ['registry.Registry'] },
  gateway: { port: 8080, grpcServices: [] },
  orders: { port: 50_091, grpcServices: ['orders.v1.OrdersService'] },
};

describe('the suite of a list of apps', () => {
  let root: string;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'raftway-suite-'));
    mkdirSync(join(root, 'apps'));
    writeFileSync(join(root, 'apps', 'apps.json'), JSON.stringify(APPS));
  });

  afterAll(() => rmSync(root, { recursive: true }));

  const plan = () => planSuite({ root, dataDir: '/data', replicas: 3, portOffset: 100 });

  it('has replicas of what keeps state, one gateway, and two of everything else, in its order', () => {
    expect(plan().map(({ name, address, tier }) => [name, address, tier])).toEqual([
      ['registry-1', '127.0.0.1:20161', 3],
      ['registry-2', '127.0.0.1:20162', 3],
      ['registry-3', '127.0.0.1:20163', 3],
      ['gateway', '127.0.0.1:8180', 0],
      ['orders-1', '127.0.0.1:20191', 1],
      ['orders-2', '127.0.0.1:20192', 1],
    ]);
  });

  it('tells every process where the others are', () => {
    const [registry] = plan();
    const orders = plan().find(({ name }) => name === 'orders-2');

    expect(registry?.environment).toMatchObject({
      RAFTWAY_PEERS: '1=127.0.0.1:21161,2=127.0.0.1:21162,3=127.0.0.1:21163',
      RAFTWAY_DATA_DIR: '/data/registry-1',
    });
    expect(orders).toMatchObject({
      entry: join(root, 'apps/orders/dist/main.js'),
      httpAddress: '127.0.0.1:22192',
      dataDir: undefined,
      environment: {
        RAFTWAY_REGISTRY: '127.0.0.1:20161,127.0.0.1:20162,127.0.0.1:20163',
        RAFTWAY_GATEWAY: '127.0.0.1:8180',
        RAFTWAY_INSTANCE_ID: 'orders-2',
      },
    });
  });

  it('has no two processes that listen at one address', () => {
    const all = plan().flatMap(({ listens }) => listens);

    expect(new Set(all).size).toBe(all.length);
  });

  it('is ready when all services of the list are routed', () => {
    expect(routedServices({ root })).toEqual(['registry.Registry', 'orders.v1.OrdersService']);
  });
});
