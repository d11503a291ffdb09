import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient as connectClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { type DescService } from '@bufbuild/protobuf';
import { contractsRegistry, helloworld } from '@raftway/contracts';
import { createServer, implementService, type RaftwayServer } from '@raftway/service-kit';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';

// HTTPRoutes, in front of two versions of the greeter that only their registered names tell apart.

let harness: Harness;
let directory: string;
let servers: RaftwayServer[];
const seen: Record<string, ReadonlyMap<string, unknown>[]> = {};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'raftway-http-routes-'));
  writeFileSync(join(directory, 'a.yaml'), '# nothing yet');
  harness = await Harness.start({ documents: directory });
  servers = [await startGreeter('v1'), await startGreeter('v2')];
  harness.view.set(
    ...servers.map((server, index) =>
      instanceOf(server.address, {
        service: `greeter-v${index + 1}`,
        instanceId: `v${index + 1}`,
        // The first one has what no rule takes.
        grpcServices: index === 0 ? ['helloworld.Greeter'] : [],
      }),
    ),
  );
  await until('/openapi.json knows the greeter', async () =>
    (await (await request('/openapi.json')).text()).includes('/v1/greetings'),
  );
});

afterEach(async () => {
  await harness.close();
  for (const server of servers) await server.stop();
  rmSync(directory, { recursive: true });
});

async function startGreeter(name: string): Promise<RaftwayServer> {
  const calls: ReadonlyMap<string, unknown>[] = [];
  seen[name] = calls;
  const server = createServer({
    name,
    bind: '127.0.0.1:0',
    drainDelayMs: 0,
    drainTimeoutMs: 1000,
    services: [
      implementService(helloworld.GreeterService, {
        sayHello: async (given, call) => {
          const { metadata } = call;
          calls.push(
            new Map(['x-set', 'x-removed', ':authority'].map((key) => [key, metadata.get(key)])),
          );
          if (given.name === 'slow') await once(call.signal, 'abort');
          return { message: `${name}: ${given.name}` };
        },
        sayHelloStreamReply: async function* (given) {
          yield { message: `${name}: ${given.name}` };
        },
        sayHelloClientStream: () => ({ message: name }),
        sayHelloBidiStream: async function* () {},
        sayHelloNumbered: () => ({
          message: name,
          greetingId: '',
          fencingToken: 0n,
          instanceId: '',
        }),
      }),
    ],
  });
  await server.start();
  return server;
}

/** Waits at most twenty seconds. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  let holds = false;
  await eventually(() => {
    void condition().then(
      (now) => (holds ||= now),
      () => undefined,
    );
    return holds;
  }, what);
}

function request(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${harness.gateway.address}${path}`, { redirect: 'manual', ...init });
}

/** What greeted, or the status and the reason of the refusal. */
async function greeting(path: string, init?: RequestInit): Promise<string> {
  const response = await request(path, init);
  const body = (await response.json()) as {
    message: string;
    details?: { reason?: string }[];
  };
  return response.ok
    ? body.message
    : [response.status, ...(body.details ?? []).flatMap(({ reason }) => reason ?? [])].join(' ');
}

async function sets(): Promise<number> {
  const text = await harness.metrics.text();
  return Number(/document_sets_total\{result="used"\} (\d+)/.exec(text)?.[1] ?? 0);
}

/** Gives the gateway one HTTPRoute, and what else is written behind it. */
async function route(spec: string, more = ''): Promise<void> {
  const before = await sets();
  const path = join(directory, 'a.yaml');
  writeFileSync(
    `${path}.new`,
    `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: greeter, creationTimestamp: 2020-01-01T00:00:00Z }
spec: { ${spec} }
${more}`,
  );
  renameSync(`${path}.new`, path);
  await until('the documents are used', async () => (await sets()) > before);
}

/** A gRPC call, to a path that may be none. */
async function grpcCall(
  path: string,
  authority?: string,
): Promise<{ code: number; message: string }> {
  const client = harness.client(
    authority === undefined ? {} : { 'grpc.default_authority': authority },
  );
  const body = Buffer.from(helloworld.HelloRequest.encode({ name: 'Ada' }).finish());
  const { code, messages } = await client.unary(body, { path });
  const [reply] = messages;
  return { code, message: reply === undefined ? '' : helloworld.HelloReply.decode(reply).message };
}

