import * as grpc from '@grpc/grpc-js';
import { registry } from '@raftway/contracts';
import { type ServerHttp2Stream } from 'node:http2';
import * as net from 'node:net';
import { collect, EchoBackend } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually, Harness } from './support/harness';
import { echoUnary, RawBackend } from './support/raw-http2';

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start();
});

afterEach(async () => {
  await harness.close();
});

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

describe('picking an instance', () => {
  it('spreads calls evenly by round robin', async () => {
    const backends = [
      await harness.backend('a'),
      await harness.backend('b'),
      await harness.backend('c'),
    ];
    harness.registerAll();
    const client = harness.client();

    for (let call = 0; call < 30; call += 1) await client.unary('x');

    expect(backends.map(({ calls }) => calls)).toEqual([10, 10, 10]);
  });

  it('follows the weights when asked to', async () => {
    const weighted = await Harness.start({ loadBalancing: 'weighted' });
    const heavy = await weighted.backend('heavy');
    const light = await weighted.backend('light');
    weighted.view.set(
      instanceOf(heavy.address, { instanceId: 'heavy', weight: 300 }),
      instanceOf(light.address, { instanceId: 'light', weight: 100 }),
    );
    const client = weighted.client();

    for (let call = 0; call < 40; call += 1) await client.unary('x');

    expect([heavy.calls, light.calls]).toEqual([30, 10]);
    await weighted.close();
  });

  it('uses a new instance from the next call on', async () => {
    const first = await harness.backend('a');
    harness.registerAll();
    const client = harness.client();
    await client.unary('x');
    const second = await harness.backend('b');

    harness.registerAll();
    await client.unary('x');
    await client.unary('x');

    expect([first.calls, second.calls]).toEqual([2, 1]);
  });

  it.each(['DRAINING', 'NOT_SERVING'] as const)(
    'sends nothing new to an instance that is %s, and lets its open calls finish',
    async (status) => {
      const leaving = await harness.backend('a');
      const staying = await harness.backend('b');
      harness.register(leaving);
      const client = harness.client();
      const open = client.bidi();
      const ended = collect(open);
      const echo = (): Promise<string> =>
        new Promise((resolve) => open.once('data', (data: Buffer) => resolve(data.toString())));
      const answer = echo();
      open.write(Buffer.from('before'));
      expect(await answer).toBe('before');

      harness.view.set(
        instanceOf(leaving.address, { instanceId: 'a', status: registry.InstanceStatus[status] }),
        instanceOf(staying.address, { instanceId: 'b' }),
      );
      await client.unary('x');

      expect([leaving.calls, staying.calls]).toEqual([1, 1]);
      const later = echo();
      open.write(Buffer.from('after'));
      expect(await later).toBe('after');
      open.end();
      expect((await ended).code).toBe(0);
    },
  );
});

describe('an instance that cannot be reached', () => {
  it('is left out, and the call goes to another one', async () => {
    const alive = await harness.backend('alive');
    harness.view.set(
      instanceOf(await deadAddress(), { instanceId: 'dead' }),
      instanceOf(alive.address),
    );
    const client = harness.client();

    const outcomes = [];
    for (let call = 0; call < 10; call += 1) outcomes.push(await client.unary('x'));

    expect(outcomes.map(({ code }) => code)).toEqual(Array(10).fill(0));
    expect(alive.calls).toBe(10);
    expect(await harness.metrics.text()).toContain('raftway_gateway_endpoints_set_aside 1');
  });

  it('is tried again and used when it is back', async () => {
    const alive = await harness.backend('alive');
    const address = await deadAddress();
    harness.view.set(instanceOf(address, { instanceId: 'back' }), instanceOf(alive.address));
    const client = harness.client();
    await client.unary('x');
    await client.unary('x');

    const back = new EchoBackend('back');
    harness.backends.push(await back.start(Number(address.split(':')[1])));

    await eventually(() => {
      void client.unary('x');
      return back.calls > 0;
    }, 'the instance gets calls again');
  });

  it('is said to be unreachable when it is the only one; nothing was sent', async () => {
    harness.view.set(instanceOf(await deadAddress()));

    const { code, trailers, details } = await harness.client().unary('x');

    expect(code).toBe(grpc.status.UNAVAILABLE);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'INSTANCES_UNREACHABLE',
      metadata: { service: 'echo', attempts: '1' },
    });
    expect(details).toContain('ECONNREFUSED');
  });

  it('is given up after the connect timeout when it accepts and says nothing', async () => {
    const sockets: net.Socket[] = [];
    const mute = net.createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const impatient = await Harness.start({ connectTimeoutMs: 100 });
    const alive = await impatient.backend('alive');
    const address = `127.0.0.1:${(mute.address() as net.AddressInfo).port}`;
    impatient.view.set(
      instanceOf(address, { instanceId: '0' }),
      instanceOf(alive.address, { instanceId: '1' }),
    );
    const client = impatient.client();

    const outcomes = await Promise.all([client.unary('x'), client.unary('x')]);

    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    await impatient.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it('loses its calls without a second try when the connection breaks after they were sent', async () => {
    const raw = await new RawBackend((_stream, _headers, session) => session.destroy()).start();
    const other = await harness.backend('other');
    harness.view.set(
      instanceOf(raw.address, { instanceId: '0' }),
      instanceOf(other.address, { instanceId: '1' }),
    );
    const client = harness.client();

    const outcomes = [await client.unary('x'), await client.unary('x')];

    expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 14]);
    expect(outcomes.map(({ trailers }) => errorInfo(trailers)?.reason)).toContain('UPSTREAM_LOST');
    expect(other.calls).toBe(1);
    await raw.stop();
  });
});

