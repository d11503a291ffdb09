import * as fc from 'fast-check';
import * as http2 from 'node:http2';
import { collect } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';
import {
  flag,
  frame,
  headers,
  preface,
  RawPeer,
  RawServer,
  setting,
  type,
} from '@raftway/http2/testing';
import { echoUnary, rawCall, RawBackend } from './support/raw-http2';

const grpcHeaders = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start();
  await harness.backend();
  harness.registerAll();
});

afterEach(() => harness.close());

describe('with peers on node:http2', () => {
  it.each([
    ['windows of one byte', 1, 3000],
    ['tiny windows', 37, 20_000],
    ['default windows', 65_535, 1_000_000],
    ['huge windows', 2 ** 31 - 1, 1_000_000],
  ])('messages pass through %s, both ways', async (_name, initialWindowSize, bytes) => {
    const backend = await new RawBackend(echoUnary, { initialWindowSize }).start();
    harness.view.set(instanceOf(backend.address));
    const session = http2.connect(`http://${harness.gateway.address}`, {
      settings: { initialWindowSize },
    });
    const body = Buffer.alloc(bytes, 'some bytes');
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.Echo/Unary',
      'content-type': 'application/grpc',
    });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);

    await new Promise((resolve) => stream.on('close', resolve));

    expect(Buffer.concat(chunks).equals(body)).toBe(true);
    expect(harness.gateway.bufferedBytes).toBe(0);
    session.destroy();
    await backend.stop();
  });

  it('header lists that need CONTINUATION pass in both directions, with all octets that values may have', async () => {
    const octets = String.fromCharCode(
      ...Array.from({ length: 256 }, (_, code) => code).filter((code) => code > 32 && code !== 127),
    );
    const value = octets.repeat(100);
    const backend = await new RawBackend((stream) => {
      stream.respond([':status', '200', 'content-type', 'application/grpc', 'x-large', value], {
        waitForTrailers: true,
      });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-end': value }));
      stream.end();
    }).start();
    harness.view.set(instanceOf(backend.address));

    const answer = await rawCall(harness.gateway.address, Buffer.alloc(5), [
      ...grpcHeaders,
      ['x-request', value],
      ['x-octets', octets],
    ]);

    const [request = []] = backend.requests;
    expect(request[request.indexOf('x-request') + 1]).toBe(value);
    expect(request[request.indexOf('x-octets') + 1]).toBe(octets);
    expect(answer.headers[answer.headers.indexOf('x-large') + 1]).toBe(value);
    expect(answer.trailers).toEqual(['grpc-status', '0', 'x-end', value]);
    await backend.stop();
  });

  it('any header table size is respected', async () => {
    for (const headerTableSize of [0, 50, 4096, 65_536]) {
      const backend = await new RawBackend(echoUnary, { headerTableSize }).start();
      harness.view.set(instanceOf(backend.address));
      for (let call = 0; call < 5; call += 1)
        expect((await rawCall(harness.gateway.address, Buffer.alloc(5), grpcHeaders)).rstCode).toBe(
          0,
        );
      await backend.stop();
    }
  });
});

describe('with grpc-js', () => {
  it('a thousand calls at once on one connection, of all kinds', async () => {
    const client = harness.client();

    const outcomes = await Promise.all([
      ...Array.from({ length: 900 }, (_, index) => client.unary(`call ${index}`)),
      ...Array.from({ length: 50 }, () => collect(client.serverStream('20x1000'))),
      ...Array.from({ length: 50 }, () => {
        const call = client.bidi();
        for (let message = 0; message < 10; message += 1) call.write(Buffer.alloc(2000));
        call.end();
        return collect(call);
      }),
    ]);

    expect(outcomes.every(({ code }) => code === 0)).toBe(true);
    expect(outcomes[77]?.messages.map(String)).toEqual(['call 77']);
    expect(harness.gateway.bufferedBytes).toBe(0);
  });
});

describe('with garbage', () => {
  const anyFrame = fc
    .tuple(fc.nat(10), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 30 }))
    .map(([kind, flags, streamId, payload]) => frame(kind, flags, streamId, payload));
  const goodFrame = fc.nat(4).map((call) => headers(1 + 2 * call));
  const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw));
  const script = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: anyFrame },
      { weight: 4, arbitrary: goodFrame },
      { weight: 1, arbitrary: bytes },
    ),
    { maxLength: 20 },
  );

  it('from clients: nothing breaks, hangs or stays', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (frames) => {
        const peer = await RawPeer.silent(harness.gateway.address);
        peer.send(
          preface,
          frame(type.settings, 0, 0),
          frame(type.settings, flag.ack, 0),
          ...frames,
        );
        await new Promise((resolve) => setTimeout(resolve, 2));
        peer.destroy();
      }),
      { numRuns: 300 },
    );

    expect((await harness.client().unary('still served')).code).toBe(0);
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
    const text = await harness.metrics.text();
    expect(text).toMatch(/raftway_gateway_client_streams 0/);
  });

  it('from instances: calls fail, and nothing breaks, hangs or stays', async () => {
    let frames: Buffer[] = [];
    const server = await new RawServer((peer) => {
      void peer
        .first(({ kind }) => kind === type.headers)
        .then(() => {
          peer.send(...frames, frame(type.settings, 0, 0, setting(4, 10)));
          setTimeout(() => peer.destroy(), 5);
        })
        .catch(() => undefined);
    }).start();
    harness.view.set(instanceOf(server.address));
    const client = harness.client();
    await fc.assert(
      fc.asyncProperty(script, async (made) => {
        frames = made;
        expect((await client.unary('x')).code).not.toBe(0);
      }),
      { numRuns: 100 },
    );

    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
    await server.stop();
  });
});
