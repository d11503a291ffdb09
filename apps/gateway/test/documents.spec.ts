import * as grpc from '@grpc/grpc-js';
import { DocumentGateway, fixture, routeTo } from './support/document-gateway';
import { type Outcome } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually } from './support/harness';

let gateway: DocumentGateway;

afterEach(async () => {
  await gateway.close();
});

function headers(values: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}

/** What answered: `v1`, or the reason of the refusal. */
function servedBy({ code, trailers }: Outcome): string {
  return code === 0 ? String(trailers.get('served-by')[0]) : (errorInfo(trailers)?.reason ?? '');
}

describe('the Gateway API’s conformance tests of GRPCRoute', () => {
  it('exact-method-matching: each method goes where its rule says, and an unknown one nowhere', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('exact-method-matching') });
    const client = gateway.harness.client();

    await client.unary('x', { path: '/test.Echo/Unary' });
    await client.unary('x', { path: '/test.Echo/ClientStream' });
    const other = await client.unary('x', { path: '/test.Echo/Bidi' });

    expect(gateway.calls()).toEqual([1, 1, 0]);
    expect([other.code, servedBy(other)]).toEqual([12, 'SERVICE_UNKNOWN']);
  });

  it('header-matching: the rule with most headers that match', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('header-matching') });
    const client = gateway.harness.client();
    const by = async (values: Record<string, string>): Promise<string> =>
      servedBy(await client.unary('x', { metadata: headers(values) }));

    expect(await by({ version: 'one' })).toBe('v1');
    expect(await by({ version: 'two' })).toBe('v2');
    expect(await by({ version: 'two', color: 'orange' })).toBe('v1');
    expect(await by({ color: 'green' })).toBe('v1');
    expect(await by({ color: 'yellow' })).toBe('v2');
    expect(await by({ version: 'two', color: 'blue' })).toBe('v2');
    expect(await by({ color: 'purple' })).toBe('SERVICE_UNKNOWN');
  });

  it('listener-hostname-matching: host names of routes and listeners meet', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('listener-hostname-matching') });
    const at = async (authority: string): Promise<string> => {
      const client = gateway.harness.client({ 'grpc.default_authority': authority });
      return servedBy(await client.unary('x'));
    };

    expect(await at('bar.com')).toBe('v1');
    expect(await at('foo.bar.com')).toBe('v1');
    expect(await at('Foo.Bar.com:8080')).toBe('v1');
    expect(await at('baz.bar.com')).toBe('v2');
    expect(await at('a.foo.bar.com')).toBe('v2');
    expect(await at('x.foo.com')).toBe('v3');
    expect(await at('a.y.foo.com')).toBe('v3');
    expect(await at('foo.com')).toBe('SERVICE_UNKNOWN');
    expect(await at('z.foo.com')).toBe('SERVICE_UNKNOWN');
    expect(await at('example.org')).toBe('SERVICE_UNKNOWN');
  });

  it('named-rule: a rule with a name, and what is attached to the name', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('named-rule') });
    const client = gateway.harness.client();
    const leftMs = (backend: number): number =>
      Number(gateway.backends[backend]?.deadlines[0]) - Date.now();

    await client.unary('x', { path: '/test.Echo/Unary' });
    await client.unary('x', { path: '/test.Echo/ClientStream' });

    expect(gateway.calls()).toEqual([1, 1, 0]);
    expect(leftMs(0)).toBeGreaterThan(20_000);
    expect(leftMs(0)).toBeLessThanOrEqual(30_000);
    expect(leftMs(1)).toBe(Infinity);
  });

  it('request-header-modifier: set, add and remove, and the same for the response', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('header-modifier') });
    const client = gateway.harness.client();
    const sent = {
      'x-header-set': 'some-other-value',
      'x-header-add': 'some-other-value',
      'x-header-remove': 'val',
    };

    const changed = await client.unary('x', { metadata: headers({ ...sent, case: 'all' }) });
    const plain = await client.unary('x', { metadata: headers(sent) });

    const [first, second] = gateway.backends[0]?.metadata ?? [];
    expect(first?.get('x-header-set')).toEqual(['set-overwrites-values']);
    expect(first?.get('x-header-add')).toEqual(['some-other-value, add-appends-values']);
    expect(first?.get('x-header-remove')).toEqual([]);
    expect(first?.get('x-backend')).toEqual(['v1']);
    expect(changed.initial.get('x-served-as')).toEqual(['canary']);
    expect(second?.get('x-header-set')).toEqual(['some-other-value']);
    expect(second?.get('x-header-remove')).toEqual(['val']);
    expect(plain.initial.get('x-served-as')).toEqual([]);
  });

  it('weight: shares by weight, also of a backend that does not exist', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': fixture('weight') });
    const client = gateway.harness.client();
    const count = 1000;

    const outcomes = await Promise.all(Array.from({ length: count }, () => client.unary('x')));

    const shares: Record<string, number> = {};
    for (const outcome of outcomes) {
      const by = servedBy(outcome);
      shares[by] = (shares[by] ?? 0) + 100 / count;
    }
    expect(Object.keys(shares).sort()).toEqual(['BACKEND_UNKNOWN', 'v1', 'v2']);
    // Six standard deviations of so many draws are below 10 %.
    expect(Math.abs((shares['v1'] ?? 0) - 60)).toBeLessThan(10);
    expect(Math.abs((shares['v2'] ?? 0) - 30)).toBeLessThan(10);
    expect(Math.abs((shares['BACKEND_UNKNOWN'] ?? 0) - 10)).toBeLessThan(6);
  });
});

