import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { type DescService } from '@bufbuild/protobuf';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { contractsRegistry, helloworld } from '@raftway/contracts';
import { Code, failedPrecondition, ServiceError } from '@raftway/errors';
import { silentLogger } from '@raftway/observability';
import { createServer, implementService, type RaftwayServer } from '@raftway/service-kit';
import { type GatewayOptions } from '../src/options';
import { instanceOf } from './support/fake-view';
import { FilesBackend } from './support/files-backend';
import { eventually, Harness } from './support/harness';

let harness: Harness;
let server: RaftwayServer | undefined;

afterEach(async () => {
  await harness.close();
  await server?.stop();
  server = undefined;
});

/** The greeter's contract, served by the kit that all services use, behind a gateway. */
async function start(options: Partial<GatewayOptions> = {}): Promise<void> {
  harness = await Harness.start(options);
  server = createServer({
    name: 'greeter',
    bind: '127.0.0.1:0',
    services: [greeter],
    logger: silentLogger(),
    drainDelayMs: 0,
    drainTimeoutMs: 1000,
  });
  await server.start();
  const grpcServices = ['helloworld.Greeter'];
  harness.view.set(instanceOf(server.address, { service: 'greeter', grpcServices }));
  await known();
}

/** Waits until the gateway has learnt the services' files. */
async function known(path = '/v1/greetings'): Promise<void> {
  let document = '';
  await eventually(() => {
    void get('/openapi.json').then(async (response) => (document = await response.text()));
    return document.includes(path);
  }, `${path} in the OpenAPI document`);
}

let streamsEnded = 0;
/** Messages of 1,000 bytes. */
let streamed = 0;

const greeter = implementService(helloworld.GreeterService, {
  sayHello: async ({ name }, call) => {
    if (name === 'slow') await once(call.signal, 'abort');
    if (name === 'nobody')
      throw failedPrecondition('NOT_HOLDER', 'nobody to greet', { metadata: { who: name } });
    const seen = call.metadata.get('x-seen');
    return { message: seen === undefined ? `Hello, ${name}!` : `Hello, ${name}, ${String(seen)}!` };
  },
  sayHelloStreamReply: async function* ({ name }, call) {
    if (name === 'nobody') throw failedPrecondition('NOT_HOLDER', 'nobody to greet');
    if (name === 'endless') {
      const message = 'x'.repeat(1000);
      call.signal.addEventListener('abort', () => (streamsEnded += 1));
      for (; !call.signal.aborted; streamed += 1) yield { message };
      return;
    }
    yield { message: `1 ${name}` };
    yield { message: `2 ${name}` };
    if (name === 'broken')
      throw new ServiceError({ code: Code.aborted, reason: 'INTERNAL', message: 'in the middle' });
  },
  sayHelloClientStream: async (requests) => {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    return { message: names.join(', ') };
  },
  sayHelloBidiStream: async function* (requests) {
    for await (const { name } of requests) yield { message: name };
  },
  sayHelloNumbered: ({ name }) => ({
    message: `Hello, ${name}!`,
    greetingId: '7',
    fencingToken: 9007199254740993n,
    instanceId: '',
  }),
});

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://${harness.gateway.address}${path}`, { headers });
}

function send(
  path: string,
  body: RequestInit['body'],
  contentType = 'application/json',
  method = 'POST',
) {
  const headers = { 'content-type': contentType };
  return fetch(`http://${harness.gateway.address}${path}`, { method, headers, body: body ?? null });
}

/** Status, media type and body. */
async function outcome(work: Promise<Response>): Promise<[number, string | null, unknown]> {
  const response = await work;
  const text = await response.text();
  const type = response.headers.get('content-type');
  return [response.status, type, type === 'application/json' ? JSON.parse(text) : text];
}

const json = 'application/json';

