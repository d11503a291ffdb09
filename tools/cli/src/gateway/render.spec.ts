import { gateway } from '@raftway/contracts';
import { toDuration } from '@raftway/service-kit';
import { expectGolden } from '../../test/support/golden';
import { styleFor } from '../command/style';
import {
  renderBackends,
  renderChanges,
  renderDocuments,
  renderExplanation,
  renderRoutes,
} from './render';

const plain = styleFor(false);

const backend = (service: string, weight: number, fault = ''): gateway.RouteBackend => ({
  service,
  weight,
  fault,
  liveInstances: fault === '' ? 2 : 0,
});

const canary: gateway.Route = {
  hostname: '*.example.com',
  grpcService: 'helloworld.Greeter',
  method: '',
  http: '',
  action: '',
  headers: ['x-canary: 1'],
  document: 'GRPCRoute default/greeter',
  rule: 'canary',
  backends: [backend('greeter-v2', 1)],
  parts: [],
};

const composite = gateway.Route.fromPartial({
  document: 'CompositeRoute default/overview',
  http: 'GET /v1/overview/{name}',
  parts: ['greeting helloworld.Greeter/SayHello', 'lock a.B/C {optional}'],
});

const main: gateway.Route = {
  ...canary,
  headers: [],
  rule: 'main',
  backends: [
    backend('greeter', 95),
    backend('greeter-v2', 5),
    backend('attic', 0, 'attic: Bucket is no backend'),
  ],
};

const web: gateway.Route = {
  ...canary,
  grpcService: '',
  http: 'GET /api/*',
  action: 'rewrite prefix to /v1',
  document: 'HTTPRoute default/web',
  rule: 'rules[0]',
};

const registered: gateway.Route = {
  ...canary,
  hostname: '',
  headers: [],
  document: '',
  rule: '',
  backends: [backend('greeter', 1)],
};

const statuses: gateway.Document[] = [
  {
    document: 'GRPCRoute default/greeter',
    where: 'routes/greeter.yaml:3',
    conditions: [
      { type: 'Accepted', status: true, reason: 'Accepted', message: 'its parents have taken it' },
      {
        type: 'ResolvedRefs',
        status: false,
        reason: 'BackendNotFound',
        message: 'greeter-v2 has never been registered',
      },
      {
        type: 'Programmed',
        status: true,
        reason: 'Programmed',
        message: 'calls are routed by 2 rules',
      },
      {
        type: 'FieldsNotUsed',
        status: true,
        reason: 'NotUsed',
        message: 'spec.rules[0].backendRefs[0].port: instances register their own addresses',
      },
    ],
  },
  {
    document: 'Gateway default/edge',
    where: 'gateway.yaml:1',
    conditions: [{ type: 'Accepted', status: true, reason: 'Accepted', message: 'all is well' }],
  },
];

const explained = (changes: Partial<gateway.ExplainCallResponse>): gateway.ExplainCallResponse =>
  gateway.ExplainCallResponse.fromPartial({
    considered: [
      { route: canary, taken: false, why: 'header x-canary must be "1", and there is none' },
      {
        route: main,
        taken: true,
        why: 'the most specific that matches: host *.example.com, service helloworld.Greeter, any method',
      },
    ],
    route: main,
    timeoutMax: toDuration(30_000),
    timeoutDefault: toDuration(2000),
    ...changes,
  });

const why = gateway.LeftOut_Why;
const setAside = { why: why.SET_ASIDE, cause: 'no connection', remaining: toDuration(700) };
const ejected = {
  ...{ why: why.EJECTED, cause: 'too many failures in a row' },
  remaining: toDuration(8200),
};
const unhealthy = { why: why.UNHEALTHY, cause: 'NOT_SERVING', remaining: undefined };
const limits: gateway.CallLimit[] = [
  {
    ...{ kind: gateway.LimitKind.RATE_LIMIT, name: 'per-client', shared: true, cost: 2 },
    ...{ limit: '100 per 1s, burst 200', key: 'each client address', priority: '' },
    owner: 'TrafficPolicy default/api',
  },
  {
    ...{ kind: gateway.LimitKind.QUOTA, name: 'daily', shared: false, cost: 0 },
    ...{ limit: '10000 per day', key: 'all calls together', priority: '' },
    owner: 'TrafficPolicy default/api',
  },
  {
    ...{ kind: gateway.LimitKind.CONCURRENCY, name: '', shared: false, cost: 1 },
    ...{ limit: '4 to 1000, adaptive', key: 'GRPCRoute default/greeter', priority: 'normal' },
    owner: 'TrafficPolicy default/api',
  },
];

