import * as grpc from '@grpc/grpc-js';
import { collect, type EchoBackend, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { rawCall, RawBackend } from './support/raw-http2';
import { errorInfo, eventually, Harness } from './support/harness';

let harness: Harness;
let backend: EchoBackend;

beforeEach(async () => {
  harness = await Harness.start();
  backend = await harness.backend();
  harness.registerAll();
});

afterEach(async () => {
  await harness.close();
});

describe('the gateway passes through', () => {
  it('a unary call', async () => {
    const outcome = await harness.client().unary('hello');

    expect(outcome.code).toBe(0);
    expect(outcome.messages.map(String)).toEqual(['hello']);
    expect(outcome.trailers.get('served-by')).toEqual(['a']);
  });

  it('a client stream', async () => {
    const total = await new Promise((resolve, reject) => {
      const call = harness
        .client()
        .clientStream((error, value) => (error ? reject(error) : resolve(value?.toString())));
      for (let message = 0; message < 1000; message += 1) call.write(Buffer.alloc(100));
      call.end();
    });

    expect(total).toBe('100000');
  });

  it('a server stream of 1000 messages', async () => {
    const outcome = await collect(harness.client().serverStream('1000x100'));

    expect(outcome.code).toBe(0);
    expect(outcome.messages).toHaveLength(1000);
    expect(outcome.messages.every((message) => message.length === 100)).toBe(true);
  });

  it('a bidirectional stream whose sides wait for each other', async () => {
    const call = harness.client().bidi();
    const received: string[] = [];

    for (let turn = 0; turn < 20; turn += 1) {
      const answer = new Promise<Buffer>((resolve) => call.once('data', resolve));
      call.write(Buffer.from(`turn ${turn}`));
      received.push((await answer).toString());
    }
    const end = collect(call);
    call.end();

    expect((await end).code).toBe(0);
    expect(received).toEqual(Array.from({ length: 20 }, (_, turn) => `turn ${turn}`));
  });

  it('messages of several megabytes, both ways, byte by byte', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024);
    for (let index = 0; index < body.length; index += 1) body[index] = (index * 31) & 255;

    const outcome = await harness.client().unary(body);

    expect(outcome.code).toBe(0);
    expect(outcome.messages[0]?.equals(body)).toBe(true);
    expect(harness.gateway.bufferedBytes).toBe(0);
  });

  it('an empty message', async () => {
    const outcome = await harness.client().unary('');

    expect([outcome.code, outcome.messages[0]?.length]).toEqual([0, 0]);
  });

  it('metadata of the request, text and binary, with its order and repetitions', async () => {
    const metadata = new grpc.Metadata();
    metadata.add('x-text', 'one');
    metadata.add('x-text', 'two, three');
    metadata.add('x-raw-bin', Buffer.from([0, 255, 1, 128]));
    metadata.add('x-raw-bin', Buffer.from('second'));
    metadata.add('user-agent', 'mine');

    await harness.client().unary('x', { metadata });

    const [received] = backend.metadata;
    expect(received?.get('x-text')).toEqual(['one, two, three']);
    expect(received?.get('x-raw-bin')).toEqual([
      Buffer.from([0, 255, 1, 128]),
      Buffer.from('second'),
    ]);
    expect(received?.get('user-agent')[0]).toContain('grpc-node-js');
    expect(received?.get('x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  it('leading metadata and trailers of the response', async () => {
    const other = await harness.backend('b', {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        const leading = new grpc.Metadata();
        leading.add('x-lead', 'l1');
        leading.add('x-lead-bin', Buffer.from([9, 8, 7]));
        call.sendMetadata(leading);
        const trailing = new grpc.Metadata();
        trailing.add('x-trail-bin', Buffer.from([1, 2]));
        trailing.add('x-trail-bin', Buffer.from([3]));
        trailing.add('x-trail', 'ä is sent as latin1'.replace('ä', 'a'));
        done(null, call.request, trailing);
      },
    });
    harness.register(other);

    const outcome = await harness.client().unary('x');

    expect(other.calls).toBe(0);
    expect(outcome.initial.get('x-lead')).toEqual(['l1']);
    expect(outcome.initial.get('x-lead-bin')).toEqual([Buffer.from([9, 8, 7])]);
    expect(outcome.trailers.get('x-trail-bin')).toEqual([Buffer.from([1, 2]), Buffer.from([3])]);
    expect(outcome.trailers.get('x-trail')).toEqual(['a is sent as latin1']);
  });

  it('an error with a message beyond ASCII and its details, without leading headers', async () => {
    const failing = await harness.backend('b', {
      Unary: (_call: UnaryCall, done: UnaryDone) => {
        const metadata = new grpc.Metadata();
        metadata.set('grpc-status-details-bin', Buffer.from([8, 9, 18, 1, 120]));
        done({ code: grpc.status.FAILED_PRECONDITION, details: 'nein, 100% größer\n', metadata });
      },
    });
    harness.register(failing);

    const outcome = await harness.client().unary('x');

    expect([outcome.code, outcome.details]).toEqual([9, 'nein, 100% größer\n']);
    expect(outcome.trailers.get('grpc-status-details-bin')).toEqual([
      Buffer.from([8, 9, 18, 1, 120]),
    ]);
  });

  it('compressed messages', async () => {
    const body = Buffer.alloc(50_000, 7);
    const client = harness.client({
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });

    const outcome = await client.unary(body);

    expect(outcome.code).toBe(0);
    expect(outcome.messages[0]?.equals(body)).toBe(true);
  });

  it('compression flags, encodings, content types and the order of headers, on the wire', async () => {
    const raw = await new RawBackend((stream) => {
      stream.on('data', (chunk: Buffer) => {
        stream.respond(
          [
            ':status',
            '200',
            'content-type',
            'application/grpc+json',
            'grpc-encoding',
            'br',
            'b',
            '1',
            'a',
            '2',
            'b',
            '3',
          ],
          { waitForTrailers: true },
        );
        stream.end(chunk);
      });
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': '0', z: ['1', '2'], y: '3' }),
      );
    }).start();
    harness.view.set(instanceOf(raw.address));
    const frame = Buffer.from([1, 0, 0, 0, 2, 42, 43]);

    const answer = await rawCall(harness.gateway.address, frame, [
      ['content-type', 'application/grpc+json'],
      ['te', 'trailers'],
      ['grpc-encoding', 'br'],
      ['grpc-accept-encoding', 'br,identity'],
      ['x', '1'],
      ['w-bin', 'AAE'],
      ['x', '2'],
      ['user-agent', 'mine/1'],
      ['x-forwarded-for', '6.6.6.6'],
    ]);

    expect(raw.requests[0]?.slice(8)).toEqual([
      'content-type',
      'application/grpc+json',
      'te',
      'trailers',
      'grpc-encoding',
      'br',
      'grpc-accept-encoding',
      'br,identity',
      'x',
      '1',
      'w-bin',
      'AAE',
      'x',
      '2',
      'user-agent',
      'mine/1',
      'x-forwarded-for',
      '127.0.0.1',
    ]);
    expect(answer.body.equals(frame)).toBe(true);
    expect(answer.headers).toEqual(
      expect.arrayContaining(['grpc-encoding', 'br', 'content-type', 'application/grpc+json']),
    );
    expect(answer.headers.join(' ')).toContain('b 1 a 2 b 3');
    expect(answer.trailers).toEqual(['grpc-status', '0', 'z', '1', 'z', '2', 'y', '3']);
    await raw.stop();
  });
});

