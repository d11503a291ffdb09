import * as grpc from '@grpc/grpc-js';
import { errorInfo, eventually } from './support/harness';
import { echoUnary, RawBackend, rawCall } from './support/raw-http2';
import { faultOf, ruleOf, TrafficGateway } from './support/traffic';

let gateway: TrafficGateway;
afterEach(() => gateway.close());

const start = async (fault: string): Promise<TrafficGateway> =>
  (gateway = await TrafficGateway.start(ruleOf('backendRefs: [{ name: v1 }]') + faultOf(fault), {
    v1: {},
  }));
const outcome = (name: string): string =>
  `faults_total{policy="TrafficPolicy default/chaos",outcome="${name}"}`;
const headers = (values: Readonly<Record<string, string>>): grpc.Metadata => {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
};

describe('#4 an error on purpose', () => {
  it('says that it is one, and of which policy, and nothing is sent', async () => {
    await start('abort: { code: DATA_LOSS, message: the disk is on fire }');

    const { code, details, trailers } = await gateway.harness.client().unary('x');

    expect([code, details]).toEqual([grpc.status.DATA_LOSS, 'the disk is on fire']);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'FAULT_INJECTED',
      metadata: {
        policy: 'TrafficPolicy default/chaos',
        rule: 'rule main of GRPCRoute default/main',
      },
    });
    expect(gateway.backend('v1').calls).toBe(0);
    expect(await gateway.count(outcome('aborted'))).toBe(1);
  });

  it('is the HTTP status of its code in other protocols', async () => {
    await start('abort: { code: UNAVAILABLE }');
    const url = `http://${gateway.harness.gateway.address}/test.Echo/Unary`;
    const call = (contentType: string): Promise<Response> =>
      fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body: '' });

    const connect = await call('application/proto');
    const web = await call('application/grpc-web+proto');

    expect(connect.status).toBe(503);
    expect(await connect.json()).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('TrafficPolicy default/chaos') as string,
    });
    expect(await web.text()).toContain('grpc-status: 14');
  });
});

describe('a fault', () => {
  it('is for the share of calls that it says', async () => {
    await start('abort: { code: ABORTED, percent: 12.5 }');
    const client = gateway.harness.client();
    const count = 400;

    const codes = await Promise.all(
      Array.from({ length: count }, async () => (await client.unary('x')).code),
    );

    const failed = codes.filter((code) => code === Number(grpc.status.ABORTED)).length;
    // The numbers are the same in each run; three standard deviations are 20 calls.
    expect(Math.abs(failed - count / 8)).toBeLessThanOrEqual(20);
    expect(codes.filter((code) => code === 0).length).toBe(count - failed);
    expect(gateway.backend('v1').calls).toBe(count - failed);
  });

  it('is for the methods and the headers that it names', async () => {
    await start(
      `abort: { code: ABORTED }, methods: [test.Echo/Unary, other.Service/*], headers: [{ name: X-Fault, value: '1' }, { name: x-who }]`,
    );
    const client = gateway.harness.client();
    const code = async (path: string, values: Readonly<Record<string, string>>) =>
      (await client.unary('x', { path, metadata: headers(values) })).code;

    expect(await code('/test.Echo/Unary', { 'x-fault': '1', 'x-who': 'ada' })).toBe(10);
    expect(await code('/other.Service/Any', { 'x-fault': '1', 'x-who': 'ada' })).toBe(10);
    expect(await code('/test.Echo/Look', { 'x-fault': '1', 'x-who': 'ada' })).toBe(0);
    expect(await code('/test.Echo/Unary', { 'x-fault': '2', 'x-who': 'ada' })).toBe(0);
    expect(await code('/test.Echo/Unary', { 'x-fault': '1' })).toBe(0);
  });
});

describe('a delay on purpose', () => {
  it('keeps a call back, and then it goes on with all of its request', async () => {
    await start('delay: { duration: 300ms }');
    const startedMs = performance.now();

    const { code, messages } = await gateway.harness.client().unary('hello');

    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(290);
    expect([code, String(messages[0])]).toEqual([0, 'hello']);
    expect(await gateway.count(outcome('delayed'))).toBe(1);
  });

  it('comes before an error on purpose', async () => {
    await start('delay: { duration: 200ms }, abort: { code: ABORTED }');
    const startedMs = performance.now();

    const { code } = await gateway.harness.client().unary('x');

    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
    expect(code).toBe(grpc.status.ABORTED);
    expect(gateway.backend('v1').calls).toBe(0);
  });

  it('#11945 ends at the deadline, and says whose it was', async () => {
    await start('delay: { duration: 1h }');

    const { headers: answer } = await rawCall(gateway.harness.gateway.address, Buffer.alloc(5), [
      ['content-type', 'application/grpc'],
      ['grpc-timeout', '100m'],
    ]);

    const at = (name: string): string => answer[answer.indexOf(name) + 1] ?? '';
    expect(at('grpc-status')).toBe('4');
    expect(at('grpc-message')).toContain('TrafficPolicy default/chaos');
    expect(gateway.backend('v1').calls).toBe(0);
  });

  it('ends when the client gives up, and nothing is sent, then or later', async () => {
    await start('delay: { duration: 200ms }');
    const instance = await new RawBackend((stream) => echoUnary(stream)).start();
    gateway.registerAnd({ v1: instance.address });
    const client = gateway.harness.client();
    const same = (bytes: Buffer): Buffer => bytes;
    const call = client.client.makeUnaryRequest(
      '/test.Echo/Unary',
      same,
      same,
      Buffer.from('x'),
      () => undefined,
    );
    await gateway.counted(outcome('delayed'), 1);

    call.cancel();
    await gateway.counted('calls_total{grpc_service="test.Echo",code="CANCELLED"}', 1);
    // Its time is over after that of the first.
    const next = await client.unary('y');

    expect(next.code).toBe(0);
    expect(instance.requests.length).toBe(1);
    await instance.stop();
  });

  it('does not hold up the end of the gateway for longer than a drain may take', async () => {
    gateway = await TrafficGateway.start(
      ruleOf('backendRefs: [{ name: v1 }]') + faultOf('delay: { duration: 1h }'),
      { v1: {} },
      { drainTimeoutMs: 100 },
    );
    const call = gateway.harness.client().unary('x');
    await gateway.counted(outcome('delayed'), 1);

    await gateway.harness.gateway.stop();

    expect(errorInfo((await call).trailers)?.reason).toBe('GATEWAY_STOPPING');
    await eventually(() => gateway.harness.gateway.bufferedBytes === 0, 'nothing is held');
  });
});
