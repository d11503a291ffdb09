import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { flag, frame, headers, RawPeer, RawServer, type } from '@raftway/http2/testing';
import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { collect, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually, Harness } from './support/harness';
import { echoUnary, RawBackend } from './support/raw-http2';

/*
 * What users of gRPC proxies and of grpc-js complain about most, each with a test of its own here if it has none elsewhere:
 * docs/internals/complaints.md lists them all.
 */

const LAST_STREAM_ID = 2 ** 31 - 1;
const isPing = ({ kind, flags }: { kind: number; flags: number }): boolean =>
  kind === type.ping && (flags & flag.ack) === 0;

let harness: Harness;
afterEach(() => harness.close());

describe('#2 an idle connection that died silently', () => {
  it('to an instance ends its calls with UNAVAILABLE, and the next call goes over another one', async () => {
    let isDead = true;
    const instance = await new RawServer((peer) => {
      const dead = isDead;
      peer.socket.on('data', () => {
        for (const { kind, flags, streamId } of peer.frames.splice(0)) {
          if (dead) continue;
          if (kind === type.ping && flags === 0)
            peer.send(frame(type.ping, flag.ack, 0, Buffer.alloc(8)));
          if (kind === type.headers)
            peer.send(headers(streamId, [':status', '200', 'grpc-status', '0'], flag.endStream));
        }
      });
    }).start();
    harness = await Harness.start({ upstreamKeepaliveMs: 1000, keepaliveTimeoutMs: 500 });
    harness.view.set(instanceOf(instance.address));
    const client = harness.client();

    const lost = await client.unary('x');
    isDead = false;
    const next = await collect(client.serverStream(''));

    expect(lost.code).toBe(grpc.status.UNAVAILABLE);
    expect(errorInfo(lost.trailers)?.reason).toBe('UPSTREAM_LOST');
    expect(next.code).toBe(0);
    await instance.stop();
  });

  it('of a client is closed, and its calls at the instance are cancelled', async () => {
    harness = await Harness.start({ connectionKeepaliveMs: 1000, keepaliveTimeoutMs: 500 });
    const silent = await new RawBackend((stream) => void stream.resume()).start();
    harness.view.set(instanceOf(silent.address));
    const peer = await RawPeer.connect(harness.gateway.address);
    peer.send(headers(1));
    await eventually(() => silent.requests.length === 1, 'the call is there');

    await peer.first(isPing);

    await eventually(() => silent.resets.length === 1 && peer.closed, 'both sides are closed');
    await silent.stop();
  });
});

describe('#4 RESOURCE_EXHAUSTED', () => {
  it('says which limit was used up, what it is, and whose it is', async () => {
    harness = await Harness.start({ upstreamConnectionsMax: 1, upstreamWaitingMax: 2 });
    const waiting: (() => void)[] = [];
    const busy = await new RawBackend(
      (stream) => {
        stream.pause();
        waiting.push(() => echoUnary(stream));
      },
      { maxConcurrentStreams: 1 },
    ).start();
    harness.view.set(instanceOf(busy.address));
    const client = harness.client();
    const calls = [client.unary('x')];
    await eventually(() => waiting.length === 1, 'one call is open');
    calls.push(client.unary('x'), client.unary('x'));

    const { code, details, trailers } = await client.unary('one too many');

    expect([code, details]).toEqual([
      grpc.status.RESOURCE_EXHAUSTED,
      'calls waiting for one instance is 2 and used up',
    ]);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'UPSTREAM_QUEUE_FULL',
      domain: 'raftway',
      metadata: { field: 'calls waiting for one instance', limit: '2' },
    });
    // The others go on, one after the other.
    const timer = setInterval(() => waiting.shift()?.(), 5);
    expect((await Promise.all(calls)).map((outcome) => outcome.code)).toEqual([0, 0, 0]);
    clearInterval(timer);
    await busy.stop();
  });

  it('by an instance’s HTTP/2 is told from the gateway’s own', async () => {
    harness = await Harness.start();
    const strict = await new RawBackend((stream) => stream.close(11)).start();
    harness.view.set(instanceOf(strict.address));

    const { code, trailers } = await harness.client().unary('x');

    expect(code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'UPSTREAM_RESET',
      metadata: { service: 'echo', http2_error: 'ENHANCE_YOUR_CALM' },
    });
    await strict.stop();
  });
});

describe('#5 memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it('does not grow with calls of every kind, and with those that are cancelled, fail or are late', async () => {
    harness = await Harness.start();
    await harness.backend('a');
    harness.registerAll();
    const client = harness.client();
    const one = async (): Promise<void> => {
      const call = client.bidi();
      call.write(Buffer.alloc(100));
      await once(call, 'data');
      const end = collect(call);
      call.cancel();
      await Promise.all([
        end,
        client.unary('x'),
        client.unary('x', { deadline: Date.now() + 1 }),
        client.unary('x', { path: '/no.Such/Method' }),
        collect(client.serverStream('3x100')),
      ]);
      harness.backends[0]?.metadata.splice(0);
      harness.backends[0]?.deadlines.splice(0);
    };
    const heapAfter = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round += 1)
        await Promise.all(Array.from({ length: 10 }, one));
      await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await heapAfter(5);

    const before = await heapAfter(5);
    const after = await heapAfter(15);

    // 900 calls: a kilobyte or two that each left behind would be seen.
    expect(after - before).toBeLessThan(1_000_000);
  });
});