const toV2 = 'backendRefs: [{ name: greeter-v2 }]';

it('sends requests by path, header, query and method to the backend of the rule, and others where instances register', async () => {
  await route(`rules: [
    { matches: [{ path: { value: /v1/greetings }, headers: [{ name: X-Canary, value: "1" }] },
                { path: { value: /v1/greetings }, queryParams: [{ name: locale, value: de }] },
                { path: { type: Exact, value: /v1/greetings }, method: POST }], ${toV2} }]`);

  expect(await greeting('/v1/greetings/Ada')).toBe('v1: Ada');
  expect(await greeting('/v1/greetings/Ada', { headers: { 'x-canary': '1' } })).toBe('v2: Ada');
  expect(await greeting('/v1/greetings/Ada', { headers: { 'x-canary': '2' } })).toBe('v1: Ada');
});

it('is not gone round by another spelling of the path', async () => {
  await route(`rules: [{ matches: [{ path: { value: /v1/greetings } }], ${toV2} }]`);

  for (const path of ['/v1/greetings/Ada', '/v1/%67reetings/Ada', '/%76%31/greetings/Ada'])
    expect(await greeting(path)).toBe('v2: Ada');
});

it('takes gRPC, gRPC-Web and Connect by the paths of their methods', async () => {
  await route(`rules: [{ matches: [{ path: { value: /helloworld.Greeter } }], ${toV2} }]`);
  const service = contractsRegistry().getService('helloworld.Greeter') as DescService;
  const baseUrl = `http://${harness.gateway.address}`;
  const by = async (transport: ReturnType<typeof createConnectTransport>): Promise<string> => {
    const client = connectClient(service, transport) as unknown as {
      sayHello(given: { name: string }): Promise<{ message: string }>;
    };
    return (await client.sayHello({ name: 'Ada' })).message;
  };

  expect(await grpcCall('/helloworld.Greeter/SayHello')).toEqual({ code: 0, message: 'v2: Ada' });
  for (const httpVersion of ['1.1', '2'] as const) {
    expect(await by(createGrpcWebTransport({ baseUrl, httpVersion }))).toBe('v2: Ada');
    for (const useBinaryFormat of [true, false])
      expect(await by(createConnectTransport({ baseUrl, httpVersion, useBinaryFormat }))).toBe(
        'v2: Ada',
      );
  }
  // A request of JSON becomes the same call, and came by another path.
  expect(await greeting('/v1/greetings/Ada')).toBe('v1: Ada');
});

it('rewrites the path before the request becomes a call, whatever it came as', async () => {
  await route(`rules: [{ matches: [{ path: { value: /api } }],
    filters: [{ type: URLRewrite, urlRewrite: { hostname: inner.example.com, path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }], ${toV2} },
    { matches: [{ path: { type: Exact, value: /hello } }],
    filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /v1/greetings/World } } }], ${toV2} }]`);

  expect(await greeting('/api/v1/greetings/Ada%2FB')).toBe('v2: Ada/B');
  expect(await greeting('/hello')).toBe('v2: World');
  expect(await grpcCall('/api/helloworld.Greeter/SayHello')).toEqual({
    code: 0,
    message: 'v2: Ada',
  });
  expect((await grpcCall('/api/helloworld.Greeter//SayHello')).code).toBe(
    grpc.status.UNIMPLEMENTED,
  );
  expect(await greeting('/api/nowhere')).toBe('404 HTTP_PATH_UNKNOWN');
});

it('changes headers of the request and of the response', async () => {
  await route(`rules: [{ filters: [
    { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Set, value: here }], remove: [x-removed] } },
    { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: X-Served-As, value: canary }] } }], ${toV2} }]`);

  const response = await request('/v1/greetings/Ada', { headers: { 'x-removed': 'x' } });

  expect(response.headers.get('x-served-as')).toBe('canary');
  const [call] = seen['v2'] ?? [];
  expect([call?.get('x-set'), call?.get('x-removed')]).toEqual(['here', undefined]);
});

