import { gateway } from '@raftway/contracts';
import { Metadata } from '@grpc/grpc-js';
import { createClient, toDuration, toMilliseconds, type ServiceClient } from '@raftway/service-kit';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { routeTo } from '../../test/support/document-gateway';
import { EchoBackend, EchoClient } from '../../test/support/echo-backend';
import { FakeView, instanceOf } from '../../test/support/fake-view';
import { eventually } from '../../test/support/harness';
import { createGatewayApp, type GatewayApp } from '../app';
import { defaultGatewayOptions, type GatewayOptions } from '../options';
import { errorOf } from '@raftway/service-kit/testing';

type Admin = ServiceClient<typeof gateway.GatewayAdminServiceService>;

const any = '127.0.0.1:0';
const view = new FakeView();
const backends = [new EchoBackend('v1'), new EchoBackend('v2')];
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  for (const backend of backends) await backend.start();
  view.set(
    ...backends.map(({ name, address }) =>
      instanceOf(address, { service: name, instanceId: name }),
    ),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(() => backends.forEach((backend) => backend.stop()));

/** A gateway of two services that both claim test.Echo: v1 holds it. */
async function start(
  options: Partial<GatewayOptions> = {},
): Promise<{ app: GatewayApp; admin: Admin }> {
  const app = createGatewayApp({
    options: {
      ...defaultGatewayOptions(),
      ...{ bind: any, adminBind: any, httpBind: any, drainDelayMs: 0 },
      ...options,
    },
    view,
  });
  await app.start();
  const admin = createClient(gateway.GatewayAdminServiceService, app.adminAddress ?? '');
  closing.push(
    () => admin.close(),
    () => app.stop(),
  );
  return { app, admin };
}

function files(...texts: string[]): gateway.DocumentFile[] {
  return texts.map((text, index) => ({ path: `f${index}.yaml`, text }));
}

const split = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: split }
spec:
  rules:
    - name: canary
      matches: [{ method: { service: test.Echo }, headers: [{ name: x-canary, value: "1" }] }]
      backendRefs: [{ name: v2 }]
    - name: main
      matches: [{ method: { service: test.Echo } }]
      backendRefs: [{ name: v1, weight: 9 }, { name: attic, weight: 1 }]
---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: times }
spec: { targetRefs: [{ kind: GRPCRoute, name: split }], timeouts: { default: 2s, max: 30s } }
`;

const composite = `
apiVersion: gateway.raftway.dev/v1
kind: CompositeRoute
metadata: { name: both }
spec:
  path: /v1/both
  parts:
    - { name: health, call: grpc.health.v1.Health/Check }
    - { name: echo, call: test.Echo/Unary, optional: true }
