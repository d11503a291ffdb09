import * as grpc from '@grpc/grpc-js';
import { health } from '@raftway/contracts';
import { DocumentGateway, routeTo } from './support/document-gateway';
import {
  collect,
  type EchoBackend,
  type EchoClient,
  type UnaryCall,
  type UnaryDone,
} from './support/echo-backend';
import { errorInfo, eventually } from './support/harness';

const { CANCELLED, INTERNAL, OK, UNAVAILABLE } = grpc.status;

let gateway: DocumentGateway;

afterEach(async () => {
  await gateway.close();
});

/** A BackendPolicy of the registered service `echo`, or of what `target` says. */
function policy(parts: string, target = 'kind: Service, name: echo', name = 'echo'): string {
  return `
apiVersion: gateway.raftway.dev/v1
kind: BackendPolicy
metadata: { name: ${name} }
spec:
  targetRefs: [{ ${target} }]
  ${parts.trim().split('\n').join('\n  ')}
`;
}

async function start(
  parts: string,
  options: Parameters<typeof DocumentGateway.start>[1] = {},
): Promise<DocumentGateway> {
  gateway = await DocumentGateway.start({ 'policy.yaml': policy(parts) }, options);
  return gateway;
}

type Unary = (call: UnaryCall, done: UnaryDone) => void;

/** An instance that notes its calls and does with them what it is told now. */
class Instance {
  readonly open: { done: UnaryDone; metadata: grpc.Metadata; isCancelled: boolean }[] = [];
  calls = 0;
  backend!: EchoBackend;

  constructor(
    readonly name: string,
    /** `hold` answers when the spec does. */
    public answer: Unary | 'hold' = (call, done) => done(null, call.request),
  ) {}

  async start(): Promise<this> {
    this.backend = await gateway.harness.backend(this.name, {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        this.calls += 1;
        if (this.answer !== 'hold') return this.answer(call, done);
        const held = { done, metadata: call.metadata, isCancelled: false };
        call.on('cancelled', () => (held.isCancelled = true));
        this.open.push(held);
      },
    });
    return this;
  }
}

/** Starts instances, and registers them as those of `echo`. */
async function instances(...all: Instance[]): Promise<void> {
  for (const one of all) await one.start();
  gateway.harness.register(...all.map(({ backend }) => backend));
}

const failWith =
  (code: grpc.status): Unary =>
  (_call, done) =>
    done({ code, details: 'as the spec wants' });

const saying =
  (text: string): Unary =>
  (_call, done) =>
    done(null, Buffer.from(text));

async function metrics(): Promise<string> {
  return gateway.harness.metrics.text();
}