it('redirects, with the query', async () => {
  await route(`rules: [
    { matches: [{ path: { value: /old } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example.com, port: 8443, scheme: https, statusCode: 308, path: { type: ReplacePrefixMatch, replacePrefixMatch: /v1 } } }] },
    { matches: [{ path: { type: Exact, value: /moved } }], filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplaceFullPath, replaceFullPath: /v1/greetings/World } } }] },
    { matches: [{ path: { value: /helloworld.Greeter } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: http } }] },
    { matches: [{ path: { value: / } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }] }]`);
  const { address } = harness.gateway;
  const location = async (path: string): Promise<[number, string | null]> => {
    const response = await request(path);
    await response.arrayBuffer();
    return [response.status, response.headers.get('location')];
  };

  expect(await location('/old/greetings/Ada?locale=de&x=%20')).toEqual([
    308,
    'https://new.example.com:8443/v1/greetings/Ada?locale=de&x=%20',
  ]);
  expect(await location('/moved')).toEqual([302, `http://${address}/v1/greetings/World`]);
  expect(await location('/anything')).toEqual([302, 'https://127.0.0.1/anything']);
  // A scheme that is named comes with its own port.
  expect(await location('/helloworld.Greeter/SayHello')).toEqual([
    302,
    'http://127.0.0.1/helloworld.Greeter/SayHello',
  ]);
  expect((await grpcCall('/helloworld.Greeter/SayHello')).code).toBe(grpc.status.UNKNOWN);
  expect((await grpcCall('/old/x')).code).toBe(grpc.status.UNKNOWN);
});

it('does not redirect to where a request came to, but looks at the next rule', async () => {
  await route(`rules: [
    { matches: [{ path: { value: /helloworld.Greeter } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: http } }] },
    { ${toV2} }]`);

  expect(await grpcCall('/helloworld.Greeter/SayHello', 'plain.example.com')).toEqual({
    code: 0,
    message: 'v2: Ada',
  });
});

it('leaves alone what the gateway answers itself', async () => {
  await route(`rules: [{ ${toV2} }]`);

  expect(await (await request('/livez')).text()).toBe('ok\n');
  expect((await request('/openapi.json')).status).toBe(200);
  expect(
    await (
      await request('/grpc.health.v1.Health/Check', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
    ).json(),
  ).toEqual({ status: 'SERVING' });
});

it('shares requests by weight, also of backends that do not exist', async () => {
  await route(
    'rules: [{ backendRefs: [{ name: greeter-v1, weight: 0 }, { name: greeter-v2, weight: 1 }, { name: attic, weight: 1 }] }]',
  );

  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () => greeting('/v1/greetings/Ada')),
  );

  const shares = new Map<string, number>();
  for (const outcome of outcomes) shares.set(outcome, (shares.get(outcome) ?? 0) + 1);
  expect([...shares.keys()].sort()).toEqual(['503 BACKEND_UNKNOWN', 'v2: Ada']);
  expect(shares.get('v2: Ada')).toBeGreaterThan(60);
  expect(shares.get('v2: Ada')).toBeLessThan(140);
});

it('limits the time of calls', async () => {
  await route(`rules: [{ timeouts: { request: 100ms }, ${toV2} }]`);

  expect(await greeting('/v1/greetings/slow')).toBe('504 DEADLINE_EXCEEDED');
});

it('shares no host with a GRPCRoute: the older one holds', async () => {
  await route(
    `hostnames: [api.example.com], rules: [{ ${toV2} }]`,
    `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: younger }
spec: { hostnames: ['*.example.com'], rules: [{ backendRefs: [{ name: attic }] }] }
`,
  );

  expect(await grpcCall('/helloworld.Greeter/SayHello', 'api.example.com')).toMatchObject({
    message: 'v2: Ada',
  });
  expect(await grpcCall('/helloworld.Greeter/SayHello', 'other.example.com')).toMatchObject({
    message: 'v1: Ada',
  });
});
