import * as grpc from '@grpc/grpc-js';
import { collect, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { eventually } from './support/harness';
import { RawBackend } from './support/raw-http2';
import { ruleOf, TrafficGateway } from './support/traffic';

let gateway: TrafficGateway;
afterEach(() => gateway.close());

const mirrored = (settings = ''): string =>
  `{ type: RequestMirror, requestMirror: { backendRef: { name: v2 }${settings} } }`;
const toV1 = (filters: string): string =>
  ruleOf(`filters: [${filters}], backendRefs: [{ name: v1 }]`);
const outcome = (name: string): string => `mirrored_calls_total{service="v2",outcome="${name}"}`;

describe('a mirror', () => {
  it('gets a marked copy of each call, with the same deadline and headers, and its answer is dropped', async () => {
    gateway = await TrafficGateway.start(
      toV1(
        `${mirrored()}, { type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-more, value: '1' }] } }`,
      ),
    );
    const client = gateway.harness.client();

    const answer = await client.unary('hello', { deadline: Date.now() + 20_000 });
    await gateway.counted(outcome('ok'), 1);

    const [original, copy] = [gateway.backend('v1'), gateway.backend('v2')];
    expect(answer.trailers.get('served-by')).toEqual(['v1']);
    expect(answer.messages.map(String)).toEqual(['hello']);
    expect([original.calls, copy.calls]).toEqual([1, 1]);
    expect(original.metadata[0]?.get('x-raftway-mirrored')).toEqual([]);
    expect(copy.metadata[0]?.get('x-raftway-mirrored')).toEqual(['true']);
    expect(copy.metadata[0]?.get('x-more')).toEqual(['1']);
    const leftMs = Number(copy.deadlines[0]) - Date.now();
    expect(leftMs).toBeGreaterThan(10_000);
    expect(leftMs).toBeLessThanOrEqual(20_000);
  });

  it('gets a stream of requests as its parts pass, and its end', async () => {
    const parts: string[] = [];
    let ended = false;
    gateway = await TrafficGateway.start(toV1(mirrored()), {
      v1: {},
      v2: {
        Bidi: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
          call.on('data', (part: Buffer) => parts.push(part.toString()));
          call.on('end', () => {
            ended = true;
            call.end();
          });
        },
      },
    });
    const call = gateway.harness.client().bidi();
    const answers = collect(call);

    call.write(Buffer.from('one'));
    await eventually(() => parts.length === 1, 'the first part is at the mirror');
    call.write(Buffer.from('two'));
    await eventually(() => parts.length === 2, 'the second part is at the mirror');
    expect(ended).toBe(false);
    call.end();

    expect((await answers).messages.map(String)).toEqual(['one', 'two']);
    await eventually(() => ended, 'the end is at the mirror');
    expect(parts).toEqual(['one', 'two']);
  });

  it.each([
    [', percent: 0', 0],
    [', percent: 30', 30],
    [', fraction: { numerator: 1, denominator: 4 }', 25],
  ])('with %s gets its share', async (settings, percent) => {
    gateway = await TrafficGateway.start(toV1(mirrored(settings)));
    const client = gateway.harness.client();
    const count = 300;

    await Promise.all(Array.from({ length: count }, () => client.unary('x')));

    const copies = (): number => gateway.backend('v2').calls;
    const wanted = (percent / 100) * count;
    // The numbers are the same in each run; three standard deviations are 24 calls.
    await eventually(() => Math.abs(copies() - wanted) <= 24, `about ${wanted} copies`);
    expect(gateway.backend('v1').calls).toBe(count);
    if (percent === 0) expect(copies()).toBe(0);
  });

  it('may be one of several, and calls that are copies already are not copied again', async () => {
    gateway = await TrafficGateway.start(toV1(`${mirrored()}, ${mirrored().replace('v2', 'v3')}`), {
      v1: {},
      v2: {},
      v3: {},
    });
    const client = gateway.harness.client();
    const metadata = new grpc.Metadata();
    metadata.set('x-raftway-mirrored', 'true');

    await client.unary('copy', { metadata });
    await client.unary('original');
    const copies = (): number[] => ['v2', 'v3'].map((name) => gateway.backend(name).calls);
    await eventually(() => copies().every((calls) => calls > 0), 'both have their copies');

    expect(copies()).toEqual([1, 1]);
    expect(gateway.backend('v1').calls).toBe(2);
  });

  it.each([
    ['fails', 'failed', { v1: {}, v2: { Unary: fail } }, ['v1', 'v2']],
    ['is not there', 'unreachable', { v1: {} }, ['v1']],
  ] as const)('that %s makes no difference to the call', async (_what, name, instances, there) => {
    gateway = await TrafficGateway.start(toV1(mirrored()), instances);
    gateway.register(...there);
    const client = gateway.harness.client();

    const answers = [await client.unary('x'), await client.unary('x')];

    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    await gateway.counted(outcome(name), 2);
    expect(await gateway.count('endpoints_ejected')).toBe(0);
    expect(await gateway.count('retries_total{service="v2",cause="connect"}')).toBe(0);
  });

  it('that cannot be connected to is left out for a while, and no call goes round it', async () => {
    gateway = await TrafficGateway.start(toV1(mirrored()));
    gateway.backend('v2').stop();
    const client = gateway.harness.client();

    const answers = [await client.unary('x'), await client.unary('x')];

    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    await gateway.counted(outcome('unreachable'), 2);
    expect(await gateway.count('endpoints_set_aside')).toBe(0);
  });

  it('gets nothing of a call that the gateway refuses', async () => {
    let open: UnaryDone | undefined;
    gateway = await TrafficGateway.start(
      toV1(mirrored()),
      { v1: { Unary: (_call: UnaryCall, done: UnaryDone) => (open = done) }, v2: {} },
      { backendRequestsMax: 1 },
    );
    const client = gateway.harness.client();
    const first = client.unary('x');
    await eventually(() => open !== undefined, 'the only place is taken');

    const second = await client.unary('x');
    open?.(null, Buffer.from('y'));

    expect(second.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect((await first).code).toBe(0);
    await gateway.counted(outcome('ok'), 1);
    expect(gateway.backend('v2').calls).toBe(1);
  });

  it('is cancelled with its call', async () => {
    const never = (call: UnaryCall): void => gateway.backend('v2').note(call);
    const hanging = { Unary: (call: UnaryCall) => gateway.backend('v1').note(call) };
    gateway = await TrafficGateway.start(toV1(mirrored()), { v1: hanging, v2: { Unary: never } });
    const { client } = gateway.harness.client();
    const same = (bytes: Buffer): Buffer => bytes;
    const call = client.makeUnaryRequest(
      '/test.Echo/Unary',
      same,
      same,
      Buffer.from('x'),
      () => undefined,
    );
    await eventually(() => gateway.backend('v2').calls === 1, 'the copy is there');

    call.cancel();

    await gateway.counted(outcome('cancelled'), 1);
    await eventually(() => gateway.backend('v2').cancelled === 1, 'the mirror was told');
  });
});

describe('#5 memory, and #8 shutdown', () => {
  it('a mirror that does not keep up with a large request is dropped, and the call is not held up', async () => {
    gateway = await TrafficGateway.start(toV1(mirrored()), { v1: {} });
    const stuck = await new RawBackend((stream) => void stream.pause()).start();
    gateway.registerAnd({ v2: stuck.address }, 'v1');
    const client = gateway.harness.client();
    const part = Buffer.alloc(65_536);

    const bytes = await new Promise<string>((resolve, reject) => {
      const call = client.clientStream((error, value) =>
        error === null ? resolve(String(value)) : reject(error),
      );
      for (let count = 0; count < 64; count += 1) call.write(part);
      call.end();
    });

    expect(Number(bytes)).toBe(64 * part.length);
    await gateway.counted(outcome('slow'), 1);
    await eventually(() => stuck.resets.length === 1, 'the mirror was told');
    await stuck.stop();
  });

  it('a mirror that never answers does not hold up the end of the gateway', async () => {
    gateway = await TrafficGateway.start(
      toV1(mirrored()),
      { v1: {}, v2: { Unary: (call: UnaryCall) => gateway.backend('v2').note(call) } },
      { drainTimeoutMs: 60_000 },
    );
    await gateway.harness.client().unary('x');
    await eventually(() => gateway.backend('v2').calls === 1, 'the copy is there');
    const startedMs = performance.now();

    await gateway.harness.gateway.stop();

    expect(performance.now() - startedMs).toBeLessThan(30_000);
    await gateway.counted(outcome('lost'), 1);
  });
});

describe('#11945 deadlines', () => {
  it('end a copy as they end its call', async () => {
    gateway = await TrafficGateway.start(toV1(mirrored()), { v1: {} });
    const stuck = await new RawBackend((stream) => void stream.resume()).start();
    gateway.registerAnd({ v2: stuck.address }, 'v1');

    const { code } = await gateway.harness.client().unary('x', { deadline: Date.now() + 400 });

    expect(code).toBe(0);
    await gateway.counted(outcome('late'), 1);
    await eventually(() => stuck.resets.length === 1, 'the mirror was told');
    await stuck.stop();
  });
});

function fail(_call: UnaryCall, done: UnaryDone): void {
  done({ code: grpc.status.INTERNAL, details: 'broken' });
}