describe('raftway gateway', () => {
  it('shows routes', () =>
    expectGolden('gateway-routes', renderRoutes([canary, main, web, registered, composite])));

  it('shows backends', () => {
    const instance = { instanceId: 'greeter-1', address: '127.0.0.1:20051', weight: 100 };
    expectGolden(
      'gateway-backends',
      renderBackends([
        {
          service: 'greeter',
          grpcServices: ['helloworld.Greeter'],
          circuit: '',
          instances: [
            { ...instance, setAside: false, leftOut: [] },
            { ...instance, instanceId: 'greeter-2', setAside: true, leftOut: [setAside, ejected] },
            { ...instance, instanceId: 'greeter-3', setAside: false, leftOut: [unhealthy] },
          ],
        },
        {
          ...{ service: 'broken', grpcServices: [], circuit: 'open' },
          instances: [{ ...instance, setAside: false, leftOut: [] }],
        },
        { service: 'greeter-v2', grpcServices: [], instances: [], circuit: 'closed' },
      ]),
    );
  });

  it('shows documents', () => expectGolden('gateway-documents', renderDocuments(statuses, plain)));

  it('shows what documents would change', () =>
    expectGolden(
      'gateway-dry-run',
      renderChanges(
        {
          documents: [
            { document: 'GRPCRoute default/greeter', change: gateway.ChangeKind.CHANGED },
            { document: 'GRPCRoute default/old', change: gateway.ChangeKind.REMOVED },
            { document: 'Gateway default/edge', change: gateway.ChangeKind.ADDED },
          ],
          removedRoutes: ['* a.B/* → a (GRPCRoute default/old, rules[0])'],
          addedRoutes: ['* a.B/* → a 9, b 1 (GRPCRoute default/greeter, main)'],
          statuses,
          generation: 3n,
        },
        true,
        plain,
      ),
    ));

  it('says the generation that documents have become, and when none differs', () => {
    const nothing = {
      documents: [],
      removedRoutes: [],
      addedRoutes: [],
      statuses: [],
      generation: 4n,
    };

    expect(renderChanges(nothing, false, plain)).toBe(
      'No document differs; the gateway routes by generation 4.',
    );
  });

  it('explains a call that a rule takes', () =>
    expectGolden('gateway-why', renderExplanation(explained({ limits }), plain)));

  it('explains how often a call is made, and who gets none', () =>
    expectGolden(
      'gateway-why-again',
      renderExplanation(
        explained({
          backends: [
            {
              backend: {
                ...{ service: 'greeter', grpcServices: [], circuit: '' },
                instances: [
                  {
                    ...{ instanceId: 'greeter-1', address: 'a:1', weight: 100, setAside: false },
                    leftOut: [unhealthy],
                  },
                ],
              },
              ...{ mayRunTwice: true, attemptsMax: 3, retryCodes: ['UNAVAILABLE', 'ABORTED'] },
              ...{ perTryTimeout: toDuration(500), hedgesMax: 1, hedgeAfter: 'p95' },
            },
            gateway.ExplainedBackend.fromPartial({
              backend: { service: 'greeter-v2' },
              hedgesMax: 1,
              hedgeAfter: '20ms',
            }),
          ],
        }),
        plain,
      ),
    ));

  it('explains what is done to a call beside routing it', () =>
    expectGolden(
      'gateway-why-traffic',
      renderExplanation(
        explained({
          traffic: {
            mirrors: [
              { backend: 'greeter', service: 'shadow', percent: 12.5, fault: '', liveInstances: 2 },
              {
                backend: 'greeter',
                service: 'far',
                percent: 100,
                fault: 'no grant',
                liveInstances: 0,
              },
            ],
            session: {
              type: 'Cookie',
              name: 'cart',
              absoluteTimeout: toDuration(3_600_000),
              idleTimeout: toDuration(300_000),
              service: 'greeter',
              instanceId: 'greeter-1',
            },
            fault: {
              policy: 'TrafficPolicy default/chaos',
              delay: toDuration(2000),
              delayPercent: 50,
              abortCode: 'UNAVAILABLE',
              abortPercent: 0.1,
            },
          },
        }),
        plain,
      ),
    ));

  it('explains a call that goes by registration and is refused', () =>
    expectGolden(
      'gateway-why-refused',
      renderExplanation(
        explained({
          considered: [],
          route: { ...registered, backends: [{ ...backend('greeter', 1), liveInstances: 0 }] },
          timeoutMax: undefined,
          timeoutDefault: undefined,
          refusalCode: 'UNAVAILABLE',
          refusalReason: 'NO_LIVE_INSTANCE',
          refusalMessage: 'no live instance of greeter',
        }),
        plain,
      ),
    ));

  it('explains what a policy says of a call', () =>
    expectGolden(
      'gateway-why-denied',
      renderExplanation(
        explained({
          timeoutMax: undefined,
          timeoutDefault: undefined,
          security: {
            ...{ policy: 'SecurityPolicy default/edge', identityType: 'jwt', principal: 'alice' },
            ...{ rule: 'banned', asksAuthorizer: true },
          },
          refusalCode: 'PERMISSION_DENIED',
          refusalReason: 'ACCESS_DENIED',
          refusalMessage: 'its rule banned denies it',
        }),
        plain,
      ),
    ));

  it('explains an HTTP request and the call that it becomes', () =>
    expectGolden(
      'gateway-why-http',
      renderExplanation(
        explained({
          considered: [{ route: web, taken: true, why: 'it takes GET /api/*' }],
          route: web,
          grpcMethod: 'helloworld.Greeter/SayHello',
        }),
        plain,
      ),
    ));

  it('says that an external authorization has the last word', () => {
    const security = {
      ...{ policy: 'SecurityPolicy default/edge', identityType: 'anonymous', principal: '' },
      ...{ rule: '', asksAuthorizer: true },
    };

    expect(renderExplanation(explained({ considered: [], local: true, security }), plain)).toBe(
      [
        'The gateway answers this itself.',
        'security  SecurityPolicy default/edge: anonymous',
        '          and asks its external authorization',
      ].join('\n'),
    );
  });

  it('explains a request that is sent elsewhere', () => {
    const moved = { ...web, action: 'redirect 301 https', backends: [] };

    expect(
      renderExplanation(
        explained({
          considered: [{ route: moved, taken: true, why: 'it takes GET /api/*' }],
          route: moved,
          redirect: '301 https://example.com/api/x',
          timeoutMax: undefined,
          timeoutDefault: undefined,
        }),
        plain,
      ),
    ).toBe(
      'takes it  HTTPRoute default/web, rules[0]: it takes GET /api/*\ndoes      redirect 301 https://example.com/api/x',
    );
  });

  it('explains a request that several methods answer', () => {
    const call = (changes: Partial<gateway.ExplainCallResponse>): gateway.ExplainCallResponse =>
      gateway.ExplainCallResponse.fromPartial({ route: registered, ...changes });
    expectGolden(
      'gateway-why-composite',
      renderExplanation(
        call({
          route: composite,
          parts: [
            { part: 'greeting helloworld.Greeter/SayHello', call: call({}) },
            { part: 'health grpc.health.v1.Health/Check', call: call({ local: true }) },
            {
              part: 'lock a.B/C {optional}',
              call: call({
                route: undefined,
                ...{ refusalCode: 'UNIMPLEMENTED', refusalReason: 'SERVICE_UNKNOWN' },
                refusalMessage: 'no registered service serves a.B',
              }),
            },
          ],
          transcoding: ['unknownFields ignore', 'grpcWeb off'],
        }),
        plain,
      ),
    );
  });

  it('explains a call that the gateway answers itself', () => {
    expect(renderExplanation(explained({ considered: [], local: true }), plain)).toBe(
      'The gateway answers this itself.',
    );
  });
});
