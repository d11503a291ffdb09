import * as grpc from '@grpc/grpc-js';
import { type Outcome } from './support/echo-backend';
import { errorInfo } from './support/harness';
import { keyOf, keys, metadataOf, securityPolicy } from './support/secured';
import { ruleOf, TrafficGateway } from './support/traffic';

const OK: number = grpc.status.OK;
let gateway: TrafficGateway;
afterEach(() => gateway.close());

const route = '{ kind: GRPCRoute, name: main }';

function trafficPolicy(spec: string): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: main }
spec: { targetRefs: [${route}], ${spec} }
`;
}

/** Of callers a and b. */
const secured = securityPolicy(`apiKeys: { ${keys('a', 'b')} }`, route);
const toV1 = ruleOf('backendRefs: [{ name: v1 }]');

function as(id: string): Promise<Outcome> {
  return gateway.harness.client().unary('x', { metadata: metadataOf({ 'x-api-key': keyOf(id) }) });
}

async function reasonOf(work: Promise<Outcome>): Promise<string> {
  const { code, trailers } = await work;
  return code === OK ? 'OK' : (errorInfo(trailers)?.reason ?? `status ${code}`);
}

describe('policies of one call', () => {
  it('say who calls to its copies, too', async () => {
    const mirror =
      'filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2 } } }]';
    gateway = await TrafficGateway.start(
      ruleOf(`${mirror}, backendRefs: [{ name: v1 }]`) + secured,
    );

    expect(await reasonOf(as('a'))).toBe('OK');
    await gateway.counted('mirrored_calls_total{service="v2",outcome="ok"}', 1);

    for (const name of ['v1', 'v2']) {
      const seen = gateway.backend(name).metadata[0];
      expect(seen?.get('raftway-identity-principal')).toEqual(['a']);
      expect(seen?.get('x-api-key')).toEqual([]);
    }
  });

  it('count the calls of each caller apart, and none that has no good key', async () => {
    const limits = 'rateLimits: [{ name: each, requests: 1, per: 1h, key: [{ type: Principal }] }]';
    gateway = await TrafficGateway.start(toV1 + trafficPolicy(limits) + secured);

    expect(await reasonOf(as('stranger'))).toBe('API_KEY_UNKNOWN');
    expect(await reasonOf(as('a'))).toBe('OK');
    expect(await reasonOf(as('a'))).toBe('RATE_LIMITED');
    expect(await reasonOf(as('b'))).toBe('OK');
    expect(gateway.backend('v1').calls).toBe(2);
  });

  it('do not count a call that fails on purpose against its limits', async () => {
    const limits = 'rateLimits: [{ name: all, requests: 1, per: 1h }]';
    const fault = (delay: string): string =>
      `fault: { ${delay}abort: { code: ABORTED }, headers: [{ name: x-chaos }] }`;
    const failing = (): Promise<Outcome> =>
      gateway.harness.client().unary('x', { metadata: metadataOf({ 'x-chaos': '1' }) });
    gateway = await TrafficGateway.start(toV1 + trafficPolicy(`${limits}, ${fault('')}`));

    expect(await reasonOf(failing())).toBe('FAULT_INJECTED');
    await gateway.change(toV1 + trafficPolicy(`${limits}, ${fault('delay: { duration: 5ms }, ')}`));
    expect(await reasonOf(failing())).toBe('FAULT_INJECTED');

    expect(await reasonOf(gateway.harness.client().unary('x'))).toBe('OK');
    expect(await reasonOf(gateway.harness.client().unary('x'))).toBe('RATE_LIMITED');
  });
});
