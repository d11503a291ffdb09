import * as grpc from '@grpc/grpc-js';
import { collect, type EchoBackend, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually, Harness } from './support/harness';
import { echoUnary, RawBackend } from './support/raw-http2';

const { CANCELLED, INTERNAL, INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED, UNAVAILABLE } = grpc.status;

let harness: Harness | undefined;
const raws: RawBackend[] = [];

afterEach(async () => {
  for (const raw of raws.splice(0)) await raw.stop();
  await harness?.close();
  harness = undefined;
});

async function start(options: Parameters<typeof Harness.start>[0]): Promise<Harness> {
  harness = await Harness.start(options);
  return harness;
}

/** A backend whose unary calls end with what `codeOf` says of the first, second, … of them. */
function failing(
  codeOf: (call: number) => grpc.status,
  trailers?: Record<string, string>,
): { Unary: (call: UnaryCall, done: UnaryDone) => void; calls: grpc.Metadata[] } {
  const calls: grpc.Metadata[] = [];
  const Unary = (call: UnaryCall, done: UnaryDone): void => {
    calls.push(call.metadata);
    const code = codeOf(calls.length);
    if (code === OK) return done(null, call.request);
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(trailers ?? {})) metadata.set(name, value);
    done({ code, details: 'as the spec wants', metadata });
  };
  return { Unary, calls };
}

async function backendOf(
  name: string,
  { Unary }: ReturnType<typeof failing>,
): Promise<EchoBackend> {
  if (harness === undefined) throw new Error('start a harness first');
  return harness.backend(name, { Unary });
}

async function rawBackend(...args: ConstructorParameters<typeof RawBackend>): Promise<RawBackend> {
  const raw = await new RawBackend(...args).start();
  raws.push(raw);
  return raw;
}

const retryable = new grpc.Metadata();
retryable.set('raftway-retryable', 'true');

describe('an instance that fails more than the others', () => {
  it('is left out after ten calls when it fails half of them, two seconds at five calls a second, and comes back by itself', async () => {
    const { client, metrics } = await withClient({ outlierEjectionTimeMs: 2000 });
    let isSick = true;
    const sick = failing((call) => (isSick && call % 2 === 0 ? INTERNAL : OK));
    await backendOf('sick', sick);
    const well = await harness!.backend('well');
    harness!.registerAll();
    let failures = 0;
    while (!(await metrics.text()).includes('raftway_gateway_endpoints_ejected 1')) {
      const { code } = await client.unary('x');
      if (code === Number(INTERNAL)) failures += 1;
      expect(sick.calls.length).toBeLessThanOrEqual(10);
    }
    const before = [sick.calls.length, well.calls];
    isSick = false;
    for (let call = 0; call < 10; call += 1) expect((await client.unary('x')).code).toBe(OK);

    expect([sick.calls.length, well.calls]).toEqual([before[0], (before[1] ?? 0) + 10]);
    expect(failures).toBe(5);
    expect(await metrics.text()).toContain(
      'raftway_gateway_ejections_total{service="echo",cause="error_share"} 1',
    );
    await eventually(() => {
      void client.unary('x');
      return sick.calls.length > (before[0] ?? 0);
    }, 'it gets calls again');
    expect(await metrics.text()).toContain('raftway_gateway_endpoints_ejected 0');
  });

  it('is left out when its connections break under its calls', async () => {
    const { client, metrics } = await withClient({});
    const raw = await rawBackend((_stream, _headers, session) => session.destroy());
    const well = await harness!.backend('well');
    harness!.view.set(instanceOf(raw.address), instanceOf(well.address));

    for (let call = 0; call < 12; call += 1) await client.unary('x');

    expect(raw.requests).toHaveLength(5);
    expect(await metrics.text()).toContain('ejections_total{service="echo",cause="consecutive"} 1');
  });

  it('stays when all fail alike, and when the requests are to blame', async () => {
    const { client, metrics } = await withClient({});
    const backends = [failing(() => UNAVAILABLE), failing(() => UNAVAILABLE)] as const;
    await backendOf('a', backends[0]);
    await backendOf('b', backends[1]);
    harness!.registerAll();
    for (let call = 0; call < 40; call += 1) await client.unary('x');
    expect(backends.map(({ calls }) => calls.length)).toEqual([20, 20]);

    const picky = failing(() => INVALID_ARGUMENT);
    harness!.register(await backendOf('picky', picky), await harness!.backend('well'));
    for (let call = 0; call < 40; call += 1) await client.unary('x');

    expect(picky.calls).toHaveLength(20);
    expect(await metrics.text()).not.toContain('raftway_gateway_ejections_total{');
  });
});

