import { type ServerHttp2Stream } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { collect, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';
import { RawBackend } from './support/raw-http2';

/*
 * What a gRPC service may do, at the edges of what clients and servers that are not ours allow. What is usual is in pass-through.spec.ts, the cases that all
 * implementations share in grpc-interop.spec.ts.
 */

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Sends back what it gets, as it comes. */
function echo(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.pipe(stream);
}

function ended(call: grpc.ClientDuplexStream<Buffer, Buffer>): typeof call {
  call.end();
  return call;
}

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start();
});

afterEach(async () => {
  await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
  await harness.close();
});

describe('64 KiB of metadata', () => {
  const roomy = { 'grpc.max_metadata_size': 256 * KIBIBYTE };

  /** So many values that have so many bytes together, names not counted. */
  function metadataOf(count: number): grpc.Metadata {
    const metadata = new grpc.Metadata();
    for (let at = 0; at < count; at += 1)
      metadata.set(`x-value-${at}`, String(at % 10).repeat(Math.floor((64 * KIBIBYTE) / count)));
    return metadata;
  }

  it.each([
    ['in one value', 1],
    ['in a hundred values', 100],
  ])('%s passes with the request, in front of the answer and behind it', async (_name, count) => {
    const sent = metadataOf(count);
    let received = new grpc.Metadata();
    await harness.backend(
      'a',
      {
        Unary: (call: UnaryCall, done: UnaryDone) => {
          received = call.metadata;
          call.sendMetadata(sent);
          done(null, call.request, sent);
        },
      },
      roomy,
    );
    harness.registerAll();

    const { code, initial, trailers } = await harness.client(roomy).unary('x', { metadata: sent });

    expect(code).toBe(0);
    for (const metadata of [received, initial, trailers])
      expect(metadata.getMap()).toMatchObject(sent.getMap());
  });
});

describe('messages', () => {
  it('of 4 MiB pass between clients and servers with their defaults', async () => {
    await harness.backend('a', {}, { 'grpc.max_receive_message_length': 4 * MEBIBYTE });
    harness.registerAll();
    const client = harness.client({ 'grpc.max_receive_message_length': 4 * MEBIBYTE });

    const { code, messages } = await client.unary(Buffer.alloc(4 * MEBIBYTE, 1));

    expect([code, messages[0]?.length]).toEqual([0, 4 * MEBIBYTE]);
  });

  it('of 64 MiB pass when both of them allow it, in bounded memory', async () => {
    await harness.backend();
    harness.registerAll();
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, harness.gateway.bufferedBytes)), 2);

    const { code, messages } = await harness.client().unary(Buffer.alloc(64 * MEBIBYTE, 1));

    clearInterval(timer);
    expect([code, messages[0]?.length]).toEqual([0, 64 * MEBIBYTE]);
    expect(most).toBeLessThan(2 * MEBIBYTE);
  });

  it('above what the instance allows are refused by it, in its words', async () => {
    await harness.backend('a', {}, { 'grpc.max_receive_message_length': 1000 });
    harness.registerAll();

    const { code, details } = await harness.client().unary(Buffer.alloc(2000));

    expect(code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(details).toContain('1000');
  });
});

describe('deadlines of 1 ms', () => {
  it('end every call in time, and leave nothing behind', async () => {
    const sleeping = await new RawBackend((stream) => void stream.resume()).start();
    harness.view.set(instanceOf(sleeping.address));
    const client = harness.client();

    const outcomes = await Promise.all(
      Array.from({ length: 300 }, () => client.unary('x', { deadline: Date.now() + 1 })),
    );

    expect(new Set(outcomes.map(({ code }) => code))).toEqual(
      new Set([grpc.status.DEADLINE_EXCEEDED]),
    );
    await eventually(
      () => sleeping.resets.length === sleeping.requests.length,
      'the instance is told of every call that reached it',
    );
    expect(await harness.metrics.text()).toMatch(/raftway_gateway_client_streams 0/);
    await sleeping.stop();
  });
});

