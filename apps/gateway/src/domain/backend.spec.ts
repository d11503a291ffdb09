import { Code } from '@raftway/errors';
import { defaultLoadBalancing, hashText, SetAside } from '@raftway/load-balancing';
import { gatewayOptionsSchema } from '../options';
import { protectionOf } from '../protection-options';
import { Backend, type BackendParts, type CallEnd, type InstanceEndpoint } from './backend';
import { Protection } from './protection';

function backendOf(overrides: Partial<Backend['loadBalancing']> = {}): Backend {
  const loadBalancing = { ...defaultLoadBalancing, hashHeader: undefined, ...overrides };
  return protectedBy(undefined, loadBalancing);
}

function protectedBy(
  protection: Protection | undefined,
  loadBalancing = { ...defaultLoadBalancing, hashHeader: undefined } as Backend['loadBalancing'],
  onEjected: BackendParts['onEjected'] = () => undefined,
): Backend {
  const setAside = new SetAside(() => 0);
  return new Backend({ service: 'greeter', loadBalancing, protection, setAside, onEjected });
}

function endpointOf(backend: Backend): InstanceEndpoint {
  const load = backend.load.of('0', 0);
  const identity = { key: '0', backend, service: backend.service, instanceId: '0' };
  return { ...identity, address: 'there:1', weight: 1, zone: '', load };
}

describe('a backend', () => {
  it.each<[string, CallEnd, number, boolean, number]>([
    ['a call that went well leaves the latency of its first byte', 'answered', 0, true, 100],
    ['an error of the request does, too', 'answered', Code.invalidArgument, true, 100],
    ['an instance that is full counts as slow', 'answered', Code.resourceExhausted, true, 5000],
    ['an instance that fails counts as slow', 'answered', Code.internal, true, 5000],
    ['one that cannot be reached does', 'unreachable', Code.unavailable, false, 5000],
    ['one whose connection breaks does', 'lost', Code.internal, true, 5000],
    ['one that hands the call back does', 'handed_back', Code.unavailable, false, 5000],
    ['one that nobody waited for took as long at least', 'abandoned', Code.cancelled, false, 800],
    ['one that had begun to answer has said it all', 'abandoned', Code.cancelled, true, 100],
  ])('learns from calls: %s', (_, end, code, answering, costMs) => {
    const backend = backendOf({ policy: 'peak_ewma' });
    const endpoint = endpointOf(backend);
    backend.onGiven(endpoint);
    backend.onFirstByte(endpoint, 100, 0);

    backend.onEnded(endpoint, end, code, answering, 800, 0);

    expect(endpoint.load.active).toBe(0);
    expect(endpoint.load.cost(0)).toBe(costMs);
  });

  it('takes a key from the header that it was told, or from where the call comes from', () => {
    const headers = ['x-session', 'ada', 'x-other', 'b'];
    const byHeader = backendOf({ policy: 'maglev', hashHeader: 'x-session' });

    expect(byHeader.hashOf(headers, '10.0.0.1')).toBe(hashText('ada'));
    expect(byHeader.hashOf(['x-other', 'b'], '10.0.0.1')).toBeUndefined();
    expect(byHeader.hashOf(['x-session', ''], '10.0.0.1')).toBeUndefined();
    expect(backendOf({ policy: 'ring_hash' }).hashOf(headers, '10.0.0.1')).toBe(
      hashText('10.0.0.1'),
    );
  });

  it('hashes nothing under other policies', () => {
    expect(backendOf().hashOf(['x-session', 'ada'], '10.0.0.1')).toBeUndefined();
  });
});

describe('a protected backend', () => {
  it.each<[string, CallEnd, number, boolean]>([
    ['an instance that answers with UNAVAILABLE', 'answered', Code.unavailable, true],
    ['one whose connection breaks, whatever the code', 'lost', Code.cancelled, true],
    ['none for an error of the request', 'answered', Code.notFound, false],
    ['none that could not be reached, which is set aside', 'unreachable', Code.unavailable, false],
    ['none that hands calls back because it drains', 'handed_back', Code.unavailable, false],
    ['none that its callers gave up', 'abandoned', Code.unavailable, false],
    ['none for deadlines', 'abandoned', Code.deadlineExceeded, false],
  ])('leaves out, after five calls in a row, %s', (_, end, code, isLeftOut) => {
    const ejected: string[] = [];
    const protection = new Protection(protectionOf(gatewayOptionsSchema.parse({})));
    const backend = protectedBy(protection, undefined, ({ key }) => void ejected.push(key));
    const endpoint = endpointOf(backend);
    backend.retain(new Set(['0', '1']), 0);
    for (let call = 0; call < 5; call += 1) {
      backend.onGiven(endpoint);
      backend.onEnded(endpoint, end, code, false, 1, 10);
    }

    expect(ejected).toEqual(isLeftOut ? ['0'] : []);
    expect(backend.health.until('0')).toBe(isLeftOut ? 10_010 : 0);
    expect(backend.health.size).toBe(isLeftOut ? 1 : 0);
  });
});