describe('deadlines', () => {
  // grpc-js would give up by itself at a deadline of its own.
  const timeout = (value: string): grpc.Metadata => {
    const metadata = new grpc.Metadata();
    metadata.set('grpc-timeout', value);
    return metadata;
  };

  it('are passed on, shortened by the time already spent', async () => {
    const before = Date.now();

    await harness.client().unary('x', { deadline: before + 10_000 });

    const received = new Date(backend.deadlines[0] as Date).getTime();
    expect(received).toBeGreaterThan(before + 8000);
    expect(received).toBeLessThanOrEqual(Date.now() + 10_000);
  });

  it('are enforced by the gateway when the instance does not answer, and the instance is told', async () => {
    const silent = await new RawBackend(() => undefined).start();
    harness.view.set(instanceOf(silent.address));

    const outcome = await harness.client().unary('x', { metadata: timeout('150m') });

    expect(outcome.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(errorInfo(outcome.trailers)?.reason).toBe('DEADLINE_EXCEEDED');
    await eventually(() => silent.resets.length === 1, 'the instance sees the reset');
    expect(silent.resets).toEqual([8]);
    await silent.stop();
  });

  it('that are over before an instance could answer are answered at once, and no instance is asked', async () => {
    const raw = await new RawBackend(() => undefined).start();
    harness.view.set(instanceOf(raw.address));
    await harness.client().unary('x', { metadata: timeout('100m') });

    const outcome = await harness.client().unary('x', { metadata: timeout('99u') });
    await harness.client().unary('x', { metadata: timeout('100m') });

    await raw.stop();

    expect(errorInfo(outcome.trailers)?.reason).toBe('DEADLINE_EXCEEDED');
    expect(raw.requests).toHaveLength(2);
  });

  it('that are malformed are refused', async () => {
    const outcome = await harness.client().unary('x', { metadata: timeout('150x') });

    expect(errorInfo(outcome.trailers)?.reason).toBe('TIMEOUT_MALFORMED');
  });

  it('shorter than the maximum win, and longer ones are cut to it', async () => {
    const limited = await Harness.start({ timeoutMaxMs: 5000 });
    limited.view.set(...harness.view.instances('echo'));
    const before = Date.now();

    await limited.client().unary('x', { deadline: before + 1000 });
    await limited.client().unary('x', { deadline: before + 60_000 });

    const [short, long] = backend.deadlines.map(
      (deadline) => new Date(deadline as Date).getTime() - before,
    );
    expect(short).toBeLessThan(1100);
    expect(long).toBeGreaterThan(4000);
    expect(long).toBeLessThan(6000);
    await limited.close();
  });

  it('leave nothing behind when calls end in time', async () => {
    const client = harness.client();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => client.unary('x', { deadline: Date.now() + 5000 })),
    );

    expect(outcomes.every(({ code }) => code === 0)).toBe(true);
  });
});