describe('cancelling', () => {
  let backend: RawBackend;
  let open: number;

  beforeEach(async () => {
    open = 0;
    backend = await new RawBackend((stream) => {
      open += 1;
      stream.once('close', () => (open -= 1));
      echo(stream);
    }).start();
    harness.view.set(instanceOf(backend.address));
  });
  afterEach(() => backend.stop());

  /** How far a call gets before it is cancelled. */
  const moments: [
    string,
    (call: grpc.ClientDuplexStream<Buffer, Buffer>) => Promise<unknown> | void,
  ][] = [
    ['before anything is sent', () => undefined],
    ['when the headers are sent', () => eventually(() => open === 1, 'the call is there')],
    ['with a message on its way', (call) => void call.write(Buffer.alloc(10))],
    [
      'with more on its way than all windows take',
      async (call) => {
        call.pause();
        for (let at = 0; at < 64; at += 1) call.write(Buffer.alloc(64 * KIBIBYTE));
        await eventually(() => harness.gateway.bufferedBytes > 0, 'something is held');
      },
    ],
    [
      'after the first answer',
      async (call) => {
        call.write(Buffer.alloc(10));
        await new Promise((resolve) => call.once('data', resolve));
      },
    ],
    [
      'after the end of the request',
      (call) => {
        call.write(Buffer.alloc(10));
        call.end();
      },
    ],
  ];

  it.each(moments)('%s ends the call on both sides', async (_name, until) => {
    const call = harness.client().bidi();
    const end = collect(call);
    await until(call);

    call.cancel();

    expect((await end).code).toBe(grpc.status.CANCELLED);
    expect((await collect(ended(harness.client().bidi()))).code).toBe(0);
    await eventually(() => open === 0, 'the instance has no call open');
  });

  it('after any number of turns of the event loop does not leave a call behind', async () => {
    const client = harness.client();
    const codes: number[] = [];
    for (let turns = 0; turns < 60; turns += 1) {
      const call = client.bidi();
      const end = collect(call);
      call.write(Buffer.alloc(1000));
      call.end();
      for (let turn = 0; turn < turns; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
      call.cancel();
      codes.push((await end).code);
    }

    // The last ones had ended.
    expect([grpc.status.CANCELLED, grpc.status.OK]).toEqual(expect.arrayContaining(codes));
    expect(codes[0]).toBe(grpc.status.CANCELLED);
    await eventually(() => open === 0, 'the instance has no call open');
    expect(await harness.metrics.text()).toMatch(/raftway_gateway_client_streams 0/);
  });
});

describe('ten thousand streams', () => {
  it('are open at the same time, and each gets its own answers', async () => {
    const backends = await Promise.all(
      Array.from({ length: 3 }, () => new RawBackend(echo).start()),
    );
    harness.view.set(...backends.map(({ address }) => instanceOf(address)));
    const clients = Array.from({ length: 10 }, () => harness.client());

    const streams = clients.flatMap((client) => Array.from({ length: 1000 }, () => client.bidi()));
    const ends = streams.map((stream) => collect(stream));
    const answers = streams.map(
      (stream) => new Promise<Buffer>((resolve) => stream.once('data', resolve)),
    );
    streams.forEach((stream, at) => stream.write(Buffer.from(`stream ${at}`)));
    const received = (await Promise.all(answers)).map(String);

    expect(received).toEqual(streams.map((_stream, at) => `stream ${at}`));
    expect(await harness.metrics.text()).toMatch(/raftway_gateway_client_streams 10000/);
    for (const stream of streams) stream.end();
    expect((await Promise.all(ends)).filter(({ code }) => code !== 0)).toEqual([]);
    await Promise.all(backends.map((one) => one.stop()));
  }, 120_000);
});

describe('fifty readers that are slow', () => {
  it('get everything in the end, and little is held for each', async () => {
    await harness.backend();
    harness.registerAll();
    const client = harness.client();
    const calls = Array.from({ length: 50 }, () => client.serverStream('10x65536'));
    await eventually(() => harness.gateway.bufferedBytes > 50 * 65_536, 'the answers have begun');

    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, harness.gateway.bufferedBytes)), 2);
    const outcomes = await Promise.all(calls.map((call) => collect(call)));
    clearInterval(timer);

    expect(outcomes.map(({ code, messages }) => [code, messages.length])).toEqual(
      calls.map(() => [0, 10]),
    );
    expect(most).toBeLessThanOrEqual(50 * (262_144 + 65_536));
  });
});
