import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';
import { helloworld } from '@raftway/contracts';
import { frameMessage } from '@raftway/http2';
import type { Handlers } from './rpc/handlers';
import { implementService } from './rpc/implement-service';
import { createServer } from './server/create-server';
import type { RaftwayServer, ServerLimits } from './server/server-types';

type Greeter = typeof helloworld.GreeterService;

const PATH = '/helloworld.Greeter/SayHello';
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  handlers: Partial<Handlers<Greeter>> = {},
  limits: ServerLimits = {},
): Promise<RaftwayServer> {
  const unused = () => {
    throw new Error('not in these specs');
  };
  const service = implementService(helloworld.GreeterService, {
    sayHello: ({ name }) => ({ message: `Hello, ${name}!` }),
    sayHelloStreamReply: unused,
    sayHelloClientStream: unused,
    sayHelloBidiStream: unused,
    sayHelloNumbered: unused,
    ...handlers,
  });
  const server = createServer({
    ...{ name: 'greeter', services: [service], drainDelayMs: 0, drainTimeoutMs: 1000, limits },
  });
  await server.start();
  cleanups.push(() => server.stop());
  return server;
}

function session(server: RaftwayServer): ClientHttp2Session {
  const made = connect(`http://${server.address}`);
  made.on('error', () => undefined);
  cleanups.push(() => made.destroy());
  return made;
}

interface Answer {
  readonly headers: Record<string, string | number>;
  readonly trailers: Record<string, string>;
  readonly body: Buffer;
}

/** The answer to a stream, whatever it is: with headers alone they are the trailers. */
function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Answer['headers'] = {};
    let trailers: Answer['trailers'] | undefined;
    const parts: Buffer[] = [];
    stream.on('response', (received) => (headers = received as Answer['headers']));
    stream.on('trailers', (received) => (trailers = received as Answer['trailers']));
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', reject);
    stream.on('close', () =>
      resolve({
        headers,
        trailers: trailers ?? (headers as Answer['trailers']),
        body: Buffer.concat(parts),
      }),
    );
  });
}