describe('outlierDetection and circuitBreaker of a document', () => {
  const detection = (time: string): string =>
    `outlierDetection: { minRequests: 6, errorPercent: 40, ejectionTime: ${time} }`;

  it('an instance that fails half its calls is left out within 2 s, and comes back by itself', async () => {
    await start(detection('2s'));
    let count = 0;
    const sick = new Instance('sick', (call, done) =>
      (count += 1) % 2 === 0 ? failWith(INTERNAL)(call, done) : done(null, call.request),
    );
    const well = new Instance('well');
    await instances(sick, well);
    const client = gateway.harness.client();
    const beganMs = performance.now();

    while (!(await metrics()).includes('endpoints_ejected 1')) await client.unary('x');
    expect(performance.now() - beganMs).toBeLessThan(2000);
    expect(sick.calls).toBe(6);
    for (let call = 0; call < 10; call += 1) expect((await client.unary('x')).code).toBe(OK);
    expect(sick.calls).toBe(6);

    sick.answer = well.answer;
    await eventually(() => {
      void client.unary('x');
      return sick.calls > 8;
    }, 'it gets calls again');
  });

  it('a change of the document, of the picking too, leaves ejections and open calls as they are', async () => {
    await start(`${detection('1h')}\nlimits: { requests: 3 }`);
    const sick = new Instance('sick', failWith(INTERNAL));
    const well = new Instance('well');
    await instances(sick, well);
    const client = gateway.harness.client();
    while (!(await metrics()).includes('endpoints_ejected 1')) await client.unary('x');
    const before = sick.calls;
    well.answer = 'hold';
    const open = [client.unary('1'), client.unary('2')];
    await eventually(() => well.open.length === 2, 'two calls are open');

    await gateway.change(
      'policy.yaml',
      policy(`${detection('10ms')}\nlimits: { requests: 2 }\nloadBalancing: { policy: peak_ewma }`),
    );
    const refused = await client.unary('3');

    expect(errorInfo(refused.trailers)).toMatchObject({
      reason: 'BACKEND_REQUESTS_FULL',
      metadata: { limit: '2', owner: 'BackendPolicy default/echo' },
    });
    well.open.forEach(({ done }) => done(null, Buffer.from('x')));
    expect((await Promise.all(open)).map(({ code }) => code)).toEqual([OK, OK]);
    well.answer = saying('well');
    expect(await metrics()).toContain('endpoints_ejected 1');
    for (let call = 0; call < 6; call += 1)
      expect(String((await client.unary('x')).messages[0])).toBe('well');
    expect(sick.calls).toBe(before);
  });

  it('an open circuit stays open through a change, and goes with its part', async () => {
    const breaker = 'circuitBreaker: { consecutiveFailures: 3, openTime: 1h }';
    await start(breaker);
    const sick = new Instance('sick', failWith(UNAVAILABLE));
    await instances(sick);
    const client = gateway.harness.client();
    for (let call = 0; call < 3; call += 1) await client.unary('x');
    sick.answer = saying('well');
    const reasonOf = async (): Promise<string | undefined> =>
      errorInfo((await client.unary('x')).trailers)?.reason;
    expect(await reasonOf()).toBe('BACKEND_CIRCUIT_OPEN');

    await gateway.change('policy.yaml', policy(breaker.replace('1h', '10ms')));
    expect(await reasonOf()).toBe('BACKEND_CIRCUIT_OPEN');
    expect(sick.calls).toBe(3);

    await gateway.change('policy.yaml', policy('timeouts: { max: 1h }'));
    expect((await client.unary('x')).code).toBe(OK);
  });
});

describe('limits of a document', () => {
  it('that go away let those through that wait', async () => {
    await start('limits: { requests: 1, pending: 5, pendingTimeout: 10m }');
    const one = new Instance('one', 'hold');
    await instances(one);
    const client = gateway.harness.client();
    const calls = ['1', '2', '3'].map((body) => client.unary(body));
    await eventually(() => one.calls === 1, 'the first is there');

    await gateway.change('policy.yaml', policy('limits: { requests: 2, pending: 5 }'));
    await eventually(() => one.calls === 2, 'the second is there');
    await gateway.change('policy.yaml', policy('limits: { pending: 5 }'));
    await eventually(() => one.calls === 3, 'the third is there');
    one.open.forEach(({ done }) => done(null, Buffer.from('x')));

    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([OK, OK, OK]);
    await gateway.change('policy.yaml', policy('limits: { requests: 1 }'));
    one.answer = saying('x');
    expect((await client.unary('x')).code).toBe(OK);
  });

  it('connections: what one connection does not take waits', async () => {
    await start('limits: { connections: 1 }');
    const backend = await gateway.harness.backend(
      'narrow',
      {},
      { 'grpc.max_concurrent_streams': 1 },
    );
    gateway.harness.register(backend);
    const client = gateway.harness.client();
    const first = client.bidi();
    const ended = collect(first);
    await eventually(() => backend.calls === 1, 'the first is there');
    const second = client.unary('x');
    let text = '';
    await eventually(() => {
      void metrics().then((now) => (text = now));
      return text.includes('raftway_gateway_client_streams 2');
    }, 'the second is at the gateway');

    expect(backend.calls).toBe(1);
    first.end();
    await ended;

    expect((await second).code).toBe(OK);
    expect(await metrics()).toContain('upstream_connects_total{service="echo"} 1');
  });
});

