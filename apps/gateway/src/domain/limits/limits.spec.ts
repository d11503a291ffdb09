import { clientNetwork, trustedAddress } from './client-network';
import { anonymous, type CallIdentity } from '../call-identity';
import { type KeyFacts, limitKey } from './limit-key';
import {
  costOf,
  type KeyPart,
  type PriorityRules,
  type Quota,
  type RateLimit,
} from './limit-settings';
import { LimitStates } from './limit-states';
import { quotaWindow } from './quota-window';
import { priorityOf, type QueuedCall, TargetConcurrency } from './target-concurrency';

const facts = (changes: Partial<KeyFacts> = {}): KeyFacts => ({
  grpcService: 'test.Echo',
  method: 'Unary',
  headers: ['x-tenant', 'ada'],
  clientAddress: '10.0.0.1',
  identity: undefined,
  trustForwarded: false,
  ...changes,
});

const part = (type: KeyPart['type'], name = ''): KeyPart => ({ type, name });

describe('the key of a limit', () => {
  const identity: CallIdentity = {
    ...{ type: 'jwt', issuer: 'https://a.org', principal: 'ada' },
    claims: { plan: 'gold', seats: 3 },
    apiKeyId: 'reports',
  };

  it.each([
    [part('Service'), 'test.Echo'],
    [part('Method'), 'test.Echo/Unary'],
    [part('Header', 'x-tenant'), 'ada'],
    [part('Header', 'x-other'), ''],
    [part('Claim', 'plan'), 'gold'],
    [part('Claim', 'seats'), '3'],
    [part('Claim', 'toString'), ''],
    [part('ApiKey'), 'reports'],
    [part('Principal'), '["jwt","https://a.org","ada"]'],
    [part('ClientAddress'), '10.0.0.1'],
  ])('has of %j: %j', (one, expected) => {
    expect(limitKey([one], facts({ identity }))).toBe(expected);
  });

  it('has what is not known of a caller empty', () => {
    const parts = [part('Claim', 'plan'), part('ApiKey'), part('Principal')];

    for (const identity of [undefined, anonymous])
      expect(parts.map((one) => limitKey([one], facts({ identity })))).toEqual(['', '', '']);
    expect(limitKey([], facts())).toBe('');
  });

  it('of several parts does not depend on where one ends', () => {
    const key = (first: string, second: string): string =>
      limitKey(
        [part('Header', 'a'), part('Header', 'b')],
        facts({ headers: ['a', first, 'b', second] }),
      );

    expect(key('x1:', 'y')).not.toBe(key('x', '1:y'));
    expect(key('', 'ab')).not.toBe(key('ab', ''));
    expect(key('a', 'b')).toBe(key('a', 'b'));
  });
});

describe('a client’s address', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::7', '2001:db8:1:2::/64'],
    ['2001:db8::7', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ])('%s counts as %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });

  it.each([
    [[], '10.0.0.9'],
    [['x-forwarded-for', '1.1.1.1, 2.2.2.2'], '2.2.2.2'],
    [['x-forwarded-for', '1.1.1.1', 'x-forwarded-for', '3.3.3.3'], '3.3.3.3'],
    [['x-forwarded-for', '4.4.4.4:5678'], '4.4.4.4'],
    [['x-forwarded-for', '[2001:db8::7]:5678'], '2001:db8::7'],
    [['x-forwarded-for', '2001:db8::7'], '2001:db8::7'],
    [['x-forwarded-for', ''], '10.0.0.9'],
  ])('of %j behind a proxy is %s', (headers, address) => {
    expect(trustedAddress(headers, '10.0.0.9')).toBe(address);
  });
});