describe('JSON', () => {
  it('reaches a method by its path, query and body', async () => {
    await start();
    expect(await outcome(get('/v1/greetings/W%C3%B6rld%2F1'))).toEqual([
      200,
      json,
      { message: 'Hello, Wörld/1!' },
    ]);
    expect(await outcome(send('/v1/greetings', '{"name":"a"}'))).toEqual([
      200,
      json,
      { message: 'Hello, a!' },
    ]);
    expect(await outcome(send('/helloworld.Greeter/SayHello', '{"name":"a"}'))).toEqual([
      200,
      json,
      { message: 'Hello, a!' },
    ]);
    expect(await outcome(send('/v1/greetings:numbered', '{"name":"a"}'))).toEqual([
      200,
      json,
      { message: 'Hello, a!', greetingId: '7', fencingToken: '9007199254740993' },
    ]);
    expect(await outcome(get('/v1/greetings/a', { 'x-seen': 'b' }))).toEqual([
      200,
      json,
      { message: 'Hello, a, b!' },
    ]);
    expect(
      await outcome(send('/grpc.health.v1.Health/Check', '{"service":"helloworld.Greeter"}')),
    ).toEqual([200, json, { status: 'SERVING' }]);
  });

  it('reaches it over HTTP/2, too', async () => {
    await start();
    const session = http2.connect(`http://${harness.gateway.address}`);
    const stream = session.request({
      ':path': '/v1/greetings',
      ':method': 'POST',
      'content-type': json,
    });
    const headers = new Promise<http2.IncomingHttpHeaders>((resolve) =>
      stream.on('response', resolve),
    );
    stream.end('{"name":"a"}');
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    expect([(await headers)[':status'], body]).toEqual([200, '{"message":"Hello, a!"}']);
    session.close();
  });

  it('answers HEAD without a body over HTTP/2', async () => {
    await start();
    const session = http2.connect(`http://${harness.gateway.address}`);
    const stream = session.request({ ':path': '/v1/nothing', ':method': 'HEAD' });
    const headers = new Promise<http2.IncomingHttpHeaders>((resolve) =>
      stream.on('response', resolve),
    );
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    expect([(await headers)[':status'], (await headers)['content-type'], body]).toEqual([
      404,
      json,
      '',
    ]);
    session.close();
  });

  it('says what is wrong, as google.rpc.Status', async () => {
    await start();
    expect(await outcome(get('/v1/greetings/nobody'))).toEqual([
      400,
      json,
      {
        code: 9,
        message: 'nobody to greet',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'NOT_HOLDER',
            domain: 'raftway',
            metadata: { who: 'nobody' },
          },
        ],
      },
    ]);
    const calls = async (work: Promise<Response>) => {
      const [status, , body] = await outcome(work);
      return [status, (body as { message: string }).message];
    };
    expect(await calls(send('/v1/greetings', '{"nam":"a"}'))).toEqual([
      400,
      'nam: is no field of helloworld.HelloRequest',
    ]);
    expect(await calls(send('/v1/greetings', '{'))).toEqual([400, expect.stringContaining('JSON')]);
    expect(await calls(get('/v1/greetings/a?x=1'))).toEqual([
      400,
      'x: is no field of helloworld.HelloRequest',
    ]);
    expect(await calls(get('/v1/nothing'))).toEqual([
      404,
      expect.stringContaining('/openapi.json'),
    ]);
    expect(await calls(send('/v1/greetings/a', '{}'))).toEqual([
      405,
      expect.stringContaining('GET'),
    ]);
    expect(
      await calls(send('/v1/greetings', 'name=a', 'application/x-www-form-urlencoded')),
    ).toEqual([415, expect.stringContaining('application/json')]);
    expect(await calls(get('/v1/greetings/a', { 'grpc-timeout': '1' }))).toEqual([
      500,
      expect.stringContaining('grpc-timeout'),
    ]);
    expect((await send('/v1/greetings/a', '{}')).headers.get('allow')).toBe('GET');
  });

  it('drops unknown fields, and writes defaults, where options say so', async () => {
    await start({ jsonUnknownFields: 'ignore', jsonEmitDefaults: true });
    expect(await outcome(send('/v1/greetings:numbered', '{"name":"a","x":1}'))).toEqual([
      200,
      json,
      { message: 'Hello, a!', greetingId: '7', fencingToken: '9007199254740993', instanceId: '' },
    ]);
  });

  it('can be switched off', async () => {
    harness = await Harness.start({ jsonTranscoding: false });
    const refused = await send('/v1/greetings', '{}');
    expect(refused.status).toBe(415);
    expect(refused.headers.get('accept-post')).not.toContain('json');
  });

  it('bounds messages, and holds nothing afterwards', async () => {
    await start({ httpMessageBytesMax: 2000 });
    const body = JSON.stringify({ name: 'x'.repeat(2000) });
    expect(await outcome(send('/v1/greetings', body))).toEqual([
      429,
      json,
      expect.objectContaining({
        code: 8,
        message: expect.stringContaining('request message bytes') as string,
      }),
    ]);
    expect(
      await outcome(send('/v1/greetings:collect', `${body}\n`, 'application/x-ndjson')),
    ).toEqual([
      429,
      json,
      expect.objectContaining({
        code: 8,
        message: expect.stringContaining('request message bytes') as string,
      }),
    ]);
    expect((await send('/v1/greetings', JSON.stringify({ name: 'x'.repeat(1900) }))).status).toBe(
      200,
    );
    await eventually(() => harness.gateway.bufferedBytes === 0, 'no bytes held');
  });
});

