import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { authorization } from '@raftway/contracts';
import { TlsSource } from '@raftway/tls';
import { TestAuthority } from '@raftway/tls/testing';
import { DocumentGateway, routeTo } from './support/document-gateway';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually } from './support/harness';
import { edge, keyOf, keys, metadataOf, securityPolicy, sha256 } from './support/secured';

const { OK, PERMISSION_DENIED, UNAUTHENTICATED, UNAVAILABLE } = grpc.status;
let gateway: DocumentGateway;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await gateway.close();
  for (const close of closing.splice(0)) await close();
});

/** Everything goes to v1, under such a policy of the Gateway. */
const documents = (spec: string): string => routeTo('v1') + '---' + edge + securityPolicy(spec);

async function start(spec: string): Promise<void> {
  gateway = await DocumentGateway.start({ 'all.yaml': documents(spec) });
}

async function call(headers: Record<string, string> = {}, path = '/test.Echo/Unary') {
  const metadata = metadataOf(headers);
  const { code, trailers } = await gateway.harness.client().unary('x', { metadata, path });
  return { code, info: errorInfo(trailers) };
}

const withKey = (id: string, path?: string) => call({ 'x-api-key': keyOf(id) }, path);

describe('API keys', () => {
  it('are known by their hash, say whose they are, and end at the gateway', async () => {
    await start(`apiKeys: { ${keys('billing', 'reports')} }`);

    const { code } = await withKey('reports');

    expect(code).toBe(OK);
    expect(gateway.backends[0]?.metadata[0]?.getMap()).toMatchObject({
      'raftway-identity-type': 'api-key',
      'raftway-identity-principal': 'reports',
    });
    expect(gateway.backends[0]?.metadata[0]?.get('x-api-key')).toEqual([]);
  });

  it('that nobody has are refused, and so is none', async () => {
    await start(`apiKeys: { ${keys('billing')} }`);

    const wrong = await withKey('stranger');
    const hash = await call({ 'x-api-key': sha256(keyOf('billing')) });
    const none = await call();

    expect([wrong, hash, none].map(({ code, info }) => [code, info?.reason])).toEqual([
      [UNAUTHENTICATED, 'API_KEY_UNKNOWN'],
      [UNAUTHENTICATED, 'API_KEY_UNKNOWN'],
      [UNAUTHENTICATED, 'CREDENTIALS_MISSING'],
    ]);
    expect(gateway.calls()).toEqual([0, 0, 0]);
  });

  it('of a file come and go with it; one that cannot be read lets nothing through', async () => {
    await start(`apiKeys: { ${keys('first')} }`);
    const path = join(gateway.directory, 'keys.txt');
    writeFileSync(path, 'nonsense');
    const file = documents(`apiKeys: { ${keys('fixed')}, file: "${path}" }`);
    await gateway.change('all.yaml', file);
    const broken = await withKey('fixed');
    writeFileSync(path, `# of today\nadded ${sha256(keyOf('added'))} # till May\n`);

    expect([broken.code, broken.info?.reason]).toEqual([UNAVAILABLE, 'SECURITY_NOT_LOADED']);
    let code = UNAVAILABLE;
    await eventually(() => {
      void withKey('added').then((answer) => (code = answer.code));
      return code === OK;
    }, 'the key of the file');
    expect((await withKey('fixed')).code).toBe(OK);
    // What is broken later leaves what was there.
    writeFileSync(path, 'added twice added');
    const gone = join(gateway.directory, 'gone.txt');
    await gateway.change('all.yaml', file.replace(path, gone));
    expect((await withKey('added')).info?.reason).toBe('SECURITY_NOT_LOADED');
  });
});