describe('an instance that refuses a call unread', () => {
  it.each([['with REFUSED_STREAM', (stream: ServerHttp2Stream) => stream.close(7)]])(
    '%s is left for another one, which gets all of the request',
    async (_name, refuse) => {
      const raw = await new RawBackend(refuse).start();
      const other = await harness.backend('other');
      harness.view.set(
        instanceOf(raw.address, { instanceId: '0' }),
        instanceOf(other.address, { instanceId: '1' }),
      );
      const client = harness.client();

      const outcomes = [];
      for (let call = 0; call < 4; call += 1)
        outcomes.push(await client.unary('the whole request'));

      expect(outcomes.map(({ code, messages }) => [code, String(messages[0])])).toEqual(
        Array(4).fill([0, 'the whole request']),
      );
      expect(other.calls).toBe(4);
      expect(raw.requests.length).toBeGreaterThan(0);
      await raw.stop();
    },
  );

  it('after a while of waiting is left as often as that happens', async () => {
    let held = 0;
    const raw = await new RawBackend((stream) => {
      held += 1;
      // Longer than an instance that does not want a call takes to say so.
      if (held <= 3) setTimeout(() => stream.close(7), 1_100);
      else echoUnary(stream);
    }).start();
    harness.view.set(instanceOf(raw.address, { instanceId: '0' }));

    expect(await harness.client().unary('x')).toMatchObject({ code: 0 });
    expect(held).toBe(4);
    await raw.stop();
  });

  it('after a while of waiting may be asked again when all others did the same', async () => {
    let held = 0;
    const handsOn = (stream: ServerHttp2Stream): void => {
      held += 1;
      if (held <= 3) setTimeout(() => stream.close(7), 1_100);
      else echoUnary(stream);
    };
    const one = await new RawBackend(handsOn).start();
    const other = await new RawBackend(handsOn).start();
    harness.view.set(
      instanceOf(one.address, { instanceId: '0' }),
      instanceOf(other.address, { instanceId: '1' }),
    );

    expect(await harness.client().unary('x')).toMatchObject({ code: 0 });
    expect([one.requests.length, other.requests.length]).toEqual([2, 2]);
    await one.stop();
    await other.stop();
  });

  it('and its neighbour too gives UNAVAILABLE after the second', async () => {
    const raw = await new RawBackend((stream) => stream.close(7)).start();
    harness.view.set(instanceOf(raw.address, { instanceId: '0' }));

    const { code, trailers } = await harness.client().unary('x');

    expect(code).toBe(grpc.status.UNAVAILABLE);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'UPSTREAM_RESET',
      metadata: { http2_error: 'REFUSED_STREAM' },
    });
    expect(raw.requests.length).toBe(2);
    await raw.stop();
  });

  it('is not replaced when the request was larger than what is kept', async () => {
    const raw = await new RawBackend((stream) => {
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > 200_000) stream.close(7);
      });
    }).start();
    const other = await harness.backend('other');
    harness.view.set(
      instanceOf(raw.address, { instanceId: '0' }),
      instanceOf(other.address, { instanceId: '1' }),
    );
    const client = harness.client();

    const outcomes = [
      await client.unary(Buffer.alloc(400_000)),
      await client.unary(Buffer.alloc(400_000)),
    ];

    expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 14]);
    expect(other.calls).toBe(1);
    await raw.stop();
  });
});