describe('the Connect protocol with its JSON codec', () => {
  it('has its own errors, timeouts and trailers', async () => {
    await start();
    const desc = contractsRegistry().getService('helloworld.Greeter') as DescService;
    const baseUrl = `http://${harness.gateway.address}`;
    const transport = createConnectTransport({
      baseUrl,
      httpVersion: '1.1',
      useBinaryFormat: false,
    });
    type SayHello = (request: { name: string }, options?: object) => Promise<{ message: string }>;
    const { sayHello } = createClient(desc, transport) as unknown as { sayHello: SayHello };
    expect((await sayHello({ name: 'a' }, { timeoutMs: 5000 })).message).toBe('Hello, a!');
    const failure = await sayHello({ name: 'nobody' }).catch((error: unknown) =>
      ConnectError.from(error),
    );
    expect(failure).toMatchObject({
      code: 9,
      rawMessage: 'nobody to greet',
      details: [{ type: 'google.rpc.ErrorInfo' }],
    });
    const late = await sayHello({ name: 'slow' }, { timeoutMs: 50 }).catch((error: unknown) =>
      ConnectError.from(error),
    );
    expect(late).toMatchObject({ code: 4 });
  });

  it('has its own errors for its own headers, too', async () => {
    await start();
    const answer = await fetch(`http://${harness.gateway.address}/helloworld.Greeter/SayHello`, {
      method: 'POST',
      headers: {
        'content-type': json,
        'connect-protocol-version': '1',
        'connect-timeout-ms': 'soon',
      },
      body: '{}',
    });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('connect-timeout-ms') as string,
      }),
    ]);
  });
});