describe('retry of a document', () => {
  it('holds for a route, a rule says otherwise, and the budget is the service’s', async () => {
    await start('retry: { methods: ["test.Echo/Unary"], attempts: 2, codes: [INTERNAL] }');
    const sick = new Instance('sick', failWith(INTERNAL));
    await instances(sick);
    const client = gateway.harness.client();
    const made = async (path: string): Promise<number> => {
      const before = sick.calls;
      await client.unary('x', { path });
      return sick.calls - before;
    };
    expect(await made('/test.Echo/Unary')).toBe(2);

    await gateway.change('a.yaml', routeTo('echo').replace('rules: [{', 'rules: [{ name: main,'));
    await gateway.change(
      'b.yaml',
      policy('retry: { attempts: 4, backoff: 1ms }', 'kind: GRPCRoute, name: all', 'route'),
    );
    expect(await made('/test.Echo/Unary')).toBe(4);

    await gateway.change(
      'c.yaml',
      policy('retry: { attempts: 1 }', 'kind: GRPCRoute, name: all, sectionName: main', 'rule'),
    );
    expect(await made('/test.Echo/Unary')).toBe(1);

    await gateway.change('c.yaml', '');
    await gateway.change(
      'policy.yaml',
      policy(
        'retry: { methods: ["*"], codes: [INTERNAL], budget: { percent: 0, minPerSecond: 0 } }',
      ),
    );
    expect(await made('/test.Echo/Unary')).toBe(1);
    expect(await metrics()).toContain('retries_refused_total{service="echo",cause="budget"} 1');
  });
});