`;

describe('ApplyDocuments', () => {
  it('with dry_run says what would change, and changes nothing', async () => {
    const { admin } = await start();

    const answer = await admin.applyDocuments({ files: files(split), dryRun: true });

    expect(answer.documents).toEqual([
      { document: 'GRPCRoute default/split', change: gateway.ChangeKind.ADDED },
      { document: 'TrafficPolicy default/times', change: gateway.ChangeKind.ADDED },
    ]);
    expect(answer.addedRoutes).toHaveLength(2);
    expect(answer.generation).toBe(0n);
    expect((await admin.listDocuments({})).documents).toEqual([]);
  });

  it('replaces all documents, which hold from the next call on', async () => {
    const { app, admin } = await start();
    const client = new EchoClient(app.address);
    closing.push(() => client.close());
    const servedBy = async () => (await client.unary('x')).trailers.get('served-by');
    expect(await servedBy()).toEqual(['v1']);

    await admin.applyDocuments({ files: files(routeTo('v2')) });
    const changed = await servedBy();
    const second = await admin.applyDocuments({ files: [] });

    expect(changed).toEqual(['v2']);
    expect(await servedBy()).toEqual(['v1']);
    expect(second.generation).toBe(2n);
    expect(second.documents).toEqual([
      { document: 'GRPCRoute default/all', change: gateway.ChangeKind.REMOVED },
    ]);
  });

  it('refuses all of them for one mistake, with its file and line', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(routeTo('v2')) });

    const error = await errorOf(
      admin.applyDocuments({ files: files(routeTo('v1'), 'apiVersion: a\nkind: Gatway\n') }),
    );

    expect(error).toMatchObject({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_ARGUMENT' });
    expect(error.fieldViolations).toEqual([
      expect.objectContaining({
        field: 'f1.yaml:1',
        description: expect.stringContaining('did you mean Gateway?') as string,
      }),
    ]);
    const { documents, generation } = await admin.listDocuments({});
    expect([documents.map(({ document }) => document), generation]).toEqual([
      ['GRPCRoute default/all'],
      1n,
    ]);
  });

  it('changes nothing of what files say', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'raftway-documents-'));
    closing.push(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'a.yaml'), routeTo('v2'));
    const { admin } = await start({ documents: join(directory, 'a.yaml') });

    const error = await errorOf(admin.applyDocuments({ files: [] }));
    const dry = await admin.applyDocuments({ files: [], dryRun: true });

    expect(error).toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'DOCUMENTS_FROM_FILES',
    });
    expect(dry.documents).toEqual([
      { document: 'GRPCRoute default/all', change: gateway.ChangeKind.REMOVED },
    ]);
  });
});

describe('what a gateway says of its routing', () => {
  it('ListDocuments: documents with their conditions, in pages', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(split) });

    const first = await admin.listDocuments({ pageSize: 1 });
    const second = await admin.listDocuments({ pageSize: 1, pageToken: first.nextPageToken });

    expect(first.documents[0]).toMatchObject({
      document: 'GRPCRoute default/split',
      where: 'f0.yaml:2',
      conditions: [
        { type: 'Accepted', status: true },
        { type: 'ResolvedRefs', status: false, reason: 'BackendNotFound' },
        { type: 'Programmed', status: true },
      ],
    });
    expect(second.documents[0]?.document).toBe('TrafficPolicy default/times');
    expect(second.nextPageToken).toBe('');
    expect(await errorOf(admin.listDocuments({ pageSize: 10_001 }))).toMatchObject({
      metadata: { field: 'page_size', limit: '10000', value: '10001' },
    });
  });

  it('ListRoutes: rules first, and then what instances register', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(split) });

    const { routes } = await admin.listRoutes({ grpcService: 'test.Echo' });
    const none = await admin.listRoutes({ grpcService: 'test.Other' });

    expect(routes.map(({ document, rule }) => [document, rule])).toEqual([
      ['GRPCRoute default/split', 'canary'],
      ['GRPCRoute default/split', 'main'],
      ['', ''],
    ]);
    expect(routes[1]?.backends).toMatchObject([
      { service: 'v1', weight: 9, liveInstances: 1 },
      { service: 'attic', weight: 1, liveInstances: 0 },
    ]);
    expect(none.routes).toEqual([]);
  });

  it('ListBackends: services with their instances', async () => {
    const { admin } = await start();

    const { backends: found } = await admin.listBackends({});

    expect(found).toMatchObject([
      { service: 'v1', grpcServices: ['test.Echo'], instances: [{ instanceId: 'v1' }] },
      { service: 'v2', grpcServices: [], instances: [{ setAside: false }] },
    ]);
  });
});

describe('instances that are left out', () => {
  const checked = `
apiVersion: gateway.raftway.dev/v1
kind: BackendPolicy
metadata: { name: v1 }
spec:
  targetRefs: [{ kind: Service, name: v1 }]
  retry: { methods: [test.Echo/Unary], attempts: 2, perTryTimeout: 3s }
  hedging: { after: p90, max: 2 }
  circuitBreaker: {}
  healthCheck: { interval: 50ms, unhealthyThreshold: 1 }
`;

  it('are shown with the cause, by ListBackends and by ExplainCall, which says how often a call is made', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(checked) });
    let found: gateway.Backend | undefined;
    await eventually(() => {
      void admin.listBackends({ service: 'v1' }).then(({ backends: [one] }) => (found = one));
      return found?.instances[0]?.leftOut.length === 1;
    }, 'it is left out');

    const unary = await admin.explainCall({ method: 'test.Echo/Unary' });
    const other = await admin.explainCall({ method: 'test.Echo/Look' });

    const instances = [
      {
        setAside: false,
        leftOut: [
          { why: gateway.LeftOut_Why.UNHEALTHY, cause: 'UNIMPLEMENTED', remaining: undefined },
        ],
      },
    ];
    expect(found).toMatchObject({ service: 'v1', circuit: 'closed', instances });
    expect(unary.backends).toMatchObject([
      {
        backend: { service: 'v1', instances },
        ...{ mayRunTwice: true, attemptsMax: 2, retryCodes: ['UNAVAILABLE'] },
        ...{ hedgesMax: 2, hedgeAfter: 'p90' },
      },
    ]);
    expect(toMilliseconds(unary.backends[0]!.perTryTimeout!)).toBe(3000);
    expect(other.backends).toMatchObject([{ mayRunTwice: false }]);
    expect([unary.refusalCode, unary.refusalReason]).toEqual([
      'UNAVAILABLE',
      'INSTANCES_UNHEALTHY',
    ]);
  });
});

const web = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web }
spec:
  hostnames: [www.example.com]
  rules:
    - name: api
      matches: [{ path: { value: /api }, headers: [{ name: x-canary, value: "1" }] }]
      filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }]
      timeouts: { request: 3s }
      backendRefs: [{ name: v2 }]
    - name: docs
      matches: [{ path: { type: Exact, value: /docs }, method: GET }]
      filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: docs.example.com } }]
`;