describe('a limit of calls under way', () => {
  it('refuses what is beyond it, says which limit that is, and counts', async () => {
    const { client, metrics } = await withClient({ backendRequestsMax: 2 });
    const backend = await harness!.backend('a');
    harness!.registerAll();
    const open = [client.bidi(), client.bidi()];
    const ended = open.map((stream) => collect(stream));
    await eventually(() => backend.calls === 2, 'both are at the backend');

    const refused = await client.unary('x');

    expect(refused.code).toBe(RESOURCE_EXHAUSTED);
    expect(errorInfo(refused.trailers)).toMatchObject({
      reason: 'BACKEND_REQUESTS_FULL',
      metadata: {
        service: 'echo',
        field: 'requestsMax',
        limit: '2',
        owner: 'options of the gateway',
      },
    });
    expect(await metrics.text()).toContain(
      'raftway_gateway_backend_refusals_total{service="echo",cause="requests"} 1',
    );
    open[0]?.end();
    await ended[0];
    expect((await client.unary('x')).code).toBe(OK);
    expect(backend.calls).toBe(3);
    open[1]?.end();
    await ended[1];
  });

  it('lets some wait, in order, and forgets those that give up', async () => {
    const { client } = await withClient({
      ...{ backendRequestsMax: 1, backendPendingMax: 2, backendPendingTimeoutMs: 30_000 },
    });
    const backend = await harness!.backend('a');
    harness!.registerAll();
    const open = client.bidi();
    const ended = collect(open);
    await eventually(() => backend.calls === 1, 'the first is at the backend');
    const order: string[] = [];
    const second = client.unary('2').then(({ code }) => void order.push(`second ${code}`));
    const givesUp = client.bidi();
    const gaveUp = collect(givesUp);
    // The gateway reads one connection's calls in their order: this one is refused when both wait.
    const full = await client.unary('x');
    expect(errorInfo(full.trailers)).toMatchObject({
      reason: 'BACKEND_PENDING_FULL',
      metadata: { field: 'pendingMax', limit: '2' },
    });
    givesUp.cancel();
    expect((await gaveUp).code).toBe(CANCELLED);
    const third = client.unary('3').then(({ code }) => void order.push(`third ${code}`));
    expect(order).toEqual([]);

    open.end();
    await Promise.all([ended, second, third]);

    expect(order).toEqual(['second 0', 'third 0']);
    expect(backend.calls).toBe(3);
  });

  it('refuses who has waited long enough', async () => {
    const { client } = await withClient({
      ...{ backendRequestsMax: 1, backendPendingMax: 1, backendPendingTimeoutMs: 20 },
    });
    const backend = await harness!.backend('a');
    harness!.registerAll();
    const open = client.bidi();
    const ended = collect(open);
    await eventually(() => backend.calls === 1, 'the first is at the backend');

    const refused = await client.unary('x');

    expect(errorInfo(refused.trailers)).toMatchObject({
      reason: 'BACKEND_PENDING_TIMEOUT',
      metadata: { field: 'pendingTimeout', limit: '20ms' },
    });
    open.end();
    await ended;
  });
});

describe('a circuit breaker', () => {
  it('answers for a service that fails, and lets it be tried after a while', async () => {
    const { client } = await withClient({ breakerErrorPercent: 50, breakerOpenMs: 100 });
    let isSick = true;
    const service = failing(() => (isSick ? UNAVAILABLE : OK));
    await backendOf('a', service);
    harness!.registerAll();
    for (let call = 0; call < 10; call += 1) await client.unary('x');

    const refused = await client.unary('x');

    expect(refused.code).toBe(UNAVAILABLE);
    expect(errorInfo(refused.trailers)?.reason).toBe('BACKEND_CIRCUIT_OPEN');
    expect(service.calls).toHaveLength(10);
    isSick = false;
    let successes = 0;
    await eventually(() => {
      void client.unary('x').then(({ code }) => (successes += code === 0 ? 1 : 0));
      return successes > 10;
    }, 'it works again');
  });
});