describe('documents and the registry', () => {
  it('a backend that was there and is gone is UNAVAILABLE with the time since when', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') });
    const client = gateway.harness.client();
    expect(servedBy(await client.unary('x'))).toBe('v1');

    gateway.harness.view.set();
    const gone = await client.unary('x');

    expect([gone.code, servedBy(gone)]).toEqual([14, 'NO_LIVE_INSTANCE']);
    expect(gone.details).toContain('no live instance of v1');
  });

  it('what no rule matches goes where instances register, and a maximum of its backend holds', async () => {
    const policy = `
apiVersion: gateway.raftway.dev/v1
kind: BackendPolicy
metadata: { name: short }
spec: { targetRefs: [{ kind: Service, name: echo }], timeouts: { max: 20s } }
`;
    gateway = await DocumentGateway.start({
      'a.yaml': fixture('listener-hostname-matching'),
      'b.json': JSON.stringify({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GRPCRoute',
        metadata: { name: 'nowhere' },
        spec: { hostnames: ['none.org'], rules: [{}] },
      }),
      'c.yml': policy,
    });
    const [v1, v2] = gateway.backends;
    gateway.harness.view.set(
      instanceOf(v1?.address ?? '', { service: 'echo', instanceId: 'v1' }),
      instanceOf(v2?.address ?? '', { service: 'v2', instanceId: 'v2' }),
    );
    const none = gateway.harness.client({ 'grpc.default_authority': 'none.org' });

    const registered = await gateway.harness.client().unary('x', { deadline: Date.now() + 90_000 });
    const nowhere = await none.unary('x');

    expect(servedBy(registered)).toBe('v1');
    const leftMs = Number(v1?.deadlines[0]) - Date.now();
    expect(leftMs).toBeGreaterThan(10_000);
    expect(leftMs).toBeLessThanOrEqual(20_000);
    expect([nowhere.code, servedBy(nowhere)]).toEqual([14, 'ROUTE_WITHOUT_BACKEND']);
  });
});

it('a BackendPolicy says how instances of a service are picked, for as long as it is there', async () => {
  gateway = await DocumentGateway.start({ 'a.yaml': routeTo('pair') });
  gateway.harness.view.set(
    ...gateway.backends
      .slice(0, 2)
      .map(({ name, address }) => instanceOf(address, { service: 'pair', instanceId: name })),
  );
  const client = gateway.harness.client();
  const spread = async (path: string): Promise<number> => {
    const before = gateway.calls();
    for (let call = 0; call < 8; call += 1)
      await client.unary('x', { path, metadata: headers({ 'x-user': 'ada' }) });
    return gateway.calls().filter((calls, index) => calls > (before[index] ?? 0)).length;
  };

  const without = await spread('/test.Echo/Unary');
  await gateway.change(
    'b.yaml',
    `
apiVersion: gateway.raftway.dev/v1
kind: BackendPolicy
metadata: { name: sticky }
spec:
  targetRefs: [{ kind: Service, name: pair }]
  loadBalancing: { policy: ring_hash, hashHeader: x-user }
`,
  );
  const byRule = await spread('/test.Echo/Unary');
  await gateway.change('a.yaml', '');
  const byRegistration = await spread('/test.Echo/Unary');
  await gateway.change('b.yaml', '');

  expect([without, byRule, byRegistration]).toEqual([2, 1, 1]);
  expect(await spread('/test.Echo/Unary')).toBe(2);
});

describe('documents that change', () => {
  it('fail no call in a hundred changes under load, and an open call keeps its backend', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') });
    const client = gateway.harness.client();
    const open = client.bidi();
    const answers: string[] = [];
    open.on('data', (data: Buffer) => answers.push(data.toString()));
    open.on('error', () => undefined);
    open.write(Buffer.from('before'));
    await eventually(() => answers.length === 1, 'the first answer');
    let changing = true;
    const codes: Record<number, number> = {};
    const load = async (): Promise<void> => {
      while (changing) {
        const { code } = await client.unary('x');
        codes[code] = (codes[code] ?? 0) + 1;
      }
    };
    const loads = [load(), load(), load(), load()];

    for (let change = 0; change < 100; change += 1)
      await gateway.change('a.yaml', routeTo(change % 2 === 0 ? 'v2' : 'v1', `r${change}`));
    changing = false;
    await Promise.all(loads);
    open.write(Buffer.from('after'));
    await eventually(() => answers.length === 2, 'an answer after all changes');
    open.end();

    expect(Object.keys(codes)).toEqual(['0']);
    expect(codes[0]).toBeGreaterThan(100);
    expect(
      gateway
        .calls()
        .slice(0, 2)
        .every((calls) => calls > 10),
    ).toBe(true);
    expect(await gateway.sets('used')).toBe(101);
  });

  it('with a mistake in one of them change nothing, and are reported', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') });
    const client = gateway.harness.client();

    await gateway.change(
      'b.yaml',
      routeTo('v2').replace('hostnames', '').replace('spec', 'spce'),
      'refused',
    );
    const during = servedBy(await client.unary('x'));
    const text = await gateway.harness.metrics.text();
    await gateway.change('b.yaml', '# nothing');
    await gateway.change('a.yaml', routeTo('v3'));

    expect(during).toBe('v1');
    expect(text).toMatch(/raftway_gateway_document_problems [1-9]/);
    expect(await gateway.harness.metrics.text()).toMatch(/raftway_gateway_document_problems 0/);
    expect(servedBy(await client.unary('x'))).toBe('v3');
  });

  it('that could never be used let no call through', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': 'kind: GRPCRuote' });
    const client = gateway.harness.client();

    const before = await client.unary('x');
    await gateway.change('a.yaml', routeTo('v1'));

    expect([before.code, servedBy(before)]).toEqual([14, 'DOCUMENTS_NOT_LOADED']);
    expect(servedBy(await client.unary('x'))).toBe('v1');
  });
});
