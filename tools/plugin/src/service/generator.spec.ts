import { type Tree } from '@nx/devkit';
import { parse } from 'yaml';
import { differences, textsOf, workspaceTree } from '../../test/workspace';
import serviceGenerator, { type ServiceInput } from './generator';

// Animals that no team has a service for: in a workspace that has grown, other names and ports are taken.
let tree: Tree;

beforeEach(() => {
  tree = workspaceTree();
});

const read = (path: string): string => tree.read(path, 'utf8') ?? '';

/** The ports that the next services get. */
function nextPorts(): readonly [number, number] {
  const apps = JSON.parse(read('apps/apps.json')) as Record<string, { readonly port: number }>;
  const last = Math.max(...Object.values(apps).map(({ port }) => port));
  return [last + 10, last + 20];
}

const yaml = (path: string): unknown => parse(read(path), { merge: true });

describe('a new service', () => {
  it('has the rooms of every app, and is added where services are named', async () => {
    const before = textsOf(tree);

    await serviceGenerator(tree, { name: 'quokka-list' });

    const { added, changed } = differences(before, textsOf(tree));
    expect(added).toEqual([
      'apps/quokka-list/README.md',
      'apps/quokka-list/jest.config.cjs',
      'apps/quokka-list/package.json',
      'apps/quokka-list/src/app.spec.ts',
      'apps/quokka-list/src/app.ts',
      'apps/quokka-list/src/domain/text.spec.ts',
      'apps/quokka-list/src/domain/text.ts',
      'apps/quokka-list/src/main.ts',
      'apps/quokka-list/src/options.spec.ts',
      'apps/quokka-list/src/options.ts',
      'apps/quokka-list/src/service/echo.spec.ts',
      'apps/quokka-list/src/service/quokka-list-service.ts',
      'apps/quokka-list/src/service/validation.ts',
      'apps/quokka-list/test/start-quokka-list.ts',
      'apps/quokka-list/tsconfig.json',
      'apps/quokka-list/tsconfig.lib.json',
      'apps/quokka-list/tsconfig.spec.json',
      'k8s/base/quokka-list/config.env',
      'k8s/base/quokka-list/deployment.yaml',
      'k8s/base/quokka-list/kustomization.yaml',
      'k8s/base/quokka-list/pod-disruption-budget.yaml',
      'k8s/base/quokka-list/service-account.yaml',
      'k8s/components/mtls/quokka-list-certificate.yaml',
      'k8s/components/mtls/quokka-list-volume.yaml',
      'k8s/components/network-policies/quokka-list.yaml',
      'protos/quokka_list/v1/quokka_list.proto',
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

    await serviceGenerator(tree, { name: 'quokkas' });

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
    const [first, second] = nextPorts();
    await serviceGenerator(tree, { name: 'quokkas' });
    await serviceGenerator(tree, { name: 'quokka-list' });

    expect(JSON.parse(read('apps/apps.json'))).toMatchObject({
      quokkas: { port: first, grpcServices: ['quokkas.v1.QuokkasService'] },
      'quokka-list': { port: second, grpcServices: ['quokka_list.v1.QuokkaListService'] },
    });
    expect(read('apps/quokka-list/src/options.ts')).toContain(`bind: '127.0.0.1:${second}'`);
    expect(read('k8s/base/quokka-list/config.env')).toContain(`RAFTWAY_BIND=0.0.0.0:${second}\n`);
    expect(read('ARCHITECTURE.md')).toMatch(
      new RegExp(
        `^\\| quokka-list +\\| ${second} +\\| ${second - 30_000}, ${second - 29_999} `,
        'm',
      ),
    );
    expect(yaml('docker/compose.yaml')).toMatchObject({
      services: {
        'quokka-list-1': {
          read_only: true,
          image: 'raftway/quokka-list:${RAFTWAY_VERSION:-0.1.0}',
          environment: { RAFTWAY_ADVERTISE: `quokka-list-1:${second}` },
        },
        'quokka-list-2': { read_only: true, build: { args: { APP: 'quokka-list' } } },
        gateway: { depends_on: { 'quokka-list-2': { condition: 'service_started' } } },
      },
    });
  });

  it('takes a port that is free', async () => {
    await serviceGenerator(tree, { name: 'quokkas', port: 50_981 });

    expect(JSON.parse(read('apps/apps.json'))).toMatchObject({ quokkas: { port: 50_981 } });
  });
});

describe('refused before anything is written', () => {
  it.each<[string, ServiceInput, RegExp]>([
    ['capitals', { name: 'Quokkas' }, /"Quokkas" is no name: it has lower-case letters/],
    ['an underscore', { name: 'quokka_list' }, /is no name/],
    ['a hyphen at the end', { name: 'quokkas-' }, /is no name/],
    ['a path', { name: '../quokkas' }, /is no name/],
    ['nothing', { name: '' }, /is no name/],
    ['a long name', { name: 'x'.repeat(41) }, /has 41 characters: a name has 40 at most/],
    ['a word of TypeScript', { name: 'class' }, /"class" is a word of TypeScript/],
    ['a service Service', { name: 'quokka-service' }, /leave "-service" away/],
    ['an app', { name: 'greeter' }, /@raftway\/greeter exists/],
    ['a library', { name: 'raft' }, /@raftway\/raft exists/],
    ['a contract', { name: 'lock' }, /has a contract named lock/],
    ['the proto of another', { name: 'google' }, /protos\/google exists/],
    ['a taken port', { name: 'quokkas', port: 50_061 }, /50061 is the port of registry/],
    ['a port between', { name: 'quokkas', port: 50_092 }, /50092 is no port for a service/],
    ['the peers’ ports', { name: 'quokkas', port: 51_061 }, /51061 is no port for a service/],
  ])('%s', async (_what, input, message) => {
    const before = textsOf(tree);

    await expect(serviceGenerator(tree, input)).rejects.toThrow(message);

    expect(textsOf(tree)).toEqual(before);
  });

  it('a second time', async () => {
    await serviceGenerator(tree, { name: 'quokkas' });
    const before = textsOf(tree);

    const again = serviceGenerator(tree, { name: 'quokkas' });

    await expect(again).rejects.toThrow(/@raftway\/quokkas exists/);
    expect(textsOf(tree)).toEqual(before);
  });

  it('a folder that somebody made', async () => {
    tree.write('apps/quokkas/notes.txt', '');

    const generated = serviceGenerator(tree, { name: 'quokkas' });

    await expect(generated).rejects.toThrow(/apps\/quokkas exists/);
  });

  it('the hundredth service', async () => {
    await serviceGenerator(tree, { name: 'quokkas', port: 50_991 });

    const generated = serviceGenerator(tree, { name: 'quokka-list' });

    await expect(generated).rejects.toThrow(/no port is left after 50991: give one with --port/);
  });
});