describe('a call that may run twice', () => {
  const noEjection = { outlierEjectedPercentMax: 0 };

  it.each([
    ['its method is listed', { retryMethods: 'other.Service/*, test.Echo/Unary' }, undefined],
    ['its service is listed', { retryMethods: 'test.Echo/*' }, undefined],
    ['its client says so', {}, retryable],
  ])('is made again elsewhere when %s', async (_, options, metadata) => {
    const { client, metrics } = await withClient({ ...noEjection, ...options });
    const sick = failing(() => UNAVAILABLE);
    await backendOf('sick', sick);
    const well = await harness!.backend('well');
    harness!.registerAll();

    const outcomes = [];
    for (let call = 0; call < 4; call += 1)
      outcomes.push(await client.unary(`body ${call}`, metadata && { metadata }));

    expect(outcomes.map(({ messages }) => String(messages[0]))).toEqual(
      ['0', '1', '2', '3'].map((number) => `body ${number}`),
    );
    const { length } = sick.calls;
    expect(length).toBeGreaterThan(0);
    const attempts = well.metadata.map((one) => one.get('grpc-previous-rpc-attempts')[0]);
    expect(attempts.filter((one) => one === '1')).toHaveLength(length);
    expect(attempts.filter((one) => one === undefined)).toHaveLength(4 - length);
    expect(await metrics.text()).toContain(`retries_total{service="echo",cause="code"} ${length}`);
  });

  it('is made again when its connection breaks, and when its attempt takes too long', async () => {
    const { client, metrics } = await withClient({ ...noEjection, retryPerTryTimeoutMs: 50 });
    const breaking = await rawBackend((_stream, _headers, session) => session.destroy());
    const mute = await rawBackend(() => undefined);
    const well = await rawBackend(echoUnary);
    harness!.view.set(
      ...[breaking, mute, well].map(({ address }, index) =>
        instanceOf(address, { instanceId: String(index) }),
      ),
    );

    const outcomes = [];
    for (let call = 0; call < 3; call += 1)
      outcomes.push(await client.unary('x', { metadata: retryable }));

    expect(outcomes.map(({ code }) => code)).toEqual([OK, OK, OK]);
    expect(breaking.requests.length).toBeGreaterThan(0);
    await eventually(() => mute.resets.length === mute.requests.length, 'the mute one is told');
    expect(mute.resets.length).toBeGreaterThan(0);
    expect(await metrics.text()).toContain('retries_total{service="echo",cause="timeout"}');
  });

  it('is sent to each instance before one gets it again', async () => {
    const { client } = await withClient({
      ...{ ...noEjection, loadBalancing: 'random', retryAttemptsMax: 4 },
    });
    const sick = [1, 2, 3, 4].map(() => failing(() => UNAVAILABLE));
    for (const [index, one] of sick.entries()) await backendOf(`sick ${index}`, one);
    harness!.registerAll();

    await client.unary('x', { metadata: retryable });
    await client.unary('x', { metadata: retryable });

    expect(sick.map(({ calls }) => calls.length)).toEqual([2, 2, 2, 2]);
  });

  it.each([
    ['nobody says that it may', UNAVAILABLE, {}, 'x', new grpc.Metadata()],
    ['the code is not worth it', INTERNAL, {}, 'x', retryable],
    ['the server says not to', UNAVAILABLE, { 'grpc-retry-pushback-ms': '-1' }, 'x', retryable],
    ['the request is too large to be kept', UNAVAILABLE, {}, 'x'.repeat(500), retryable],
  ])('is made once when %s', async (_, code, trailers, body, metadata) => {
    const { client } = await withClient({ ...noEjection, retryBufferBytesMax: 100 });
    const sick = failing(() => code, trailers);
    await backendOf('sick', sick);
    harness!.registerAll();

    const outcome = await client.unary(body, { metadata });

    expect([outcome.code, outcome.details]).toEqual([code, 'as the spec wants']);
    expect(sick.calls).toHaveLength(1);
  });

  it('is made so many times, those of its caller included, and ends with the last answer', async () => {
    const { client } = await withClient({ ...noEjection, retryAttemptsMax: 4 });
    const sick = failing(() => UNAVAILABLE);
    await backendOf('sick', sick);
    harness!.registerAll();
    const again = retryable.clone();
    again.set('grpc-previous-rpc-attempts', '1');

    const outcome = await client.unary('x', { metadata: again });

    expect([outcome.code, outcome.details]).toEqual([UNAVAILABLE, 'as the spec wants']);
    expect(sick.calls.map((one) => one.get('grpc-previous-rpc-attempts'))).toEqual([
      ['1'],
      ['2'],
      ['3'],
    ]);
  });

  it('is not made again beyond the budget: a service that fails gets a fifth more calls, not twice as many', async () => {
    const { client, metrics } = await withClient({ ...noEjection, retryBudgetPerSecondMin: 0 });
    const sick = failing(() => UNAVAILABLE);
    await backendOf('sick', sick);
    harness!.registerAll();

    for (let call = 0; call < 50; call += 1) await client.unary('x', { metadata: retryable });

    expect(sick.calls).toHaveLength(60);
    expect(await metrics.text()).toMatch(
      /retries_refused_total\{service="echo",cause="budget"\} [1-9]/,
    );
  });

  it('counts as one call under way and one retry, however often it is made', async () => {
    const { client, metrics } = await withClient({
      ...{ ...noEjection, backendRequestsMax: 2, backendRetriesMax: 1 },
    });
    const held: UnaryDone[] = [];
    const backend = await harness!.backend('a', {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        const attempt = call.metadata.get('grpc-previous-rpc-attempts')[0];
        if (attempt === undefined) done({ code: UNAVAILABLE, details: 'as the spec wants' });
        else held.push(done);
      },
    });
    harness!.register(backend);
    const first = client.unary('1', { metadata: retryable });
    await eventually(() => held.length === 1, 'the first is made again');

    const second = await client.unary('2', { metadata: retryable });

    expect([second.code, second.details]).toEqual([UNAVAILABLE, 'as the spec wants']);
    expect(await metrics.text()).toContain('retries_refused_total{service="echo",cause="limit"} 1');
    held[0]?.(null, Buffer.from('done'));
    expect((await first).code).toBe(OK);
    const third = client.unary('3', { metadata: retryable });
    await eventually(() => held.length === 2, 'the place is free again');
    held[1]?.(null, Buffer.from('done'));
    expect((await third).code).toBe(OK);
  });
});

async function withClient(options: Parameters<typeof Harness.start>[0]) {
  const started = await start(options);
  return { client: started.client(), metrics: started.metrics };
}
