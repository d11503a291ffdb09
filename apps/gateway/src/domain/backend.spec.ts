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