function open(server: RaftwayServer, more: Record<string, string> = {}): ClientHttp2Stream {
  return session(server).request({
    ...{ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' },
    ...more,
  });
}

function hello(name: string): Buffer {
  return Buffer.from(helloworld.HelloRequest.encode({ name }).finish());
}

function compressed(bytes: Buffer): Buffer {
  const frame = frameMessage(bytes);
  frame[0] = 1;
  return frame;
}

describe('on the wire a call', () => {
  it('is answered with headers, one message and a status', async () => {
    const stream = open(await serve());
    stream.end(frameMessage(hello('Ada')));

    const { headers, trailers, body } = await answerOf(stream);

    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc+proto' });
    expect(trailers).toMatchObject({ 'grpc-status': '0' });
    expect(body.readUInt32BE(1)).toBe(body.length - 5);
    expect(helloworld.HelloReply.decode(body.subarray(5)).message).toBe('Hello, Ada!');
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('may be compressed with %s', async (encoding, compress) => {
    const stream = open(await serve(), { 'grpc-encoding': encoding });
    stream.end(compressed(compress(hello('Ada'))));

    const { body } = await answerOf(stream);

    expect(helloworld.HelloReply.decode(body.subarray(5)).message).toBe('Hello, Ada!');
  });

  it('is refused when a small message would be a large one', async () => {
    const server = await serve({}, { receiveMessageBytesMax: 100_000 });
    const stream = open(server, { 'grpc-encoding': 'gzip' });
    stream.end(compressed(gzipSync(Buffer.alloc(10_000_000))));

    expect((await answerOf(stream)).trailers['grpc-status']).toBe('8');
  });

  it.each([
    ['an encoding that nobody knows', { 'grpc-encoding': 'br' }, compressed(hello('Ada')), '12'],
    ['bytes that gzip did not make', { 'grpc-encoding': 'gzip' }, compressed(hello('Ada')), '3'],
    ['no request', {}, Buffer.alloc(0), '12'],
    ['two requests', {}, Buffer.concat([frameMessage(hello('a')), frameMessage(hello('b'))]), '12'],
    ['half of a request', {}, frameMessage(hello('Ada')).subarray(0, 6), '3'],
    ['a prefix that there is not', {}, Buffer.from([9, 0, 0, 0, 0]), '3'],
    ['a deadline that is none', { 'grpc-timeout': 'soon' }, frameMessage(hello('Ada')), '13'],
    [
      'a method that there is not',
      { ':path': '/helloworld.Greeter/Nothing' },
      Buffer.alloc(0),
      '12',
    ],
  ])('with %s gets a status', async (_what, headers, body, status) => {
    const stream = open(await serve(), headers);
    stream.end(body);

    expect((await answerOf(stream)).trailers['grpc-status']).toBe(status);
  });

  it.each([
    ['GET', { ':method': 'GET' }, 405],
    ['JSON', { 'content-type': 'application/json' }, 415],
    ['gRPC-Web', { 'content-type': 'application/grpc-web' }, 415],
  ])('that is %s is told so in HTTP', async (_what, headers, status) => {
    const stream = open(await serve(), headers);
    stream.end();

    expect((await answerOf(stream)).headers[':status']).toBe(status);
  });

  it('that passes its deadline ends with DEADLINE_EXCEEDED, whatever the handler does', async () => {
    const server = await serve({ sayHello: () => new Promise(() => undefined) });
    const stream = open(server, { 'grpc-timeout': '50m' });
    stream.end(frameMessage(hello('Ada')));

    expect((await answerOf(stream)).trailers['grpc-status']).toBe('4');
  });

  it.each([
    ['a request', PATH],
    ['one of many requests', '/helloworld.Greeter/SayHelloClientStream'],
  ])(
    'is told that %s is too large by its prefix, while it is still being sent',
    async (_what, path) => {
      const server = await serve({
        sayHelloClientStream: async (requests) => {
          for await (const _request of requests) continue;
          return { message: '' };
        },
      });
      const stream = open(server, { ':path': path });
      stream.write(frameMessage(hello('x'.repeat(5_000_000))));

      expect((await answerOf(stream)).trailers).toMatchObject({
        'grpc-status': '8',
        'grpc-message': expect.stringContaining('4194304') as string,
      });
    },
  );

  it('can be far larger than a window, in both directions', async () => {
    const name = 'x'.repeat(3_000_000);
    const stream = open(await serve());
    stream.end(frameMessage(hello(name)));

    const { body } = await answerOf(stream);

    expect(body.length).toBeGreaterThan(name.length);
  });
});

describe('a client that is faster than its handler', () => {
  it('is held back by the window, and not by memory', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let seen = 0;
    const server = await serve({
      sayHelloClientStream: async (requests) => {
        await gate;
        for await (const _request of requests) seen += 1;
        return { message: String(seen) };
      },
    });
    const stream = open(server, { ':path': '/helloworld.Greeter/SayHelloClientStream' });
    const message = frameMessage(hello('x'.repeat(10_000)));
    const sent = 500;
    for (let at = 0; at < sent; at += 1) stream.write(message);
    stream.end();
    const answer = answerOf(stream);
    // Nothing is taken, so that what does not fit into the window stays with the client.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stream.writableLength).toBeGreaterThan(message.length * 300);

    release();

    const { body } = await answer;
    expect(helloworld.HelloReply.decode(body.subarray(5)).message).toBe(String(sent));
  });
});

describe('connections', () => {
  it('above the limit are closed at once', async () => {
    const server = await serve({}, { connectionsMax: 1 });
    const first = open(server);
    first.end(frameMessage(hello('Ada')));
    expect((await answerOf(first)).trailers['grpc-status']).toBe('0');

    const second = session(server);

    await new Promise<void>((resolve) => second.once('close', resolve));
    expect(second.destroyed).toBe(true);
  });

  it('of the greatest age are asked to end, and their calls finish', async () => {
    const server = await serve(
      {
        sayHello: ({ name }) =>
          new Promise((resolve) => setTimeout(() => resolve({ message: name }), 2500)),
      },
      { connectionAgeMaxMs: 500 },
    );
    const aged = session(server);
    const asked = new Promise<void>((resolve) => aged.once('goaway', () => resolve()));
    const stream = aged.request({
      ...{ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' },
    });
    stream.end(frameMessage(hello('Ada')));
    const answer = answerOf(stream);

    await asked;

    expect((await answer).trailers['grpc-status']).toBe('0');
    await new Promise<void>((resolve) => (aged.closed ? resolve() : aged.once('close', resolve)));
  });
});