describe('rules', () => {
  const rules = `rules: [
    { name: readers, principals: [{ authenticated: true }], methods: [test.Echo/Look] },
    { name: writers, principals: [{ apiKey: { id: "writer-*" } }], methods: [test.*] },
    { name: banned, action: DENY, principals: [{ apiKey: { id: writer-b } }], methods: [test.Echo/Unary] }]`;

  it.each([
    ['reader', 'Look', OK, undefined],
    ['reader', 'Unary', PERMISSION_DENIED, undefined],
    ['writer-a', 'Unary', OK, undefined],
    ['writer-b', 'Unary', PERMISSION_DENIED, 'banned'],
    ['writer-b', 'Look', OK, undefined],
  ])('%s calls %s: %i', async (id, method, expected, rule) => {
    await start(`apiKeys: { ${keys('reader', 'writer-a', 'writer-b')} }, ${rules}`);

    const { code, info } = await withKey(id, `/test.Echo/${method}`);

    expect(code).toBe(expected);
    if (expected === OK) return;
    expect(info).toMatchObject({
      reason: 'ACCESS_DENIED',
      metadata: { policy: 'SecurityPolicy default/edge', method: `test.Echo/${method}` },
    });
    expect(info?.metadata['rule']).toBe(rule);
    expect(gateway.calls()).toEqual([0, 0, 0]);
  });

  it('let callers that show nothing do what is for them, and ask for more otherwise', async () => {
    await start(`apiKeys: { ${keys('reader')} }, anonymous: true, rules: [
      { name: open, principals: [{ anyone: true }], methods: [test.Echo/Look] },
      { name: known, principals: [{ authenticated: true }] }]`);

    const open = await call({}, '/test.Echo/Look');
    const closed = await call();
    const wrong = await withKey('stranger', '/test.Echo/Look');

    expect([open.code, closed.info?.reason, wrong.info?.reason]).toEqual([
      OK,
      'CREDENTIALS_MISSING',
      'API_KEY_UNKNOWN',
    ]);
    expect(gateway.backends[0]?.metadata[0]?.get('raftway-identity-type')).toEqual(['anonymous']);
  });
});