describe('a backend whose settings are exchanged', () => {
  const options = gatewayOptionsSchema.parse({});
  const loadBalancing = { ...defaultLoadBalancing, hashHeader: undefined };

  it('keeps who is left out and open calls, and says whether it picks otherwise', () => {
    const protection = new Protection(protectionOf(options));
    const backend = protectedBy(protection);
    const endpoint = endpointOf(backend);
    backend.retain(new Set(['0', '1']), 0);
    for (let call = 0; call < 5; call += 1) {
      backend.onGiven(endpoint);
      backend.onEnded(endpoint, 'answered', Code.internal, false, 1, 10);
    }
    backend.onGiven(endpoint);
    const other = protectionOf({ ...options, outlierEjectionTimeMs: 50, breakerErrorPercent: 9 });

    const before = backend.health.version;
    expect(backend.configure(loadBalancing, other, 20)).toBe(false);
    expect(backend.configure({ ...loadBalancing, policy: 'maglev' }, other, 20)).toBe(true);

    expect(backend.health.until('0')).toBe(10_010);
    expect(backend.health.version).toBeGreaterThan(before);
    expect(backend.leftOut('0', 20)).toEqual([
      { why: 'ejected', cause: 'consecutive', untilMs: 10_010 },
    ]);
    expect(backend.load.active).toBe(1);
    expect(backend.hashOf([], '10.0.0.1')).toBe(hashText('10.0.0.1'));
    expect(protection.isGuarded).toBe(true);
  });

  it('leaves nobody out when what left it out is off, and asks for what has come', () => {
    const protection = new Protection(protectionOf(options));
    const backend = protectedBy(protection);
    backend.retain(new Set(['0', '1']), 0);
    for (let call = 0; call < 5; call += 1) protection.noteEnd('0', Code.internal, 10);
    const off = protectionOf({ ...options, outlierEjectedPercentMax: 0 });
    const healthCheck = {
      ...{ owner: 'a', service: '', intervalMs: 1, timeoutMs: 1 },
      ...{ healthyThreshold: 1, unhealthyThreshold: 1 },
    };

    backend.configure(loadBalancing, { ...off, healthCheck }, 20);
    expect([backend.health.size, backend.leftOut('0', 20)]).toEqual([0, []]);
    protection.checks?.note('1', 'NOT_SERVING');

    expect(backend.leftOut('1', 20)).toEqual([
      { why: 'unhealthy', cause: 'NOT_SERVING', untilMs: Infinity },
    ]);
    backend.configure(loadBalancing, off, 20);
    expect(backend.health.until('1')).toBe(0);
  });

  it('takes what a route says over what it says itself, until either changes', () => {
    const methods = new Set(['a.B/C']);
    const protection = new Protection(protectionOf({ ...options, retryMethods: 'a.B/C' }));
    const hedging = { after: { delayMs: 5 }, attemptsMax: 2, samplesMin: 1, delayMinMs: 1 };
    const route = { retry: { attemptsMax: 7 }, hedging };

    const ofRoute = protection.policyFor(route);
    const own = protection.policyFor(undefined);

    expect(ofRoute).toMatchObject({ retry: { attemptsMax: 7, methods }, hedging, isTimed: true });
    expect(own).toMatchObject({ retry: { attemptsMax: 3 }, hedging: undefined, isTimed: false });
    expect(protection.policyFor(route)).toBe(ofRoute);
    protection.configure(protectionOf(options), 0);
    expect(protection.policyFor(route).retry.methods).toEqual(new Set());
    const never = { retry: undefined, hedging: { ...hedging, attemptsMax: 1 } };
    expect(protection.policyFor(never)).toMatchObject({ hedging: undefined, isTimed: false });
  });
});

it('a call behind one whose time is over gets the place that is free', () => {
  const options = gatewayOptionsSchema.parse({ backendRequestsMax: '1', backendPendingMax: '2' });
  const protection = new Protection(protectionOf(options));
  const placed: string[] = [];
  const late = { onPlace: () => void placed.push('late') };
  const next = { onPlace: () => void placed.push('next') };
  protection.tryEnter();
  protection.pending.offer(late, 10);
  protection.leave(11);
  expect(protection.tryEnter()).toBe(false);
  protection.pending.offer(next, 20);

  protection.stopWaiting(late, 12);

  expect(placed).toEqual(['next']);
});