describe('the window of a quota', () => {
  it.each([
    ['hour', '2028-02-29T13:45:00Z', '2028-02-29T13:00:00Z', '2028-02-29T14:00:00Z'],
    ['day', '2028-02-29T23:59:59Z', '2028-02-29T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['month', '2028-02-29T23:59:59Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['month', '2027-12-01T00:00:00Z', '2027-12-01T00:00:00Z', '2028-01-01T00:00:00Z'],
  ] as const)('%s of %s', (period, at, start, end) => {
    expect(quotaWindow(period, Date.parse(at))).toEqual({
      startMs: Date.parse(start),
      endMs: Date.parse(end),
    });
  });
});

const keyed = {
  owner: 'TrafficPolicy default/api',
  key: [],
  scope: 'local',
  cost: 1,
  costs: {},
  keysMax: 10,
} as const;
const rate = (requests: number): RateLimit => ({
  ...keyed,
  ...{ id: 'api rate few', name: 'few', kind: 'rate', requests, perMs: 1000, burst: requests },
});
const daily: Quota = {
  ...keyed,
  ...{ id: 'api quota daily', name: 'daily', kind: 'quota', requests: 1, period: 'day' },
};

describe('what is said of a method', () => {
  const methods = [
    ['test.Echo', 'Unary'],
    ['test.Echo', 'Look'],
    ['test.Other', 'Unary'],
  ] as const;

  it('is what its calls cost, or else those of its service', () => {
    const limit = { ...rate(1), cost: 1, costs: { 'test.Echo/Unary': 5, 'test.Echo/*': 0 } };

    expect(methods.map(([service, method]) => costOf(limit, service, method))).toEqual([5, 0, 1]);
  });

  it('is how important they are, before what a header says', () => {
    const rules: PriorityRules = {
      header: 'x-priority',
      methods: { 'test.Echo/Unary': 'critical', 'test.Echo/*': 'sheddable' },
      otherwise: 'normal',
    };
    const priorities = (said: string | undefined) =>
      methods.map(([service, method]) =>
        priorityOf(rules, service, method, (name) => (name === 'x-priority' ? said : undefined)),
      );

    expect(priorities(undefined)).toEqual(['critical', 'sheddable', 'normal']);
    expect(priorities('sheddable')).toEqual(['critical', 'sheddable', 'sheddable']);
    expect(priorities('urgent')).toEqual(['critical', 'sheddable', 'normal']);
  });
});

describe('the counts of limits', () => {
  it('outlive what documents are compiled to, as long as the limit is the same', () => {
    const states = new LimitStates({ nowMs: () => 0, wallMs: () => 0 });
    const before = states.of(rate(1));
    before.take('a', 1);

    expect(states.of(rate(1)).peek('a', 1).isAllowed).toBe(false);
    expect(states.of(rate(2)).peek('a', 1).isAllowed).toBe(true);
    states.of(daily).take('a', 1);
    states.retain([{ counted: [daily], concurrency: undefined }]);
    expect(states.of({ ...daily }).peek('a', 1).isAllowed).toBe(false);
    states.retain([]);
    expect(states.of({ ...daily }).peek('a', 1).isAllowed).toBe(true);
  });

  it('go by their own clocks, and are given back', () => {
    let wallMs = Date.parse('2028-01-01T23:59:59Z');
    const states = new LimitStates({ nowMs: () => 0, wallMs: () => wallMs });
    const quota = states.of(daily);
    quota.take('a', 1);

    expect(quota.peek('a', 1)).toEqual({ isAllowed: false, remaining: 0, retryAfterMs: 1000 });
    quota.giveBack('a', 1);
    expect(quota.take('a', 1).isAllowed).toBe(true);
    wallMs += 1000;
    expect(quota.take('a', 1).isAllowed).toBe(true);
    const few = states.of(rate(1));
    few.take('a', 1);
    few.giveBack('a', 1);
    expect(few.take('a', 1).isAllowed).toBe(true);
  });
});

describe('the concurrency of a target', () => {
  const priorities = { header: undefined, methods: {}, otherwise: 'normal' } as const;
  const target = (max: number, queueMax: number, isEqual = false) =>
    new TargetConcurrency({
      target: 'all',
      settings: {
        ...{ owner: 'me', limit: { type: 'fixed', max }, queueMax, queueTimeoutMs: 100 },
        priorities: isEqual ? undefined : priorities,
      },
    });

  it('fills all of the limit when no call is more important', () => {
    const all = target(10, 0, true);
    const call = { onPlace: () => undefined };

    const entered = Array.from({ length: 11 }, () => all.enter(call, 'critical', 100));
    expect(entered.filter((one) => one === 'inside')).toHaveLength(10);
    expect(entered.at(-1)).toBe('full');
    expect(all.limitOf()).toBe(10);
  });

  it('serves important calls first, and calls that fail at once one after the other', () => {
    const all = target(1, 20_000);
    const order: string[] = [];
    const waiting = (name: string, failsAtOnce = false): QueuedCall => ({
      onPlace: () => {
        if (order.length < 10) order.push(name);
        if (failsAtOnce) all.leave(14, 0, 0);
      },
    });
    expect(all.enter(waiting('first'), 'normal', 100)).toBe('inside');
    for (let more = 0; more < 20_000; more += 1) all.enter(waiting('normal', true), 'normal', 100);
    all.enter(waiting('critical', true), 'critical', 100);
    expect(all.enter(waiting('too many'), 'normal', 100)).toBe('full');
    const gone = waiting('gone');
    all.enter(gone, 'critical', 100);
    all.cancel(gone, 'critical');

    all.leave(0, 5, 0);

    expect(order.slice(0, 2)).toEqual(['critical', 'normal']);
    expect([all.used, all.waiting]).toEqual([0, 0]);
  });

  it('lets no call pass those that wait, also not while a place goes from one to the next', () => {
    const all = target(1, 10);
    const order: string[] = [];
    const second = { onPlace: () => void order.push('second') };
    const late = { onPlace: () => void order.push('late') };
    let entered = '';
    all.enter({ onPlace: () => undefined }, 'normal', 100);
    all.enter(
      {
        onPlace: () => {
          all.leave(14, 0, 0);
          entered = all.enter(late, 'normal', 100);
        },
      },
      'normal',
      100,
    );
    all.enter(second, 'normal', 100);

    all.leave(0, 5, 0);

    expect(entered).toBe('waiting');
    expect(order).toEqual(['second']);
  });
});