describe('HTTPRoutes', () => {
  const authority = 'www.example.com';

  it('are listed with the requests that they take, and what they do with them', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(web) });

    const { routes } = await admin.listRoutes({});

    expect(routes.slice(0, 2)).toMatchObject([
      { hostname: authority, http: '* /api/*', action: 'rewrite prefix to /', rule: 'api' },
      { http: 'GET /docs', action: 'redirect 302 https docs.example.com', backends: [] },
    ]);
  });

  it('are explained: the call that a request becomes, where it goes, and for how long', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(web) });
    const request = { httpMethod: 'post', method: '/api/test.Echo/Unary', authority };

    const taken = await admin.explainCall({ ...request, headers: { 'X-Canary': '1' } });
    const passed = await admin.explainCall(request);

    expect(taken).toMatchObject({
      grpcMethod: 'test.Echo/Unary',
      route: { document: 'HTTPRoute default/web', rule: 'api', backends: [{ service: 'v2' }] },
      considered: [{ taken: true, why: 'it takes * /api/*' }],
      refusalCode: '',
    });
    expect(toMilliseconds(taken.timeoutMax!)).toBe(3000);
    expect(passed).toMatchObject({
      considered: [{ taken: false, why: 'header x-canary must be "1", and there is none' }],
      refusalReason: 'HTTP_PATH_UNKNOWN',
    });
  });

  it('are explained for gRPC calls, too, and redirects with where they lead', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(web) });

    const call = await admin.explainCall({
      method: 'api/test.Echo/Unary',
      authority,
      headers: { 'x-canary': '1' },
    });
    const moved = await admin.explainCall({ httpMethod: 'GET', method: '/docs?a=b', authority });
    const own = await admin.explainCall({
      httpMethod: 'POST',
      method: '/grpc.health.v1.Health/Check',
      authority,
    });

    expect(call).toMatchObject({ route: { rule: 'api' }, grpcMethod: '', refusalCode: '' });
    expect(moved).toMatchObject({ redirect: '302 https://docs.example.com/docs?a=b' });
    expect(own).toMatchObject({ local: true, considered: [] });
  });
});

