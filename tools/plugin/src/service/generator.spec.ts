import { type Tree } from '@nx/devkit';
import { parse } from 'yaml';
import { differences, textsOf, workspaceTree } from '../../test/workspace';
import serviceGenerator, { type ServiceInput } from './generator';

let tree: Tree;

beforeEach(() => {
  tree = workspaceTree();
});

const read = (path: string): string => tree.read(path, 'utf8') ?? '';
const yaml = (path: string): unknown => parse(read(path), { merge: true });

describe('a new service', () => {
  it('has the rooms of every app, and is added where services are named', async () => {
    const before = textsOf(tree);

    await serviceGenerator(tree, { name: 'price-list' });

    const { added, changed } = differences(before, textsOf(tree));
    expect(added).toEqual([
      'apps/price-list/README.md',
      'apps/price-list/jest.config.cjs',
      'apps/price-list/package.json',
      'apps/price-list/src/app.spec.ts',
      'apps/price-list/src/app.ts',
      'apps/price-list/src/domain/text.spec.ts',
      'apps/price-list/src/domain/text.ts',
      'apps/price-list/src/main.ts',
      'apps/price-list/src/options.spec.ts',
      'apps/price-list/src/options.ts',
      'apps/price-list/src/service/echo.spec.ts',
      'apps/price-list/src/service/price-list-service.ts',
      'apps/price-list/src/service/validation.ts',
      'apps/price-list/test/start-price-list.ts',
      'apps/price-list/tsconfig.json',
      'apps/price-list/tsconfig.lib.json',
      'apps/price-list/tsconfig.spec.json',
      'k8s/base/price-list/config.env',
      'k8s/base/price-list/deployment.yaml',
      'k8s/base/price-list/kustomization.yaml',
      'k8s/base/price-list/pod-disruption-budget.yaml',
      'k8s/base/price-list/service-account.yaml',
      'k8s/components/mtls/price-list-certificate.yaml',
      'k8s/components/mtls/price-list-volume.yaml',
      'k8s/components/network-policies/price-list.yaml',
      'protos/price_list/v1/price_list.proto',
    ]);
    expect(changed).toEqual([
      'ARCHITECTURE.md',
      'README.md',
      'apps/apps.json',
      'apps/e2e/calls.json',
      'docker/compose.observability.yaml',
      'docker/compose.yaml',
      'docker/observability/prometheus.yaml',
      'k8s/base/kustomization.yaml',
      'k8s/components/monitoring/pod-monitor.yaml',
      'k8s/components/mtls/kustomization.yaml',
      'k8s/components/network-policies/allow-metrics.yaml',
      'k8s/components/network-policies/allow-telemetry.yaml',
      'k8s/components/network-policies/gateway.yaml',
      'k8s/components/network-policies/kustomization.yaml',
      'k8s/components/network-policies/registry.yaml',
      'k8s/overlays/local/kustomization.yaml',
      'libs/contracts/src/index.ts',
      'package-lock.json',
      'tsconfig.json',
    ]);
  });

  it('only adds lines to files that people write', async () => {
    const before = textsOf(tree);

    await serviceGenerator(tree, { name: 'orders' });

    const after = textsOf(tree);
    for (const path of differences(before, after).changed) {
      // The one line that grows: the list of services in the README's map, in a table that is aligned.
      if (path.endsWith('.md') || path === 'package-lock.json') continue;
      const kept = (after.get(path) ?? '').split('\n').map((line) => line.replace(/,$/, ''));
      for (const line of (before.get(path) ?? '').split('\n')) {
        expect({ path, kept }).toEqual({
          path,
          kept: expect.arrayContaining([line.replace(/,$/, '')]) as string[],
        });
      }
    }
  });

  it('gets the next free port everywhere, each service another one', async () => {
    await serviceGenerator(tree, { name: 'orders' });
    await serviceGenerator(tree, { name: 'price-list' });

    expect(JSON.parse(read('apps/apps.json'))).toMatchObject({
      orders: { port: 50_091, grpcServices: ['orders.v1.OrdersService'] },
      'price-list': { port: 50_101, grpcServices: ['price_list.v1.PriceListService'] },
    });
    expect(read('apps/price-list/src/options.ts')).toContain("bind: '127.0.0.1:50101'");
    expect(read('k8s/base/price-list/config.env')).toContain('RAFTWAY_BIND=0.0.0.0:50101\n');
    expect(read('ARCHITECTURE.md')).toMatch(/^\| price-list +\| 50101 +\| 20101, 20102 /m);
    expect(yaml('docker/compose.yaml')).toMatchObject({
      services: {
        'price-list-1': {
          read_only: true,
          image: 'raftway/price-list:${RAFTWAY_VERSION:-0.1.0}',
          environment: { RAFTWAY_ADVERTISE: 'price-list-1:50101' },
        },
        'price-list-2': { read_only: true, build: { args: { APP: 'price-list' } } },
        gateway: { depends_on: { 'price-list-2': { condition: 'service_started' } } },
      },
    });
  });

  it('takes a port that is free', async () => {
    await serviceGenerator(tree, { name: 'orders', port: 50_201 });

    expect(JSON.parse(read('apps/apps.json'))).toMatchObject({ orders: { port: 50_201 } });
  });
});

describe('refused before anything is written', () => {
  it.each<[string, ServiceInput, RegExp]>([
    ['capitals', { name: 'Orders' }, /"Orders" is no name: it has lower-case letters/],
    ['an underscore', { name: 'price_list' }, /is no name/],
    ['a hyphen at the end', { name: 'orders-' }, /is no name/],
    ['a path', { name: '../orders' }, /is no name/],
    ['nothing', { name: '' }, /is no name/],
    ['a long name', { name: 'x'.repeat(41) }, /has 41 characters: a name has 40 at most/],
    ['a word of TypeScript', { name: 'class' }, /"class" is a word of TypeScript/],
    ['a service Service', { name: 'order-service' }, /leave "-service" away/],
    ['an app', { name: 'greeter' }, /@raftway\/greeter exists/],
    ['a library', { name: 'raft' }, /@raftway\/raft exists/],
    ['a contract', { name: 'lock' }, /has a contract named lock/],
    ['the proto of another', { name: 'google' }, /protos\/google exists/],
    ['a taken port', { name: 'orders', port: 50_061 }, /50061 is the port of registry/],
    ['a port between', { name: 'orders', port: 50_092 }, /50092 is no port for a service/],
    ['the peers’ ports', { name: 'orders', port: 51_061 }, /51061 is no port for a service/],
  ])('%s', async (_what, input, message) => {
    const before = textsOf(tree);

    await expect(serviceGenerator(tree, input)).rejects.toThrow(message);

    expect(textsOf(tree)).toEqual(before);
  });

  it('a second time', async () => {
    await serviceGenerator(tree, { name: 'orders' });
    const before = textsOf(tree);

    const again = serviceGenerator(tree, { name: 'orders' });

    await expect(again).rejects.toThrow(/@raftway\/orders exists/);
    expect(textsOf(tree)).toEqual(before);
  });

  it('a folder that somebody made', async () => {
    tree.write('apps/orders/notes.txt', '');

    const generated = serviceGenerator(tree, { name: 'orders' });

    await expect(generated).rejects.toThrow(/apps\/orders exists/);
  });

  it('the hundredth service', async () => {
    await serviceGenerator(tree, { name: 'orders', port: 50_991 });

    const generated = serviceGenerator(tree, { name: 'price-list' });

    await expect(generated).rejects.toThrow(/no port is left after 50991: give one with --port/);
  });
});
