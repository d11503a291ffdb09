import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Client, type Transport } from '@connectrpc/connect';
import {
  compressionGzip,
  createConnectTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { rpc } from '@raftway/contracts';
import { type UnaryCall, type UnaryDone } from './support/echo-backend';
import { echoService, textMessage } from './support/echo-schema';
import { eventually, Harness } from './support/harness';
import { encodeText, type Text, textBackend } from './support/text-backend';

// Clients that others wrote, of both protocols, over both versions of HTTP.

type Caller = Record<string, (...given: never[]) => unknown> & Client<typeof echoService>;
interface Options {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Record<string, string>;
  readonly onHeader?: (headers: Headers) => void;
  readonly onTrailer?: (trailers: Headers) => void;
}
interface Echo {
  unary(request: Text, options?: Options): Promise<Text>;
  look(request: Text, options?: Options): Promise<Text>;
  clientStream(requests: AsyncIterable<Text>, options?: Options): Promise<Text>;
  serverStream(request: Text, options?: Options): AsyncIterable<Text>;
  bidi(requests: AsyncIterable<Text>, options?: Options): AsyncIterable<Text>;
}

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.start();
});
afterEach(() => harness.close());

const protocols = [
  ['gRPC-Web', '1.1'],
  ['gRPC-Web', '2'],
  ['Connect', '1.1'],
  ['Connect', '2'],
] as const;
type Protocol = (typeof protocols)[number][0];
type Version = (typeof protocols)[number][1];

function transport(protocol: Protocol, httpVersion: Version, more: object = {}): Transport {
  const options = {
    baseUrl: `http://${harness.gateway.address}`,
    httpVersion,
    useBinaryFormat: true,
    ...more,
  };
  return protocol === 'Connect' ? createConnectTransport(options) : createGrpcWebTransport(options);
}

function connect(protocol: Protocol, httpVersion: Version, more: object = {}): Echo {
  const client: Caller = createClient(echoService, transport(protocol, httpVersion, more));
  return client as unknown as Echo;
}

async function textsOf(stream: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of stream) texts.push(text);
  return texts;
}

async function* sending(...texts: string[]): AsyncGenerator<Text> {
  for (const text of texts) yield create(textMessage, { text }) as unknown as Text;
}

async function failureOf(work: Promise<unknown>): Promise<ConnectError> {
  return work.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: unknown) => ConnectError.from(error),
  );
}

const large = 'x'.repeat(300_000);