describe('cancellation', () => {
  it('by the client reaches the instance as RST_STREAM(CANCEL)', async () => {
    const silent = await new RawBackend((stream) => void stream.resume()).start();
    harness.view.set(instanceOf(silent.address));
    const call = harness.client().bidi();
    call.on('error', () => undefined);
    call.write(Buffer.from('x'));
    await eventually(() => silent.requests.length === 1, 'the call has arrived');

    call.cancel();

    await eventually(() => silent.resets.length === 1, 'the instance sees the reset');
    expect(silent.resets).toEqual([8]);
    await silent.stop();
  });

  it('by the instance reaches the client as a status', async () => {
    const call = harness.client().bidi();
    const outcome = collect(call);
    call.write(Buffer.from('x'));
    await eventually(() => backend.calls === 1, 'the call has arrived');

    backend.stop();

    const { code, trailers } = await outcome;
    expect([grpc.status.UNAVAILABLE, grpc.status.CANCELLED]).toContain(code);
    expect(errorInfo(trailers)?.reason).toMatch(/^UPSTREAM_(LOST|RESET)$/);
  });
});

describe('backpressure', () => {
  it('holds a bounded number of bytes for a client that does not read', async () => {
    const call = harness.client().serverStream('400x65536');
    await eventually(() => harness.gateway.bufferedBytes > 0, 'the answer has begun to arrive');
    let most = 0;
    for (let sample = 0; sample < 50; sample += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      most = Math.max(most, harness.gateway.bufferedBytes);
    }

    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2 * 262_144 + 65_536);
    const outcome = await collect(call);
    expect([outcome.code, outcome.messages.length]).toEqual([0, 400]);
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held after the call');
  });

  it('holds a bounded number of bytes for an instance that does not read', async () => {
    const deaf = await harness.backend('deaf', {
      Bidi: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => void call.pause(),
    });
    harness.register(deaf);
    const call = harness.client().bidi();
    call.on('error', () => undefined);
    for (let message = 0; message < 400; message += 1) call.write(Buffer.alloc(65_536));
    await eventually(() => harness.gateway.bufferedBytes > 0, 'bytes are held');
    let most = 0;
    for (let sample = 0; sample < 30; sample += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      most = Math.max(most, harness.gateway.bufferedBytes);
    }

    expect(most).toBeLessThanOrEqual(2 * 262_144 + 65_536);
    call.cancel();
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held after the call');
  });

  it('lets go of what an instance has not read when it answers', async () => {
    const ends: number[] = [];
    const early = await new RawBackend((stream) => {
      stream.once('close', () => ends.push(stream.rstCode));
      stream.once('data', () => {
        stream.pause();
        // By then the client's whole request is at the gateway.
        setTimeout(() => {
          stream.respond({ ':status': 200, 'grpc-status': '0' });
          stream.end();
        }, 200);
      });
    }).start();
    harness.view.set(instanceOf(early.address));

    await rawCall(harness.gateway.address, Buffer.alloc(200_000), [
      ['content-type', 'application/grpc'],
    ]);

    await eventually(() => ends.length === 1, 'the stream to the instance is closed');
    expect(ends).toEqual([8]);
    expect(harness.gateway.bufferedBytes).toBe(0);
    await early.stop();
  });
});