describe('ExplainCall', () => {
  it('says which rules were looked at, which one takes the call, and with what time', async () => {
    const { admin } = await start({ timeoutMaxMs: 10_000 });
    await admin.applyDocuments({ files: files(split) });

    const plain = await admin.explainCall({ method: 'test.Echo/Unary' });
    const canary = await admin.explainCall({
      method: '/test.Echo/Unary',
      headers: { 'X-Canary': '1' },
    });

    expect(plain.considered.map(({ route, taken, why }) => [route?.rule, taken, why])).toEqual([
      ['canary', false, 'header x-canary must be "1", and there is none'],
      ['main', true, expect.stringContaining('service test.Echo')],
    ]);
    expect(plain.refusalCode).toBe('');
    expect(toMilliseconds(plain.timeoutDefault!)).toBe(2000);
    expect(toMilliseconds(plain.timeoutMax!)).toBe(10_000);
    expect(canary.route?.backends).toMatchObject([{ service: 'v2', weight: 1 }]);
  });

  it('says what a SecurityPolicy says, to a caller with such headers and certificates', async () => {
    const { admin } = await start();
    const edge = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.raftway.dev/v1
kind: SecurityPolicy
metadata: { name: edge }
spec:
  targetRefs: [{ kind: Gateway, name: edge }]
  mtls: { names: ["DNS:*.test"] }
  externalAuthorization: { address: "127.0.0.1:1" }
  rules: [{ name: web, principals: [{ certificate: { name: "DNS:web.test" } }], methods: [test.*] }]
`;
    await admin.applyDocuments({ files: files(edge) });
    const why = (...certificateNames: string[]) =>
      admin.explainCall({ method: 'test.Echo/Unary', certificateNames });

    expect((await why()).refusalReason).toBe('CREDENTIALS_MISSING');
    expect(await why('DNS:web.test')).toMatchObject({
      refusalReason: '',
      security: {
        policy: 'SecurityPolicy default/edge',
        identityType: 'certificate',
        principal: 'DNS:web.test',
        rule: 'web',
        asksAuthorizer: true,
      },
    });
    expect(await why('DNS:other.test')).toMatchObject({
      refusalReason: 'ACCESS_DENIED',
      security: { principal: 'DNS:other.test', rule: '' },
    });
    const { documents } = await admin.listDocuments({});
    // This gateway has no TLS, and so asks nobody for a certificate.
    expect(documents[1]?.conditions[1]).toMatchObject({ type: 'Programmed', reason: 'NotLoaded' });
  });

  it('says which limits a call counts against, and with what', async () => {
    const { admin } = await start();
    const limits = `
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: limits }
spec:
  targetRefs: [{ kind: GRPCRoute, name: all }]
  rateLimits: [{ name: per-client, requests: 5, per: 1s, key: [{ type: ClientAddress }], costs: [{ method: test.Echo/Unary, cost: 2 }] }]
  quotas: [{ name: daily, requests: 9, per: day, scope: shared }]
  concurrency: { max: 7, priorities: { header: x-priority } }
`;
    await admin.applyDocuments({ files: files(routeTo('v1'), limits) });

    const { limits: found } = await admin.explainCall({
      method: 'test.Echo/Unary',
      headers: { 'X-Priority': 'critical' },
    });
    const { documents } = await admin.listDocuments({});

    const owner = 'TrafficPolicy default/limits';
    expect(found).toEqual([
      {
        ...{ kind: gateway.LimitKind.RATE_LIMIT, owner, name: 'per-client', shared: false },
        ...{ limit: '5 per 1s, burst 5', key: 'each client address', cost: 2, priority: '' },
      },
      {
        ...{ kind: gateway.LimitKind.QUOTA, owner, name: 'daily', shared: true, cost: 1 },
        ...{ limit: '9 per day', key: 'all calls together', priority: '' },
      },
      {
        ...{ kind: gateway.LimitKind.CONCURRENCY, owner, name: '', shared: false, cost: 1 },
        ...{ limit: '7', key: 'GRPCRoute default/all', priority: 'critical' },
      },
    ]);
    // There is no Redis to count in together.
    expect(documents[1]?.conditions.map(({ type }) => type)).toEqual(['Accepted', 'FieldsNotUsed']);
  });

  it.each([
    ['a path that is none', 'test.Echo', 'PATH_NOT_CANONICAL'],
    [
      'a service of one process',
      'raftway.raft.v1.RaftAdminService/GetStatus',
      'SERVICE_NOT_ROUTED',
    ],
    ['a service that nobody has', 'a.B/C', 'SERVICE_UNKNOWN'],
  ])('says why a call is refused: %s', async (_what, method, reason) => {
    const { admin } = await start();

    expect((await admin.explainCall({ method })).refusalReason).toBe(reason);
  });

  it('says why a rule’s call is refused', async () => {
    const { admin } = await start();
    await admin.applyDocuments({ files: files(routeTo('attic')) });

    expect(await admin.explainCall({ method: 'a.B/C' })).toMatchObject({
      refusalCode: 'UNAVAILABLE',
      refusalReason: 'BACKEND_UNKNOWN',
      route: { document: 'GRPCRoute default/all' },
    });
  });

  it('shows mirrors, faults that are for the call, and its session', async () => {
    const { app, admin } = await start();
    const documents = split
      .replace(
        'backendRefs: [{ name: v2 }]',
        `backendRefs: [{ name: v2, weight: 0 }, { name: v1 }]
      sessionPersistence: { type: Header, sessionName: x-cart, idleTimeout: 5m }
      filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2 }, percent: 5 } }]`,
      )
      .replace(
        'timeouts: {',
        'fault: { delay: { duration: 1s, percent: 0.5 }, headers: [{ name: x-chaos }] }, timeouts: {',
      );
    await admin.applyDocuments({ files: files(documents) });
    const client = new EchoClient(app.address);
    closing.push(() => client.close());
    const metadata = new Metadata();
    metadata.set('x-canary', '1');
    const { initial } = await client.unary('x', { metadata });
    const token = String(initial.get('x-cart')[0]);
    const why = (headers: Record<string, string>) =>
      admin.explainCall({ method: 'test.Echo/Unary', headers: { 'x-canary': '1', ...headers } });

    const plain = await why({});
    const known = await why({ 'X-Cart': token, 'X-Chaos': 'yes' });
    const other = await admin.explainCall({ method: 'test.Echo/Unary' });

    expect(plain.traffic).toEqual({
      mirrors: [{ backend: 'v1', service: 'v2', percent: 5, fault: '', liveInstances: 1 }],
      fault: undefined,
      session: {
        type: 'Header',
        name: 'x-cart',
        absoluteTimeout: undefined,
        idleTimeout: toDuration(300_000),
        service: '',
        instanceId: '',
      },
    });
    expect(known.traffic).toMatchObject({
      fault: {
        policy: 'TrafficPolicy default/times',
        delay: toDuration(1000),
        delayPercent: 0.5,
        abortCode: '',
      },
      session: { service: 'v1', instanceId: 'v1' },
    });
    expect(other.traffic?.session).toBeUndefined();
    expect(other.traffic?.mirrors).toEqual([]);
  });

  it('says that every call of a rule fails on purpose, and of a share that it may', async () => {
    const { admin } = await start();
    const why = async (abort: string) => {
      const fault = `fault: { abort: { ${abort} } }, timeouts: {`;
      await admin.applyDocuments({ files: files(split.replace('timeouts: {', fault)) });
      return admin.explainCall({ method: 'test.Echo/Unary' });
    };

    expect(await why('code: ABORTED')).toMatchObject({
      refusalCode: 'ABORTED',
      refusalReason: 'FAULT_INJECTED',
      traffic: { fault: { policy: 'TrafficPolicy default/times', abortPercent: 100 } },
    });
    expect(await why('code: ABORTED, percent: 99.5')).toMatchObject({
      refusalCode: '',
      traffic: { fault: { abortCode: 'ABORTED', abortPercent: 99.5 } },
    });
  });

  it('says what becomes of the parts of a composite, and that their methods are not known', async () => {
    const { admin } = await start();
    const { statuses, addedRoutes } = await admin.applyDocuments({ files: files(composite) });

    expect(addedRoutes).toEqual([
      '* GET /v1/both → health grpc.health.v1.Health/Check, echo test.Echo/Unary {optional} (CompositeRoute default/both)',
    ]);
    expect(statuses[0]?.conditions).toMatchObject([
      { type: 'Accepted', status: true },
      {
        type: 'ResolvedRefs',
        reason: 'MethodNotFound',
        message: expect.stringContaining('test.Echo/Unary') as string,
      },
    ]);
    expect((await admin.listRoutes({})).routes.at(-1)).toMatchObject({
      document: 'CompositeRoute default/both',
      http: 'GET /v1/both',
      parts: ['health grpc.health.v1.Health/Check', 'echo test.Echo/Unary {optional}'],
    });
    const explained = await admin.explainCall({ method: '/v1/both?x=y', httpMethod: 'GET' });
    expect(explained).toMatchObject({ refusalCode: '', route: { http: 'GET /v1/both' } });
    expect(explained.parts.map(({ call }) => [call?.local, call?.refusalReason])).toEqual([
      [true, ''],
      [false, 'PART_NOT_CALLABLE'],
    ]);
    const needed = composite.replace(', optional: true', '');
    await admin.applyDocuments({ files: files(needed) });
    expect(await admin.explainCall({ method: '/v1/both', httpMethod: 'get' })).toMatchObject({
      refusalReason: 'PART_NOT_CALLABLE',
    });
  });

  it('says what a TranscodePolicy says of calls', async () => {
    const { admin } = await start();
    await admin.applyDocuments({
      files: files(`
apiVersion: gateway.raftway.dev/v1
kind: TranscodePolicy
metadata: { name: web }
spec: { targetRefs: [{ kind: Service, name: v1 }], json: { unknownFields: ignore } }
`),
    });

    expect(await admin.explainCall({ method: 'test.Echo/Unary' })).toMatchObject({
      transcoding: ['unknownFields ignore'],
    });
  });

  it('says that the gateway answers its own services', async () => {
    const { admin } = await start();

    expect(await admin.explainCall({ method: 'grpc.health.v1.Health/Check' })).toMatchObject({
      local: true,
      refusalCode: '',
    });
  });
});