describe('hedging of a document', () => {
  const retry =
    'retry: { methods: ["test.Echo/Unary", "test.Echo/Bidi"], budget: { minPerSecond: 100 } }';
  const hedging = `hedging: { after: 20ms }\n${retry}`;

  /** Two instances of which the one that gets the first call is slow. */
  async function slowAndFast(parts: string, options = {}) {
    await start(parts, options);
    const slow = new Instance('0 slow', 'hold');
    const fast = new Instance('1 fast', saying('fast'));
    await instances(slow, fast);
    const client = gateway.harness.client();
    // Round robin from a random start: the next call is the slow one's.
    let servedBy: grpc.MetadataValue | undefined;
    while (servedBy !== fast.name)
      servedBy = (await client.unary('x', { path: '/test.Echo/Look' })).trailers.get(
        'served-by',
      )[0];
    return { slow, fast, client };
  }

  /** What comes over the same connections comes behind what the two have answered so far. */
  async function afterAnswers(client: EchoClient): Promise<void> {
    for (let call = 0; call < 2; call += 1) await client.unary('x', { path: '/test.Echo/Look' });
  }

  it('a call that the first instance keeps is answered by the second, and the first is told', async () => {
    const { slow, fast, client } = await slowAndFast(hedging);

    const outcome = await client.unary('x');

    expect([outcome.code, String(outcome.messages[0])]).toEqual([OK, 'fast']);
    expect([slow.calls, fast.calls]).toEqual([1, 1]);
    await eventually(() => slow.open[0]?.isCancelled === true, 'the first is cancelled');
    expect(await metrics()).toContain('raftway_gateway_hedges_total{service="echo"} 1');
    expect(await metrics()).toContain('raftway_gateway_hedges_won_total{service="echo"} 1');
  });

  it('the hedge is cancelled when the first answers, when the client gives up, and it says that it is one', async () => {
    const { slow, fast, client } = await slowAndFast(hedging);
    fast.answer = 'hold';
    const first = client.unary('x');
    await eventually(() => fast.calls === 1, 'the hedge is there');
    expect(fast.open[0]?.metadata.get('grpc-previous-rpc-attempts')).toEqual(['1']);
    slow.open[0]?.done(null, Buffer.from('slow'));
    expect(String((await first).messages[0])).toBe('slow');
    await eventually(() => fast.open[0]?.isCancelled === true, 'the hedge is cancelled');
    expect(await metrics()).not.toContain('hedges_won_total{');

    const gaveUp = client.unary('x', { deadline: Date.now() + 300 });
    await eventually(() => slow.calls + fast.calls === 4, 'both have it');
    await gaveUp;
    const others = [...slow.open.slice(1), ...fast.open.slice(1)];
    expect(others).toHaveLength(2);
    await eventually(() => others.every(({ isCancelled }) => isCancelled), 'both are cancelled');
  });

  it('of two attempts the one that fails is not heard of, whichever it is', async () => {
    const { slow, fast, client } = await slowAndFast(hedging);
    fast.answer = failWith(UNAVAILABLE);
    const first = client.unary('x');
    await eventually(() => fast.calls === 1, 'the hedge is there');
    await afterAnswers(client);
    slow.open[0]?.done(null, Buffer.from('slow'));
    expect(String((await first).messages[0])).toBe('slow');

    fast.answer = 'hold';
    const second = client.unary('x');
    await eventually(() => slow.calls + fast.calls === 4, 'both have it');
    const attempts = [...slow.open.slice(1), ...fast.open];
    const isHedge = ({ metadata }: { metadata: grpc.Metadata }): boolean =>
      metadata.get('grpc-previous-rpc-attempts').length > 0;
    attempts.find((one) => !isHedge(one))?.done({ code: UNAVAILABLE, details: 'for the spec' });
    await afterAnswers(client);
    attempts.find(isHedge)?.done(null, Buffer.from('hedge'));

    expect(String((await second).messages[0])).toBe('hedge');
    expect(slow.calls + fast.calls).toBe(4);
  });

  it.each([
    ['its method may not run twice', 'hedging: { after: 20ms }', {}],
    [
      'the budget is empty',
      `hedging: { after: 20ms }\n${retry.replace('minPerSecond: 100', 'minPerSecond: 0, percent: 0')}`,
      {},
    ],
    ['its request is too large to be kept', hedging, { retryBufferBytesMax: 10 }],
    ['it is off', `hedging: { after: 20ms, max: 0 }\n${retry}`, {}],
  ])('a call has one attempt when %s', async (_, parts, options) => {
    const { slow, fast, client } = await slowAndFast(parts, options);

    const outcome = client.unary('a body of more than ten bytes', { deadline: Date.now() + 250 });

    expect((await outcome).code).not.toBe(OK);
    expect([slow.calls, fast.calls]).toEqual([1, 0]);
    expect(await metrics()).not.toContain('raftway_gateway_hedges_total{');
  });

  it('a stream of requests has one attempt, ended or not', async () => {
    await start(hedging);
    const counts = [0, 0];
    const backends = await Promise.all(
      counts.map((_, index) =>
        gateway.harness.backend(`stream ${index}`, {
          Bidi: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
            counts[index] = (counts[index] ?? 0) + 1;
            call.resume();
          },
        }),
      ),
    );
    gateway.harness.register(...backends);
    const client = gateway.harness.client();
    const streams = [client.bidi(), client.bidi()];
    const ended = streams.map((stream) => collect(stream));
    for (const stream of streams) {
      stream.write(Buffer.from('1'));
      stream.write(Buffer.from('2'));
    }
    streams[0]?.end();
    // A later hedge of another call shows that the time of these has come.
    const probe = client.bidi();
    const probed = collect(probe);
    probe.write(Buffer.from('one message'));
    probe.end();
    await eventually(() => (counts[0] ?? 0) + (counts[1] ?? 0) === 4, 'the probe is hedged');

    expect(await metrics()).toContain('raftway_gateway_hedges_total{service="echo"} 1');
    for (const stream of [...streams, probe]) stream.cancel();
    expect((await Promise.all([...ended, probed])).map(({ code }) => code)).toEqual([
      CANCELLED,
      CANCELLED,
      CANCELLED,
    ]);
  });

  it('after p95 hedges what is slower than nearly all calls', async () => {
    await start(`hedging: { after: p95 }\n${retry}`);
    const both = [new Instance('a'), new Instance('b')];
    await instances(...both);
    const client = gateway.harness.client();
    for (let call = 0; call < 100; call += 1) await client.unary('x');
    let isFirst = true;
    for (const one of both)
      one.answer = (call, done) => {
        if (!isFirst) done(null, Buffer.from('second'));
        isFirst = false;
      };

    const outcome = await client.unary('x');

    expect(String(outcome.messages[0])).toBe('second');
    expect(await metrics()).toMatch(/raftway_gateway_hedges_won_total\{service="echo"\} [1-9]/);
  });
});