describe.each(protocols)('%s over HTTP/%s', (protocol, version) => {
  it('does calls of the kinds that it has', async () => {
    const backend = await textBackend(harness);
    const client = connect(protocol, version);

    expect((await client.unary({ text: 'hello' })).text).toBe('hello');
    expect((await client.unary({ text: '' })).text).toBe('');
    expect((await client.unary({ text: large })).text).toBe(large);
    expect(await textsOf(client.serverStream({ text: '200 x' }))).toHaveLength(200);
    expect(await textsOf(client.serverStream({ text: '0 x' }))).toEqual([]);
    expect(await textsOf(client.serverStream({ text: `3 ${large}` }))).toEqual(
      Array(3).fill(large),
    );
    expect((await client.clientStream(sending('a', 'b', large))).text).toBe(`a b ${large}`);
    expect(backend.calls).toBe(7);
    expect(harness.gateway.bufferedBytes).toBe(0);
  });

  it('passes metadata, both ways', async () => {
    const backend = await textBackend(harness);
    const client = connect(protocol, version);
    const seen: Record<string, string | null> = {};

    await client.unary(
      { text: 'x' },
      {
        headers: { 'x-one': '1', 'x-two-bin': 'AAEC' },
        onTrailer: (trailers) => (seen['served-by'] = trailers.get('served-by')),
      },
    );
    await textsOf(
      client.serverStream(
        { text: '2 x' },
        {
          onHeader: (headers) => (seen['leading'] = headers.get('leading')),
          onTrailer: (trailers) => (seen['trailing'] = trailers.get('trailing')),
        },
      ),
    );

    expect(backend.metadata[0]?.get('x-one')).toEqual(['1']);
    expect(backend.metadata[0]?.get('x-two-bin')).toEqual([Buffer.from([0, 1, 2])]);
    expect(backend.metadata[0]?.get('accept-encoding')).toEqual([]);
    expect(seen).toEqual({ 'served-by': 'texts', leading: 'first', trailing: 'last' });
  });

  it('tells errors of instances, in streams and without', async () => {
    await textBackend(harness, {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        const metadata = new grpc.Metadata();
        metadata.set('why', 'because');
        done({ code: grpc.status.ABORTED, details: 'no — 5 %', metadata });
      },
    });
    const client = connect(protocol, version);

    const unary = await failureOf(client.unary({ text: 'x' }));
    const stream = await failureOf(textsOf(client.serverStream({ text: 'fail' })));

    expect([unary.code, unary.rawMessage]).toEqual([Code.Aborted, 'no — 5 %']);
    expect(unary.metadata.get('why')).toBe('because');
    expect([stream.code, stream.rawMessage]).toEqual([Code.FailedPrecondition, 'no — 5 %']);
    expect(stream.metadata.get('why')).toBe('because');
  });

  it('tells refusals of the gateway with their details', async () => {
    const client = connect(protocol, version);
    // The gateway has heard of the registry, and of no service.
    harness.view.set();

    const unary = await failureOf(client.unary({ text: 'x' }));
    const stream = await failureOf(textsOf(client.serverStream({ text: '1 x' })));

    for (const error of [unary, stream]) {
      expect(error.code).toBe(Code.Unimplemented);
      expect(error.rawMessage).toContain('no registered service serves test.Echo');
      const [detail] = error.details as { type: string; value: Uint8Array }[];
      expect(detail?.type).toBe('google.rpc.ErrorInfo');
      const info = rpc.ErrorInfo.decode(detail?.value ?? new Uint8Array());
      expect(info.reason).toBe('SERVICE_UNKNOWN');
    }
  });

  it('hands deadlines on and keeps them', async () => {
    const backend = await textBackend(harness, { Unary: () => undefined });
    const client = connect(protocol, version);

    const error = await failureOf(client.unary({ text: 'x' }, { timeoutMs: 150 }));
    await client.look({ text: 'x' }, { timeoutMs: 20_000 });

    expect(error.code).toBe(Code.DeadlineExceeded);
    const [deadline] = backend.deadlines as number[];
    expect(deadline).toBeGreaterThan(Date.now() + 10_000);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 20_000);
    expect(await harness.metrics.text()).toMatch(
      /calls_total\{grpc_service="test.Echo",code="(DEADLINE_EXCEEDED|CANCELLED)"\} 1/,
    );
  });

  it('tells instances of clients that go away', async () => {
    const backend = await textBackend(harness, {
      Unary: (call: UnaryCall) => void backend.note(call),
    });
    const client = connect(protocol, version);
    const leaving = new AbortController();

    const unary = failureOf(client.unary({ text: 'x' }, { signal: leaving.signal }));
    const stream = failureOf(
      textsOf(client.serverStream({ text: `100000 ${large}` }, { signal: leaving.signal })),
    );
    await eventually(() => backend.calls === 2, 'both calls have come');
    leaving.abort();
    await Promise.all([unary, stream]);

    await eventually(() => backend.cancelled === 2, 'both are cancelled');
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
  });

  it('passes compressed messages as they are', async () => {
    const backend = await textBackend(
      harness,
      {},
      { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip },
    );
    const client = connect(protocol, version, {
      sendCompression: compressionGzip,
      acceptCompression: [compressionGzip],
      compressMinBytes: 10,
    });

    expect((await client.unary({ text: large })).text).toBe(large);
    expect((await client.unary({ text: '' })).text).toBe('');
    expect(await textsOf(client.serverStream({ text: `2 ${large}` }))).toEqual([large, large]);
    expect((await client.clientStream(sending(large, 'b'))).text).toBe(`${large} b`);
    // grpc-js takes the headers of compression for itself; that of the request says what it could have answered with.
    expect(backend.calls).toBe(4);
  });
});