describe('#6 the price of a call', () => {
  it('is not a system call for each: those of one turn share their writes', async () => {
    let writes = 0;
    let calls = 0;
    const counting = await new RawServer((peer) => {
      peer.socket.on('data', () => {
        writes += 1;
        calls += peer.frames.splice(0).filter(({ kind }) => kind === type.headers).length;
      });
    }).start();
    harness = await Harness.start();
    harness.view.set(instanceOf(counting.address));
    const peer = await RawPeer.connect(harness.gateway.address);
    peer.send(headers(1));
    await eventually(() => calls >= 1, 'the connection is made');
    writes = 0;

    peer.send(...Array.from({ length: 40 }, (_unused, at) => headers(3 + 2 * at)));

    await eventually(() => calls >= 41, 'all calls are at the instance');
    expect(writes).toBeLessThanOrEqual(4);
    peer.destroy();
    await counting.stop();
  });
});

describe('#7 a call beyond the maximum of concurrent streams', () => {
  it('ends at its deadline when no stream becomes free, and says that it waited', async () => {
    harness = await Harness.start({ upstreamConnectionsMax: 1 });
    const busy = await new RawBackend((stream) => void stream.resume(), {
      maxConcurrentStreams: 1,
    }).start();
    harness.view.set(instanceOf(busy.address));
    const client = harness.client();
    const subscription = client.bidi();
    subscription.on('error', () => undefined);
    subscription.write(Buffer.from('x'));
    await eventually(() => busy.requests.length === 1, 'the only stream is taken');
    const metadata = new grpc.Metadata();
    metadata.set('grpc-timeout', '100m');

    const { code, details } = await client.unary('x', { metadata });

    expect(code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(details).toContain('waiting for a connection to an instance');
    expect(busy.requests).toHaveLength(1);
    subscription.cancel();
    await busy.stop();
  });
});

describe('#8 a graceful shutdown', () => {
  it('says GOAWAY in two steps: nothing new, then the last stream, once the client has answered a PING', async () => {
    harness = await Harness.start();
    await harness.backend('a', {
      Unary: (call: UnaryCall, done: UnaryDone) =>
        void setTimeout(() => done(null, call.request), 100),
    });
    harness.registerAll();
    const peer = await RawPeer.connect(harness.gateway.address);
    const goaways = (): number[] =>
      peer.frames
        .filter(({ kind }) => kind === type.goaway)
        .map(({ payload }) => payload.readUInt32BE(0));
    peer.send(headers(1));

    const stopped = harness.gateway.stop();
    await peer.first(({ kind }) => kind === type.goaway);
    const first = goaways();
    // It was sent before the client had read that.
    const path = '/test.Echo/Unary';
    const call = [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':path',
      path,
      'content-type',
      'application/grpc',
    ];
    peer.send(headers(3, call), frame(type.data, flag.endStream, 3, Buffer.from([0, 0, 0, 0, 0])));
    peer.send(frame(type.reset, 0, 1, Buffer.from([0, 0, 0, 8])));
    const { payload } = await peer.first(isPing);
    peer.send(frame(type.ping, flag.ack, 0, payload));
    await stopped;

    expect(first).toEqual([LAST_STREAM_ID]);
    expect(goaways()).toEqual([LAST_STREAM_ID, 3]);
    expect(peer.frames.some(({ kind, streamId }) => kind === type.data && streamId === 3)).toBe(
      true,
    );
  });
});

describe('#11 keepalive pings', () => {
  it('are sent on both hops, after the time that each is configured for', async () => {
    harness = await Harness.start({ connectionKeepaliveMs: 1000, upstreamKeepaliveMs: 1000 });
    const silent = await new RawServer(() => undefined).start();
    harness.view.set(instanceOf(silent.address));
    const peer = await RawPeer.connect(harness.gateway.address);

    peer.send(headers(1));

    await peer.first(isPing);
    await eventually(() => silent.peers.some(({ frames }) => frames.some(isPing)), 'the other hop');
    peer.destroy();
    await silent.stop();
  });

  it('of a client are answered, and cost its calls nothing', async () => {
    harness = await Harness.start();
    await harness.backend();
    harness.registerAll();
    const client = harness.client({
      'grpc.keepalive_time_ms': 20,
      'grpc.keepalive_timeout_ms': 500,
      'grpc.keepalive_permit_without_calls': 1,
    });
    const call = client.bidi();
    call.write(Buffer.from('x'));
    await once(call, 'data');
    const end = collect(call);

    // Thirty intervals.
    await new Promise((resolve) => setTimeout(resolve, 600));
    call.end();

    expect((await end).code).toBe(0);
  });
});