// APISIX #4058 and #12319, Envoy #4900: streams are asked for again and again.
describe('streams in JSON', () => {
  it.each([
    ['application/json', '[{"message":"1 a"},\n{"message":"2 a"}]\n'],
    ['application/x-ndjson', '{"message":"1 a"}\n{"message":"2 a"}\n'],
    ['text/event-stream', 'data: {"message":"1 a"}\n\ndata: {"message":"2 a"}\n\n'],
  ])('come as %s', async (accept, expected) => {
    await start();
    const response = await get('/v1/greetings/a:stream', { accept });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      accept,
      expected,
    ]);
  });

  it('that fail at once have an HTTP status, and later an error behind the messages', async () => {
    await start();
    const accept = 'text/event-stream';
    expect(await outcome(get('/v1/greetings/nobody:stream', { accept }))).toEqual([
      400,
      json,
      expect.objectContaining({ code: 9 }),
    ]);
    const [status, , text] = await outcome(get('/v1/greetings/broken:stream', { accept }));
    expect([status, String(text).split('\n\n').slice(0, 3)]).toEqual([
      200,
      [
        'data: {"message":"1 broken"}',
        'data: {"message":"2 broken"}',
        expect.stringMatching(/^event: error\ndata: \{"code":10,/),
      ],
    ]);
  });

  it('go in as lines, or as an array', async () => {
    await start();
    const lines = '{"name":"a"}\n{"name":"b"}';
    expect(await outcome(send('/v1/greetings:collect', lines, 'application/x-ndjson'))).toEqual([
      200,
      json,
      { message: 'a, b' },
    ]);
    expect(await outcome(send('/v1/greetings:collect', '[{"name":"a"},{"name":"b"}]'))).toEqual([
      200,
      json,
      { message: 'a, b' },
    ]);
    expect(await outcome(send('/v1/greetings:converse', lines, 'application/x-ndjson'))).toEqual([
      200,
      json,
      [{ message: 'a' }, { message: 'b' }],
    ]);
    expect(
      await outcome(
        send('/v1/greetings:collect', '{"name":"a"}\n{"nam":1}', 'application/x-ndjson'),
      ),
    ).toEqual([400, json, expect.objectContaining({ code: 3 })]);
  });

  it('go both ways at once over HTTP/2', async () => {
    await start();
    const session = http2.connect(`http://${harness.gateway.address}`);
    const stream = session.request({
      ':path': '/v1/greetings:converse',
      ':method': 'POST',
      'content-type': 'application/x-ndjson',
      accept: 'application/x-ndjson',
    });
    const chunks = stream[Symbol.asyncIterator]();
    for (const name of ['a', 'b']) {
      stream.write(`{"name":"${name}"}\n`);
      const { value } = (await chunks.next()) as { value: Buffer };
      expect(value.toString()).toBe(`{"message":"${name}"}\n`);
    }
    stream.end();
    session.close();
  });

  it('wait for a client that does not read, and end when it goes', async () => {
    await start();
    streamsEnded = 0;
    streamed = 0;
    const session = http2.connect(`http://${harness.gateway.address}`);
    const stream = session.request({
      ':path': '/v1/greetings/endless:stream',
      accept: 'application/x-ndjson',
    });
    await new Promise((resolve) => stream.once('response', resolve));
    // Nobody reads: the instance is stopped, long before the memory of the gateway is used up.
    let last = -1;
    let quiet = 0;
    await eventually(() => {
      quiet = streamed === last && streamed > 0 ? quiet + 1 : 0;
      last = streamed;
      return quiet === 20;
    }, 'the instance sends no more');
    expect(streamed).toBeLessThan(3000);
    expect(harness.gateway.bufferedBytes).toBeLessThan(1_500_000);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await eventually(() => streamsEnded === 1, 'the instance was told');
    await eventually(() => harness.gateway.bufferedBytes === 0, 'no bytes held');
    session.destroy();
  });
});

describe('what others got wrong', () => {
  it('Envoy #41593: a unary answer is JSON, whatever stream the client would take', async () => {
    await start();
    expect(await outcome(get('/v1/greetings/a', { accept: 'text/event-stream' }))).toEqual([
      200,
      json,
      { message: 'Hello, a!' },
    ]);
  });
});

describe('routes', () => {
  it('come and stay with services, and an older service keeps its paths', async () => {
    harness = await Harness.start();
    expect((await get('/v1/greetings/a')).status).toBe(404);
    await harness.close();
    await start();
    expect((await get('/v1/greetings/a')).status).toBe(200);
    harness.view.set();
    // Known, and without an instance.
    expect(await outcome(get('/v1/greetings/a'))).toEqual([
      503,
      json,
      expect.objectContaining({ code: 14 }),
    ]);
  });
});

describe('bodies as they are', () => {
  let backend: FilesBackend;
  beforeEach(async () => {
    harness = await Harness.start();
    backend = await new FilesBackend().start();
    const grpcServices = ['test.Files'];
    harness.view.set(instanceOf(backend.address, { service: 'files', grpcServices }));
    await known('/v1/files');
  });
  afterEach(() => backend.stop());

  const bytesOf = async (response: Response): Promise<Buffer> =>
    Buffer.from(await response.arrayBuffer());

  // Envoy #16629 lost bodies of up to 16384 bytes, and #6441 those of more than a megabyte.
  it.each([0, 1, 16_384, 1_100_000])(
    'go in and out, whole and as streams (%d bytes)',
    async (size) => {
      const bytes = randomBytes(size);
      const stored = await send('/v1/files/a/b.png', bytes, 'image/png', 'PUT');
      expect([stored.status, stored.headers.get('content-type')]).toEqual([200, 'image/png']);
      expect((await bytesOf(stored)).equals(bytes)).toBe(true);
      const read = await get('/v1/files/a/b.png');
      expect(read.status).toBe(200);
      expect((await bytesOf(read)).equals(bytes)).toBe(true);
    },
  );

  it('that end in the middle never look whole', async () => {
    expect((await get('/v1/files/none')).status).toBe(404);
    await expect(get('/v1/files/half').then(bytesOf)).rejects.toThrow();
  });
});