describe('resets by an instance', () => {
  it.each([
    [8, grpc.status.CANCELLED],
    [2, grpc.status.INTERNAL],
    [11, grpc.status.RESOURCE_EXHAUSTED],
    [12, grpc.status.PERMISSION_DENIED],
  ])('with HTTP/2 error %d become status %d', async (code, status) => {
    const raw = await new RawBackend((stream) => stream.close(code)).start();
    harness.view.set(instanceOf(raw.address));

    const outcome = await harness.client().unary('x');

    expect(outcome.code).toBe(status);
    await raw.stop();
  });
});

describe('connections to an instance', () => {
  it('are opened one by one when its stream limit is reached, and calls beyond all of them wait', async () => {
    const limited = await Harness.start({ upstreamConnectionsMax: 2 });
    const waiting: (() => void)[] = [];
    const raw = await new RawBackend(
      (stream) => {
        waiting.push(() => echoUnary(stream));
        stream.pause();
      },
      { maxConcurrentStreams: 2 },
    ).start();
    limited.view.set(instanceOf(raw.address));
    const client = limited.client();

    const calls = Array.from({ length: 5 }, () => client.unary('x'));
    await eventually(() => waiting.length === 4, 'four calls are open');

    expect(raw.sessions.size).toBe(2);
    for (const release of waiting) release();
    await eventually(() => waiting.length === 5, 'the fifth call is open');
    waiting[4]?.();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    await limited.close();
    await raw.stop();
  });

  it('that say GOAWAY get no new calls, and no call fails', async () => {
    let calls = 0;
    const raw = await new RawBackend((stream, _headers, session) => {
      calls += 1;
      if (calls % 10 === 0) session.close();
      echoUnary(stream);
    }).start();
    harness.view.set(instanceOf(raw.address));
    const client = harness.client();
    const codes: number[] = [];

    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let call = 0; call < 50; call += 1) codes.push((await client.unary('x')).code);
      }),
    );

    expect(codes.filter((code) => code !== 0)).toEqual([]);
    expect(codes).toHaveLength(400);
    await raw.stop();
  });
});

describe('services that cannot be reached', () => {
  it('before the registry has answered give REGISTRY_UNAVAILABLE', async () => {
    const { code, trailers } = await harness.client().unary('x');

    expect([code, errorInfo(trailers)?.reason]).toEqual([14, 'REGISTRY_UNAVAILABLE']);
  });

  it('that nobody has registered are UNIMPLEMENTED and named', async () => {
    harness.view.set();

    const { code, details, trailers } = await harness
      .client()
      .unary('x', { path: '/no.Such/Method' });

    expect([code, details]).toEqual([12, 'no registered service serves no.Such']);
    expect(errorInfo(trailers)).toEqual({
      reason: 'SERVICE_UNKNOWN',
      domain: 'raftway',
      metadata: { grpc_service: 'no.Such' },
    });
  });

  it('without a live instance stay UNAVAILABLE and say since when', async () => {
    const backend = await harness.backend();
    harness.registerAll();
    const client = harness.client();
    await client.unary('x');

    harness.view.set();
    const { code, trailers, details } = await client.unary('x');

    expect(code).toBe(14);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'NO_LIVE_INSTANCE',
      metadata: { service: 'echo', grpc_service: 'test.Echo' },
    });
    expect(details).toMatch(
      /^no live instance of echo, which serves test.Echo, since 20\d\d-.*Z \(\d+ s\)$/,
    );
    expect(backend.calls).toBe(1);
  });

  it.each([
    ['raftway.raft.v1.RaftPeerService', 'SERVICE_NOT_ROUTED'],
    ['raftway.raft.v1.RaftAdminService', 'SERVICE_NOT_ROUTED'],
    ['raftway.gateway.v1.GatewayAdminService', 'SERVICE_NOT_ROUTED'],
  ])('%s is never routed by name, even when registered', async (name, reason) => {
    const backend = await harness.backend();
    harness.view.set(instanceOf(backend.address, { grpcServices: [name, 'test.Echo'] }));

    const { code, trailers } = await harness.client().unary('x', { path: `/${name}/GetStatus` });

    expect([code, errorInfo(trailers)?.reason]).toEqual([12, reason]);
  });
});
