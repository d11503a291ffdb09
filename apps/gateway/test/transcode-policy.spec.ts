import { Aggregation, document } from './support/aggregation';
import { eventually } from './support/harness';
import { encodeText } from './support/text-backend';

let world: Aggregation;
afterEach(() => world.close());

const page = 'https://app.example.com';

function policy(spec: string, targets = '{ kind: Service, name: greeter }', name = 'web'): string {
  return document('TranscodePolicy', name, `  targetRefs: [${targets}]\n  ${spec}`);
}

/** A route of all calls to the greeter, on a host of its own. */
const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: greeter }
spec:
  rules:
    - name: numbered
      matches: [{ method: { service: helloworld.Greeter, method: SayHelloNumbered } }]
      backendRefs: [{ name: greeter }]
    - matches: [{ method: { service: helloworld.Greeter } }]
      backendRefs: [{ name: greeter }]
`;

const numbered = (): Promise<[number, unknown]> =>
  world.outcome(world.post('/v1/greetings:numbered', '{"name": "a"}'));

const status = async (work: Promise<Response>): Promise<number> => (await work).status;

const echo = (contentType: string, body: Buffer | string = encodeText('a')): Promise<Response> =>
  world.get('/test.Echo/Unary', {
    method: 'POST',
    body,
    headers: { 'content-type': contentType },
  });

describe('a TranscodePolicy of a service', () => {
  it('says how its JSON is read and written, and nobody else’s', async () => {
    world = await Aggregation.start(
      policy('json: { unknownFields: ignore, emitDefaults: true, protoNames: true }'),
    );

    expect(
      await world.outcome(world.post('/v1/greetings:numbered', '{"name": "a", "new": 1}')),
    ).toEqual([
      200,
      { message: 'a', greeting_id: '7', fencing_token: '9007199254740993', instance_id: '' },
    ]);
    expect(await status(world.get('/v1/greetings/a?new=1'))).toBe(200);
    expect(await status(echo('application/json', '{"text": "a", "new": 1}'))).toBe(400);
  });

  it('says how streams are written when the client does not', async () => {
    world = await Aggregation.start(policy('json: { streams: ndjson }'));
    const path = '/v1/greetings/a:stream';
    const typeOf = async (headers = {}): Promise<string | null> =>
      (await world.get(path, { headers })).headers.get('content-type');

    expect(await (await world.get(path)).text()).toBe('{"message":"1 a"}\n{"message":"2 a"}\n');
    expect(await typeOf({ accept: 'application/json' })).toBe('application/json');
    expect(await typeOf({ accept: 'text/event-stream' })).toBe('text/event-stream');
  });

  it('turns protocols off, each by itself', async () => {
    world = await Aggregation.start(
      policy('protocols: { json: false, grpcWeb: false }', '{ kind: Service, name: echo }'),
    );

    const json = await echo('application/json', '{"text": "a"}');
    const web = await echo('application/grpc-web');
    expect([json.status, web.status]).toEqual([415, 415]);
    expect(await json.text()).toContain('TranscodePolicy default/web');
    expect(await web.text()).toContain('gRPC-Web');
    expect(await status(echo('application/proto'))).toBe(200);
    expect(
      await status(
        world.get('/test.Echo/Unary', {
          method: 'POST',
          body: '{"text": "a"}',
          headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
        }),
      ),
    ).toBe(200);
    expect(await status(world.get('/v1/greetings/a'))).toBe(200);

    await world.documents.change(
      'all.yaml',
      policy('protocols: { connect: false }', '{ kind: Service, name: echo }'),
    );
    expect(await status(echo('application/proto'))).toBe(415);
    expect(await status(echo('application/grpc-web'))).toBe(200);
    expect(await status(echo('application/json', '{"text": "a"}'))).toBe(200);
  });

  it('turns JSON on where the option has it off', async () => {
    world = await Aggregation.start(policy('protocols: { json: true }'), {
      jsonTranscoding: false,
    });

    let found = 0;
    await eventually(() => {
      void status(world.get('/v1/greetings/a')).then((code) => (found = code));
      return found === 200;
    }, 'a greeting by JSON');
    expect(await status(echo('application/json', '{"text": "a"}'))).toBe(415);
  });

  it('says whose pages may call', async () => {
    world = await Aggregation.start(
      policy(`cors: { origins: ['${page}'], maxAge: 1m }`) +
        policy('cors: { origins: [] }', '{ kind: Service, name: echo }', 'none'),
      { corsOrigins: ['https://other.example'] },
    );
    const ask = (path: string, origin: string, method = 'GET'): Promise<Response> =>
      world.get(path, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': method },
      });

    const asked = await ask('/v1/greetings/a', page);
    const called = await world.get('/v1/greetings/a', { headers: { origin: page } });
    const other = await ask('/v1/greetings/a', 'https://other.example');
    const none = await ask('/test.Echo/Unary', 'https://other.example', 'POST');

    expect([asked.status, asked.headers.get('access-control-max-age')]).toEqual([204, '60']);
    expect(called.headers.get('access-control-allow-origin')).toBe(page);
    expect([other.status, await other.text()]).toEqual([
      403,
      expect.stringContaining('TranscodePolicy default/web') as string,
    ]);
    expect(none.status).toBe(403);
    expect(
      (await ask('/grpc.health.v1.Health/Check', 'https://other.example', 'POST')).status,
    ).toBe(204);
  });

  it('limits messages further than the option, and says so', async () => {
    const connect = (text: string): Promise<Response> =>
      world.get('/helloworld.Greeter/SayHello', {
        method: 'POST',
        body: encodeText(text),
        headers: { 'content-type': 'application/proto' },
      });
    world = await Aggregation.start(policy('messageBytesMax: 40'), { httpMessageBytesMax: 2048 });

    const [code, refusal] = await world.outcome(
      world.post('/v1/greetings', `{"name": "${'a'.repeat(40)}"}`),
    );
    expect([code, refusal]).toMatchObject([
      429,
      { details: [{ metadata: { limit: '40', owner: 'TranscodePolicy default/web' } }] },
    ]);
    expect((await connect('a'.repeat(60))).status).toBe(429);
    expect((await connect('a')).status).toBe(200);
    await world.documents.change('all.yaml', policy('messageBytesMax: 100000'));
    expect(await world.outcome(connect('a'.repeat(3000)))).toMatchObject([
      429,
      { code: 'resource_exhausted' },
    ]);
  });
});

/** A route of requests below /api, which go on below /v1. */
const httpRoute = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web }
spec:
  rules:
    - matches: [{ path: { value: /api } }]
      filters:
        - type: URLRewrite
          urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /v1 } }
      backendRefs: [{ name: greeter }]
`;