describe('a policy of a Gateway', () => {
  it('is for every call to its hosts, whatever takes it; other hosts are refused', async () => {
    const host = edge.replace('protocol: HTTP', 'protocol: HTTP, hostname: "*.example.com"');
    const files = { 'all.yaml': host + securityPolicy(`apiKeys: { ${keys('a')} }`) };
    gateway = await DocumentGateway.start(files);
    // By registration alone.
    const [first] = gateway.backends;
    gateway.harness.view.set(instanceOf(first?.address ?? '', { grpcServices: ['test.Echo'] }));
    const to = async (authority: string, headers = {}) => {
      const client = gateway.harness.client({ 'grpc.default_authority': authority });
      const { code, trailers } = await client.unary('x', { metadata: metadataOf(headers) });
      return [code, errorInfo(trailers)?.reason];
    };

    expect(await to('api.example.com', { 'x-api-key': keyOf('a') })).toEqual([OK, undefined]);
    expect(await to('api.example.com')).toEqual([UNAUTHENTICATED, 'CREDENTIALS_MISSING']);
    expect(await to('elsewhere')).toEqual([PERMISSION_DENIED, 'HOST_NOT_COVERED']);
  });

  it.each(['GRPCRoute', 'HTTPRoute'])('gives way to one of a rule of a %s', async (kind) => {
    const edgeKeys = `apiKeys: { ${keys('a')} }`;
    await start(edgeKeys);
    const named = routeTo('v1')
      .replace('kind: GRPCRoute', `kind: ${kind}`)
      .replace('{ backendRefs', '{ name: main, backendRefs');
    const own = securityPolicy(
      `apiKeys: { header: x-other, ${keys('b')} }`,
      `{ kind: ${kind}, name: all, sectionName: main }`,
      'own',
    );
    await gateway.change('all.yaml', `${named}---${edge}${securityPolicy(edgeKeys)}${own}`);

    const byGateway = await withKey('a');
    const byRule = await call({ 'x-other': keyOf('b') });

    expect([byGateway.info?.metadata['policy'], byRule.code]).toEqual([
      'SecurityPolicy default/own',
      OK,
    ]);
  });

  it('leaves health of the gateway open, and guards what tells names', async () => {
    await start(`apiKeys: { ${keys('a')} }`);

    const health = await call({}, '/grpc.health.v1.Health/Check');
    const list = await call({}, '/grpc.health.v1.Health/List');
    const reflection = await call({}, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');

    expect(health.info?.reason).not.toBe('CREDENTIALS_MISSING');
    expect([list, reflection].map(({ info }) => info?.reason)).toEqual([
      'CREDENTIALS_MISSING',
      'CREDENTIALS_MISSING',
    ]);
    // It comes as far as to be read.
    const known = await withKey('a', '/grpc.health.v1.Health/List');
    expect(known.info?.reason).toBe('MALFORMED_REQUEST');
  });
});

describe('client certificates', () => {
  async function startTls(): Promise<(names?: readonly string[]) => Promise<unknown[]>> {
    const authority = await TestAuthority.create();
    const files = await authority.issue({ names: ['gateway', 'v1', '127.0.0.1'] });
    const source = await TlsSource.open(files, { checkIntervalMs: 3_600_000 });
    closing.push(
      () => source.close(),
      () => authority.remove(),
    );
    const spec = 'mtls: { names: ["URI:spiffe://example.org/ns/*/sa/web", "DNS:*.clients.test"] }';
    const texts = { 'all.yaml': documents(spec) };
    gateway = await DocumentGateway.start(texts, {}, { source, clientAuth: 'optional' });
    // Instances have TLS, too.
    const read = (path: string): Buffer => readFileSync(path);
    const pair = {
      private_key: read(files.identity.privateKey),
      cert_chain: read(files.identity.certificate),
    };
    const secured = grpc.ServerCredentials.createSsl(read(files.ca), [pair], false);
    const backend = await gateway.harness.backend('tls', {}, {}, secured);
    gateway.harness.view.set(
      instanceOf(backend.address, { service: 'v1', instanceId: 'tls', grpcServices: [] }),
    );
    return async (names) => {
      const own = names && (await authority.issue({ names }));
      const credentials = grpc.credentials.createSsl(
        read(files.ca),
        own ? read(own.identity.privateKey) : null,
        own ? read(own.identity.certificate) : null,
      );
      const target = { 'grpc.ssl_target_name_override': 'gateway' };
      const { code, trailers } = await gateway.harness.client(target, credentials).unary('x');
      const principal = backend.metadata.at(-1)?.get('raftway-identity-principal')[0];
      const isOk = (code as grpc.status) === OK;
      return [code, isOk ? principal : errorInfo(trailers)?.reason];
    };
  }

  it('say who calls, by the names that the policy takes', async () => {
    const callAs = await startTls();

    expect(await callAs(['spiffe://example.org/ns/prod/sa/web'])).toEqual([
      OK,
      'URI:spiffe://example.org/ns/prod/sa/web',
    ]);
    expect(await callAs(['other.test', 'a.clients.test'])).toEqual([OK, 'DNS:a.clients.test']);
    const refused = [UNAUTHENTICATED, 'CERTIFICATE_NOT_ACCEPTED'];
    expect(await callAs(['spiffe://example.org/ns/prod/sa/web/x'])).toEqual(refused);
    expect(await callAs(['a.b.clients.test'])).toEqual(refused);
    expect(await callAs()).toEqual([UNAUTHENTICATED, 'CREDENTIALS_MISSING']);
  });
});

describe('an external authorization', () => {
  type Authorize = (
    request: authorization.AuthorizeRequest,
  ) => authorization.AuthorizeResponse['decision'] | Promise<undefined>;
  const asked: authorization.AuthorizeRequest[] = [];

  async function authorizer(decide: Authorize): Promise<string> {
    const server = new grpc.Server();
    type Unary = grpc.handleUnaryCall<
      authorization.AuthorizeRequest,
      authorization.AuthorizeResponse
    >;
    const authorize: Unary = ({ request }, done) => {
      asked.push(request);
      const decision = decide(request);
      if (!(decision instanceof Promise)) done(null, { decision });
    };
    server.addService(authorization.AuthorizationServiceService, { authorize });
    const port = await new Promise<number>((resolve, reject) => {
      const any = grpc.ServerCredentials.createInsecure();
      server.bindAsync('127.0.0.1:0', any, (error, at) => (error ? reject(error) : resolve(at)));
    });
    closing.push(() => server.forceShutdown());
    return `127.0.0.1:${port}`;
  }

  const allow = (...headers: authorization.CallHeader[]): Authorize => {
    return () => ({ $case: 'allowed', value: { headers } });
  };

  beforeEach(() => asked.splice(0));

  it('is shown the call, and has instances told what it may', async () => {
    const told = [
      { name: 'x-tenant', value: 'seven' },
      { name: 'x-more', value: 'dropped' },
      { name: 'x-tenant', value: 'bad\nvalue' },
    ];
    const address = await authorizer(allow(...told));
    await start(`apiKeys: { ${keys('a')} }, externalAuthorization: {
      address: "${address}", headers: [x-shown], headersUpstream: [x-tenant] }`);

    const headers = { 'x-api-key': keyOf('a'), 'x-shown': '1', 'x-tenant': 'forged', 'x-b': '2' };
    const { code } = await call(headers);

    expect(code).toBe(OK);
    expect(asked).toMatchObject([
      {
        method: 'test.Echo/Unary',
        headers: [{ name: 'x-shown', value: '1' }],
        identity: { type: 'api-key', principal: 'a' },
        clientAddress: '127.0.0.1',
        policy: 'SecurityPolicy default/edge',
      },
    ]);
    const [seen] = gateway.backends[0]?.metadata ?? [];
    expect(seen?.get('x-tenant')).toEqual(['seven']);
    expect(seen?.get('x-more')).toEqual([]);
  });

  it('that says no is believed, with its words', async () => {
    const value = { code: 8, reason: 'PLAN_ENDED', message: 'the plan of a has ended' };
    const address = await authorizer(() => ({ $case: 'denied', value }));
    await start(`externalAuthorization: { address: "${address}" }`);

    const { code, info } = await call();

    expect(code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(info).toMatchObject({ reason: 'AUTHORIZER_DENIED', metadata: { why: 'PLAN_ENDED' } });
    expect(gateway.calls()).toEqual([0, 0, 0]);
  });

  it.each([
    ['is not there', () => '127.0.0.1:1'],
    ['does not answer', () => authorizer(() => new Promise(() => undefined))],
    ['says nothing', () => authorizer(() => undefined)],
  ])('that %s refuses calls, unless the policy says failOpen', async (_what, make) => {
    const part = `address: "${await make()}", timeout: 100ms`;
    await start(`externalAuthorization: { ${part} }`);
    const closed = await call();
    await gateway.change(
      'all.yaml',
      documents(`externalAuthorization: { ${part}, failOpen: true }`),
    );
    const open = await call();

    expect([closed.code, closed.info?.reason]).toEqual([UNAVAILABLE, 'AUTHORIZER_UNAVAILABLE']);
    expect(open.code).toBe(OK);
    expect(await gateway.harness.metrics.text()).toMatch(/result="failed_open"\} 1/);
  });

  it('is asked so many questions at a time', async () => {
    const address = await authorizer(() => new Promise(() => undefined));
    await start(`externalAuthorization: { address: "${address}", timeout: 2s, concurrencyMax: 1 }`);

    const first = call();
    await eventually(() => asked.length === 1, 'the first question');
    const second = await call();

    expect(second.info?.metadata['why']).toContain('1 questions are open');
    expect((await first).info?.reason).toBe('AUTHORIZER_UNAVAILABLE');
  });

  it('may be a registered service', async () => {
    const address = await authorizer(allow());
    await start('externalAuthorization: { service: authz }');
    const [backend] = gateway.backends;
    gateway.harness.view.set(
      instanceOf(backend?.address ?? '', { service: 'v1', grpcServices: [] }),
      instanceOf(address, { service: 'authz', grpcServices: [] }),
    );

    expect((await call()).code).toBe(OK);
  });

  it('has the caller’s time, and no more', async () => {
    const address = await authorizer(() => new Promise(() => undefined));
    await start(`externalAuthorization: { address: "${address}", timeout: 20s }`);

    const { code } = await gateway.harness.client().unary('x', { deadline: Date.now() + 200 });

    expect([grpc.status.DEADLINE_EXCEEDED, UNAVAILABLE]).toContain(code);
    expect(gateway.calls()).toEqual([0, 0, 0]);
  });
});