describe('a stream in both directions over HTTP/2', () => {
  it.each(['Connect', 'gRPC-Web'] as const)('answers while it is asked, with %s', async (name) => {
    await textBackend(harness);
    const answers: string[] = [];
    let answered: () => void = () => undefined;

    async function* asking(): AsyncGenerator<Text> {
      for (const text of ['a', 'b', 'c']) {
        const next = new Promise<void>((resolve) => (answered = resolve));
        yield create(textMessage, { text }) as unknown as Text;
        await next;
      }
    }
    for await (const { text } of connect(name, '2').bidi(asking())) {
      answers.push(text);
      answered();
    }

    expect(answers).toEqual(['a', 'b', 'c']);
  });
});

describe('Connect by GET', () => {
  it.each(['1.1', '2'] as const)(
    'calls a method without side effects, over HTTP/%s',
    async (version) => {
      const backend = await textBackend(harness);
      const client = connect('Connect', version, { useHttpGet: true });
      await schemaIsKnown();

      expect((await client.look({ text: 'hé & +?' })).text).toBe('hé & +?');
      expect(backend.metadata[0]?.get('content-length')).toEqual([]);
    },
  );

  it('calls no other', async () => {
    const backend = await textBackend(harness);
    await schemaIsKnown();
    const url = `http://${harness.gateway.address}/test.Echo/Unary?encoding=proto&message=`;

    const answer = await fetch(url);

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await answer.text()).toContain('NO_SIDE_EFFECTS');
    expect(backend.calls).toBe(0);
  });

  it.each([
    ['message=aGk&base64=1&compression=gzip&connect=v2', 400, 'connect: must be v1'],
    ['message=a!b&base64=1', 400, 'message: must be base64'],
    ['message=%0A%02hi', 200, '\n\u0002hi'],
    ['message=Cgl%C3%A9&base64=1', 400, 'message: must be base64'],
    ['message=CgJoaQ%3D%3D&base64=1&connect=v1', 200, '\n\u0002hi'],
  ])('understands %s', async (query, status, body) => {
    await textBackend(harness);
    await schemaIsKnown();
    const url = `http://${harness.gateway.address}/test.Echo/Look?encoding=proto&${query}`;

    const answer = await fetch(url);

    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(body);
  });

  /** Until the gateway has learnt what the backend reflects. */
  async function schemaIsKnown(): Promise<void> {
    const url = `http://${harness.gateway.address}/test.Echo/Look?encoding=proto&message=`;
    let status = 0;
    while (status !== 200) status = (await fetch(url)).status;
    for (const backend of harness.backends) backend.calls = 0;
    for (const backend of harness.backends) backend.metadata.splice(0);
  }
});

describe('messages that are held whole', () => {
  it.each(['1.1', '2'] as const)(
    'have a limit in both directions, over HTTP/%s',
    async (version) => {
      await harness.close();
      harness = await Harness.start({ httpMessageBytesMax: 1024 });
      const backend = await textBackend(harness, {
        Look: (_call: UnaryCall, done: UnaryDone) => done(null, encodeText('y'.repeat(2000))),
      });
      const client = connect('Connect', version);

      // Two bytes of tag and two of length.
      const fits = 'x'.repeat(1021);
      const request = await failureOf(client.unary({ text: `${fits}x` }));
      const response = await failureOf(client.look({ text: '' }));

      expect((await client.unary({ text: fits })).text).toBe(fits);
      for (const error of [request, response]) expect(error.code).toBe(Code.ResourceExhausted);
      expect(request.rawMessage).toContain('request message bytes is 1024');
      expect(response.rawMessage).toContain('response message bytes is 1024');
      expect(backend.calls).toBe(1);
      await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
    },
  );

  it('are compressed or nothing', async () => {
    await textBackend(harness);

    const answer = await fetch(`http://${harness.gateway.address}/test.Echo/Unary`, {
      method: 'POST',
      headers: { 'content-type': 'application/proto', 'content-encoding': 'gzip' },
    });

    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('are refused when a method streams', async () => {
    await textBackend(harness);
    const call = (path: string, body: Buffer) =>
      fetch(`http://${harness.gateway.address}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/proto' },
        body: new Uint8Array(body),
      });

    const none = await call('/test.Echo/ServerStream', encodeText('0 x'));
    const several = await call('/test.Echo/ServerStream', encodeText('2 x'));
    const one = await call('/test.Echo/ServerStream', encodeText('1 x'));

    expect([none.status, several.status, one.status]).toEqual([501, 501, 200]);
    expect(await none.text()).toContain('no message');
    expect(await several.text()).toContain('several messages');
  });
});