describe('TranscodePolicies of rules, routes and services', () => {
  it('count for the requests of an HTTPRoute', async () => {
    world = await Aggregation.start(
      httpRoute +
        policy(
          `json: { emitDefaults: true }\n  cors: { origins: ['${page}'] }`,
          '{ kind: HTTPRoute, name: web }',
        ),
    );
    const asked = await world.get('/api/greetings/a', {
      method: 'OPTIONS',
      headers: { origin: page, 'access-control-request-method': 'GET' },
    });

    expect(
      await world.outcome(world.post('/api/greetings:numbered', '{"name": "a"}')),
    ).toMatchObject([200, { instanceId: '' }]);
    expect(await numbered()).toEqual([200, expect.not.objectContaining({ instanceId: '' })]);
    expect(asked.status).toBe(204);
  });

  it('count for each setting from the most specific one outwards', async () => {
    world = await Aggregation.start(
      route +
        policy(
          'json: { emitDefaults: true }',
          '{ kind: GRPCRoute, name: greeter, sectionName: numbered }',
          'rule',
        ) +
        policy(
          'json: { protoNames: true, emitDefaults: false }',
          '{ kind: GRPCRoute, name: greeter }',
          'route',
        ) +
        policy('json: { unknownFields: ignore, protoNames: false }'),
    );

    expect(await numbered()).toEqual([
      200,
      { message: 'a', greeting_id: '7', fencing_token: '9007199254740993', instance_id: '' },
    ]);
    expect(await status(world.get('/v1/greetings/a?new=1'))).toBe(200);
  });
});