describe('healthCheck of a document', () => {
  const check = 'interval: 50ms, timeout: 5s, unhealthyThreshold: 2, healthyThreshold: 2';
  const { SERVING, NOT_SERVING } = health.HealthCheckResponse_ServingStatus;

  /** An instance whose health is what the spec says. */
  async function withHealth(name: string) {
    const instance = await new Instance(name).start();
    const asked: string[] = [];
    const said = { status: SERVING as health.HealthCheckResponse_ServingStatus, asked };
    instance.backend.server.addService(health.HealthService, {
      check: ((call, done) => {
        said.asked.push(call.request.service);
        done(null, { status: said.status });
      }) as health.HealthServer['check'],
    });
    return { instance, said };
  }

  async function untilUnhealthy(client: EchoClient): Promise<void> {
    let reason: string | undefined;
    while (reason !== 'INSTANCES_UNHEALTHY')
      reason = errorInfo((await client.unary('x')).trailers)?.reason;
  }

  it('an instance that says NOT_SERVING gets no calls, and comes back when it serves', async () => {
    await start(`healthCheck: { service: a.B, ${check} }`);
    const one = await withHealth('one');
    const two = await withHealth('two');
    gateway.harness.register(one.instance.backend, two.instance.backend);
    const client = gateway.harness.client();
    one.said.status = NOT_SERVING;
    let text = '';
    await eventually(() => {
      void metrics().then((now) => (text = now));
      return text.includes('endpoints_unhealthy 1');
    }, 'it is unhealthy');
    const before = one.instance.calls;

    for (let call = 0; call < 10; call += 1) expect((await client.unary('x')).code).toBe(OK);

    expect([one.instance.calls, two.instance.calls >= 10]).toEqual([before, true]);
    expect(new Set([...one.said.asked, ...two.said.asked])).toEqual(new Set(['a.B']));
    expect(await metrics()).toMatch(
      /health_check_failures_total\{service="echo",cause="status"\} [1-9]/,
    );
    one.said.status = SERVING;
    await eventually(() => {
      void client.unary('x');
      return one.instance.calls > before;
    }, 'it gets calls again');
  });

  it('none that passes is UNAVAILABLE with the reason, a panic threshold sends calls all the same, and a change of it keeps what is known', async () => {
    await start(`healthCheck: { ${check} }`);
    const one = await withHealth('one');
    one.said.status = NOT_SERVING;
    gateway.harness.register(one.instance.backend);
    const client = gateway.harness.client();
    await untilUnhealthy(client);
    const before = one.instance.calls;

    const refused = await client.unary('x');

    expect(refused.code).toBe(UNAVAILABLE);
    expect(refused.details).toContain('BackendPolicy default/echo');
    expect(one.instance.calls).toBe(before);
    await gateway.change(
      'policy.yaml',
      policy(`healthCheck: { ${check} }\nloadBalancing: { panicThresholdPercent: 50 }`),
    );
    expect((await client.unary('x')).code).toBe(OK);
    await gateway.change('policy.yaml', policy(`healthCheck: { ${check.replace('50ms', '1h')} }`));
    expect(errorInfo((await client.unary('x')).trailers)?.reason).toBe('INSTANCES_UNHEALTHY');
    await gateway.change('policy.yaml', '');
    expect((await client.unary('x')).code).toBe(OK);
  });

  it.each([
    ['has no health service', 'code', '5s', undefined],
    ['does not answer in time', 'timeout', '30ms', (): void => undefined],
  ])(
    'an instance that %s fails its checks, as soon as they are made more often',
    async (_, cause, timeout, handler) => {
      const parts = `healthCheck: { interval: 1h, timeout: ${timeout}, unhealthyThreshold: 1 }`;
      await start(parts);
      const one = await new Instance('one').start();
      if (handler !== undefined)
        one.backend.server.addService(health.HealthService, { check: handler });
      gateway.harness.register(one.backend);

      await gateway.change('policy.yaml', policy(parts.replace('1h', '50ms')));
      await untilUnhealthy(gateway.harness.client());

      expect(await metrics()).toContain(
        `health_check_failures_total{service="echo",cause="${cause}"}`,
      );
    },
  );
});
