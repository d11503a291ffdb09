import type * as grpc from '@grpc/grpc-js';
import { health } from '@raftway/contracts';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { collect, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { errorInfo, eventually, Harness } from './support/harness';
import { rawCall } from './support/raw-http2';

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start({ prefaceTimeoutMs: 200 });
});

afterEach(async () => {
  await harness.close();
});

/** Sends bytes and yields all that comes back until the end of the connection. */
function exchange(address: string, bytes: string | Buffer): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), host);
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
    socket.write(bytes);
  });
}

const frame = Buffer.from([0, 0, 0, 0, 1, 120]);
const grpcHeaders = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

describe('the one port', () => {
  it('tells gRPC clients that come over HTTP/1.1 what is needed', async () => {
    const answer = await exchange(
      harness.gateway.address,
      'POST /test.Echo/Unary HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\n\r\n',
    );

    expect(answer).toMatch(/^HTTP\/1.1 426 Upgrade Required/);
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('gRPC needs HTTP/2');
  });

  it('answers /livez over HTTP/1.1', async () => {
    const answer = await exchange(
      harness.gateway.address,
      'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );

    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('accepts a preface that comes byte by byte', async () => {
    const [host = '', port = ''] = harness.gateway.address.split(':');
    const socket = net.connect(Number(port), host);
    const settings = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));

    expect((await settings)[3]).toBe(4);
    socket.destroy();
  });

  it.each([
    ['garbage', Buffer.from([0x16, 3, 1, 2, 0, 1, 0])],
    ['lower case words', Buffer.from('hello there\r\n')],
    ['half a preface and then something else', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX')],
    [
      'a preface and then no frames',
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame at all, really not'),
    ],
  ])('closes connections that send %s, and goes on', async (_name, bytes) => {
    await exchange(harness.gateway.address, bytes);

    const backend = await harness.backend();
    harness.registerAll();
    expect((await harness.client().unary('x')).code).toBe(0);
    expect(backend.calls).toBe(1);
  });

  it('closes connections that say nothing', async () => {
    const before = performance.now();

    await exchange(harness.gateway.address, '');

    expect(performance.now() - before).toBeGreaterThan(150);
    expect(await harness.metrics.text()).toContain('refused_connections_total{cause="slow"} 1');
  });

  it('takes no more connections than it may', async () => {
    const small = await Harness.start({ connectionsMax: 1 });
    const client = small.client();
    await client.unary('x');

    const answer = await exchange(small.gateway.address, 'GET /livez HTTP/1.1\r\n\r\n');

    expect(answer).toBe('');
    await small.close();
  });
});

describe('requests that are no gRPC calls', () => {
  it.each([
    ['another method', { ':method': 'PUT' }, 'application/grpc', '405'],
    ['another content type', {}, 'text/html', '415'],
    ['gRPC-Web by GET', { ':method': 'GET' }, 'application/grpc-web+proto', '405'],
  ])('with %s get an HTTP status', async (_name, pseudo, contentType, status) => {
    const answer = await rawCall(
      harness.gateway.address,
      frame,
      [['content-type', contentType]],
      pseudo,
    );

    expect(answer.headers.slice(0, 2)).toEqual([':status', status]);
    expect(answer.body.toString()).toContain(`"status":${status}`);
  });

  it('are answered without a body where HTTP wants none', async () => {
    const { address } = harness.gateway;
    const head = await rawCall(address, Buffer.alloc(0), [], { ':method': 'HEAD' });
    const alive = { ':method': 'GET', ':path': '/livez' };

    expect([...head.headers.slice(0, 2), head.body.length]).toEqual([':status', '404', 0]);
    expect((await rawCall(address, Buffer.alloc(0), [], alive)).body.toString()).toBe('ok\n');
  });

  it.each([
    'test.Echo/Unary',
    '//test.Echo/Unary',
    '/test.Echo/Unary/',
    '/test.Echo/Un%61ry',
    '/test.Echo/Unary?x=1',
    '/test..Echo/Unary',
    '/test.Echo//Unary',
    '/../test.Echo/Unary',
    '/',
  ])('with the path %s are refused and never routed', async (path) => {
    const backend = await harness.backend();
    harness.registerAll();

    const answer = await rawCall(harness.gateway.address, frame, grpcHeaders, { ':path': path });

    if (answer.headers.length > 0)
      expect(answer.headers).toEqual(expect.arrayContaining(['grpc-status', '12']));
    else expect(answer.rstCode).not.toBe(0);
    expect(backend.calls).toBe(0);
  });
});

describe('limits', () => {
  it('refuse further streams on a connection without harm to the open ones', async () => {
    const small = await Harness.start({ connectionStreamsMax: 2 });
    const backend = await small.backend();
    small.registerAll();
    const session = http2.connect(`http://${small.gateway.address}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));

    expect(session.remoteSettings.maxConcurrentStreams).toBe(2);
    session.destroy();
    expect(backend.calls).toBe(0);
    await small.close();
  });

  it('close a connection that resets streams as fast as it opens them', async () => {
    const strict = await Harness.start({ streamResetBurst: 50, streamResetsPerSecond: 10 });
    await strict.backend();
    strict.registerAll();
    const session = http2.connect(`http://${strict.gateway.address}`);
    session.on('error', () => undefined);
    const closed = new Promise((resolve) => session.once('close', resolve));
    await new Promise((resolve) => session.once('remoteSettings', resolve));

    for (let round = 0; round < 100 && !session.closed && !session.destroyed; round += 1) {
      for (let one = 0; one < 5; one += 1) {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/test.Echo/Bidi',
          'content-type': 'application/grpc',
        });
        stream.on('error', () => undefined);
        stream.close(8);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }

    await closed;
    expect((await strict.client().unary('x')).code).toBe(0);
    await strict.close();
  });

  it('keep quiet calls open while idle connections are closed', async () => {
    const brief = await Harness.start({ connectionIdleMs: 1000 });
    const backend = await brief.backend();
    brief.registerAll();
    const idle = http2.connect(`http://${brief.gateway.address}`);
    idle.on('error', () => undefined);
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const call = brief.client().bidi();
    const first = new Promise<Buffer>((resolve) => call.once('data', resolve));
    call.write(Buffer.from('x'));
    await first;

    await idleClosed;

    const second = new Promise<Buffer>((resolve) => call.once('data', resolve));
    call.write(Buffer.from('still here'));
    expect((await second).toString()).toBe('still here');
    const end = collect(call);
    call.end();
    expect((await end).code).toBe(0);
    expect(backend.calls).toBe(1);
    await brief.close();
  });
});

describe('health', () => {
  const check = (
    service: string,
    path = 'Check',
  ): Promise<{ code: number; status: number | undefined; trailers: grpc.Metadata }> =>
    harness
      .client()
      .unary(Buffer.from(health.HealthCheckRequest.encode({ service }).finish()), {
        path: `/grpc.health.v1.Health/${path}`,
      })
      .then(({ code, messages: [message], trailers }) => ({
        code,
        trailers,
        status:
          message === undefined ? undefined : health.HealthCheckResponse.decode(message).status,
      }));

  it("of '' says whether the gateway can take part", async () => {
    expect(await check('')).toMatchObject({ code: 0, status: 2 });

    harness.view.set();

    expect(await check('')).toMatchObject({ code: 0, status: 1 });
  });

  it('of a service says whether it has a live instance', async () => {
    await harness.backend();
    harness.registerAll();
    expect(await check('test.Echo')).toMatchObject({ status: 1 });
    expect(await check('echo')).toMatchObject({ status: 1 });

    harness.view.set();

    expect(await check('test.Echo')).toMatchObject({ status: 2 });
    const unknown = await check('no.Such');
    expect([unknown.code, errorInfo(unknown.trailers)?.reason]).toEqual([5, 'SERVICE_NOT_FOUND']);
  });

  it('lists everything', async () => {
    await harness.backend();
    harness.registerAll();

    const { messages } = await harness.client().unary('', { path: '/grpc.health.v1.Health/List' });

    expect(health.HealthListResponse.decode(messages[0] ?? Buffer.alloc(0)).statuses).toEqual({
      '': { status: 1 },
      'test.Echo': { status: 1 },
    });
  });

  it('is pushed to watchers at every change', async () => {
    harness.view.set();
    const call = harness.client().client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      (value: Buffer) => value,
      (value: Buffer) => health.HealthCheckResponse.decode(value).status,
      Buffer.from(health.HealthCheckRequest.encode({ service: 'test.Echo' }).finish()),
    );
    call.on('error', () => undefined);
    const seen: number[] = [];
    call.on('data', (status: number) => seen.push(status));
    await eventually(() => seen.length === 1, 'the first status');
    await harness.backend();

    harness.registerAll();
    await eventually(() => seen.length === 2, 'serving');
    harness.view.set();
    await eventually(() => seen.length === 3, 'not serving');

    expect(seen).toEqual([3, 1, 2]);
    call.cancel();
  });

  it('has no other methods', async () => {
    const { code, trailers } = await check('', 'Nothing');

    expect([code, errorInfo(trailers)?.reason]).toEqual([12, 'METHOD_UNKNOWN']);
  });
});

describe('draining', () => {
  it('under load fails no call, and open streams finish', async () => {
    const slow = {
      Unary: (call: UnaryCall, done: UnaryDone) =>
        void setTimeout(() => done(null, call.request), 5),
    };
    await harness.backend('a', slow);
    await harness.backend('b', slow);
    harness.registerAll();
    const other = await Harness.start();
    other.view.set(...harness.view.instances('echo'));
    const clients = Array.from({ length: 4 }, () => harness.client());
    const stream = harness.client().bidi();
    const first = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from('x'));
    await first;
    const accepted = clients.flatMap((client) =>
      Array.from({ length: 50 }, () => client.unary('x')),
    );
    await eventually(
      () => harness.backends.some(({ server }) => server !== undefined),
      'calls are on their way',
    );
    await Promise.race(accepted);

    const stopped = harness.gateway.stop();
    const outcomes = await Promise.all(accepted);
    const rest = collect(stream);
    stream.write(Buffer.from('y'));
    stream.end();

    expect(outcomes.filter(({ code }) => code !== 0)).toEqual([]);
    expect(await rest).toMatchObject({ code: 0 });
    await stopped;
    await other.close();
  });

  it('ends what does not end in time with GATEWAY_STOPPING, on both sides', async () => {
    const impatient = await Harness.start({ drainTimeoutMs: 100 });
    const backend = await impatient.backend('a', {
      Unary: (call: UnaryCall) => backend.note(call),
    });
    impatient.registerAll();
    const unanswered = impatient.client().unary('x');
    const stream = impatient.client().bidi();
    const first = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from('x'));
    await first;
    const end = collect(stream);
    await eventually(() => backend.calls === 2, 'both calls are at the instance');

    await impatient.gateway.stop();

    for (const outcome of [await end, await unanswered]) {
      expect(outcome.code).toBe(14);
      expect(errorInfo(outcome.trailers)).toMatchObject({ reason: 'GATEWAY_STOPPING' });
    }
    await eventually(() => backend.cancelled === 2, 'the instance was told');
    await impatient.close();
  });

  it('answers a question that is left open at its own services the same way', async () => {
    const impatient = await Harness.start({ drainTimeoutMs: 100 });
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream = impatient.client().bidi({}, path);
    const first = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from([0x3a, 0])); // list_services
    await first;
    const end = collect(stream);

    await impatient.gateway.stop();

    const { trailers } = await end;
    expect(errorInfo(trailers)).toMatchObject({ reason: 'GATEWAY_STOPPING' });
    await impatient.close();
  });
});
