import fc from 'fast-check';
import { evenEndpoints, picks, requestOf, seeded, tolerance } from '../test/support/endpoints';
import {
  BackendLoad,
  createPicker,
  defaultLoadBalancing,
  type Endpoint,
  EndpointSet,
  type LoadBalancingSettings,
  ownZoneShare,
  type PickingPolicy,
  SetAside,
  slowStartShare,
} from './index';

const unhashed: readonly PickingPolicy[] = [
  'round_robin',
  'random',
  'weighted',
  'least_request',
  'peak_ewma',
];

describe('slow start', () => {
  it('rises evenly from a tenth to all', () => {
    expect([-5, 0, 5, 10, 25, 50, 99, 100, 1e9].map((ageMs) => slowStartShare(ageMs, 100))).toEqual(
      [0.1, 0.1, 0.1, 0.1, 0.25, 0.5, 0.99, 1, 1],
    );
  });

  /** Two old endpoints and a new one that came at 100 s, of a window of 60 s. */
  function withNewcomer(policy: PickingPolicy, seed = 1) {
    const load = new BackendLoad(undefined);
    const settings = { ...defaultLoadBalancing, policy, slowStartMs: 60_000 };
    const picker = createPicker<Endpoint>(settings, seeded(seed));
    const [first, second, third] = evenEndpoints(3, load);
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('three were asked for');
    const newcomer = { ...third, key: 'new', load: load.of('new', 100_000) };
    picker.replace([first, second, newcomer]);
    return picker;
  }

  it.each(['round_robin', 'weighted'] as const)(
    'gives turns in exact proportion under %s',
    (policy) => {
      // 1 : 1 : 0.5, a quarter and a tenth.
      for (const [nowMs, calls] of [
        [130_000, [40, 40, 20]],
        [115_000, [40, 40, 10]],
        [100_000, [40, 40, 4]],
        [160_000, [40, 40, 40]],
      ] as const) {
        const picker = withNewcomer(policy);
        const counts = picks(picker, calls[0] + calls[1] + calls[2], requestOf({ nowMs }));

        expect([counts.get('e00'), counts.get('e01'), counts.get('new')]).toEqual(calls);
      }
    },
  );

  it.each(['random', 'least_request', 'peak_ewma'] as const)(
    'gives its share but for chance under %s',
    (policy) => {
      const count = 20_000;
      for (const share of [0.25, 0.5, 1]) {
        const counts = picks(
          withNewcomer(policy),
          count,
          requestOf({ nowMs: 100_000 + share * 60_000 }),
        );

        const chance = share / (2 + share);
        const off = Math.abs((counts.get('new') ?? 0) - count * chance);
        expect(off).toBeLessThan(tolerance(count, chance));
      }
    },
  );

  it.each(unhashed)('holds nobody back under %s when all are new', (policy) => {
    const settings = { ...defaultLoadBalancing, policy, slowStartMs: 60_000 };
    const picker = createPicker<Endpoint>(settings, seeded(2));
    picker.replace(evenEndpoints(4));

    const counts = picks(picker, 4000, requestOf({ nowMs: 0 }));

    for (const count of counts.values())
      expect(Math.abs(count - 1000)).toBeLessThan(tolerance(4000, 0.25));
  });
});

/** A set of `near` endpoints in zone a and of `far` ones in b and c, by turns, which asks from zone a. */
function zonedSet(near: number, far: number, overrides: Partial<LoadBalancingSettings> = {}) {
  const settings = { ...defaultLoadBalancing, zone: 'a', ...overrides };
  const set = new EndpointSet<Endpoint>(settings, seeded(4));
  set.replace(
    evenEndpoints(near + far).map((endpoint, index) => {
      const zone = index < near ? 'a' : index % 2 === 0 ? 'b' : 'c';
      return { ...endpoint, key: `${zone}${endpoint.key}`, zone };
    }),
  );
  return set;
}

function zonesOf(set: EndpointSet<Endpoint>, count: number, setAside = new SetAside(() => 0.5)) {
  const counts: Record<string, number> = {};
  for (let pick = 0; pick < count; pick += 1) {
    const { zone } = set.pick(0, setAside) ?? { zone: 'none' };
    counts[zone] = (counts[zone] ?? 0) + 1;
  }
  return counts;
}

describe('zones', () => {
  it('keep all calls as long as they can bear them', () => {
    expect(ownZoneShare(3, 9, 3)).toBe(1);
    // Seven of ten are 98 % by 1.4 … and five of seven are all.
    expect(ownZoneShare(7, 30, 3)).toBeCloseTo(0.98, 10);
    expect(ownZoneShare(5, 21, 3)).toBe(1);
    expect(ownZoneShare(1, 10, 2)).toBeCloseTo(0.28, 10);
    expect(ownZoneShare(0, 10, 2)).toBe(0);
  });

  it('never get more than 1.4 times what is available of their even share', () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.nat(100),
        fc.integer({ min: 1, max: 9 }),
        (own, others, zones) => {
          fc.pre(own + others > 0);
          const share = ownZoneShare(own, own + others, zones);

          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(Math.min(1, ((1.4 * own) / (own + others)) * zones));
        },
      ),
    );
  });

  it.each(unhashed)('prefer the own endpoints under %s', (policy) => {
    expect(zonesOf(zonedSet(2, 4, { policy }), 200)).toEqual({ a: 200 });
  });

  it.each(unhashed)(
    'spill over under %s when too few of the own endpoints are available',
    (policy) => {
      const set = zonedSet(4, 8, { policy });
      const setAside = new SetAside(() => 0.5);
      for (const key of ['ae00', 'ae01']) setAside.fail(key, 0);
      const count = 4000;

      const counts = zonesOf(set, count, setAside);

      // Two of the four that a third of twelve are: 1.4 · 2 / 4.
      expect(Math.abs((counts['a'] ?? 0) - 0.7 * count)).toBeLessThan(tolerance(count, 0.7));
      expect(counts['b']).toBeGreaterThan(0);
      expect(counts['c']).toBeGreaterThan(0);
    },
  );

  it('spill over when the own zone is small', () => {
    const count = 4000;
    const counts = zonesOf(zonedSet(1, 9), count);

    expect(Math.abs((counts['a'] ?? 0) - 0.42 * count)).toBeLessThan(tolerance(count, 0.42));
  });

  it('lose all calls when none of the own endpoints is available, and get all when no other is', () => {
    const own = new SetAside(() => 0.5);
    for (const key of ['ae00', 'ae01']) own.fail(key, 0);
    const others = new SetAside(() => 0.5);
    for (const key of ['be02', 'ce03']) others.fail(key, 0);

    expect(zonesOf(zonedSet(2, 2), 100, own)['a']).toBeUndefined();
    expect(zonesOf(zonedSet(2, 2), 100, others)).toEqual({ a: 100 });
    expect(zonesOf(zonedSet(1, 20), 100, new SetAside(() => 0.5))['none']).toBeUndefined();
  });

  it('do not keep a call that has tried all of the own endpoints', () => {
    const set = zonedSet(1, 4);
    const tried = new Set(['ae00']);

    const keys = Array.from({ length: 8 }, () => set.pick(0, new SetAside(() => 0), tried)?.key);

    expect(new Set(keys)).toEqual(new Set(['be02', 'be04', 'ce01', 'ce03']));
  });

  it('make no difference to callers whose zone has no endpoint, or that have none', () => {
    expect(zonesOf(zonedSet(0, 4), 40)).toEqual({ b: 20, c: 20 });
    expect(zonesOf(zonedSet(2, 2, { zone: '' }), 40)).toEqual({ a: 20, b: 10, c: 10 });
  });

  it('are not known to hashing policies: a key has one home', () => {
    const homes = (zone: string): (string | undefined)[] => {
      const set = zonedSet(2, 4, { policy: 'maglev', zone });
      const hashes = Array.from({ length: 30 }, (_, key) => key * 2000);
      return hashes.map((hash) => set.pick(0, new SetAside(() => 0), undefined, hash)?.key);
    };

    expect(homes('a')).toEqual(homes('b'));
    expect(new Set(homes('a')).size).toBe(6);
  });
});

describe('the panic threshold', () => {
  function keysPicked(panicThresholdPercent: number, aside: number, nowMs = 0): number {
    const settings = { ...defaultLoadBalancing, panicThresholdPercent };
    const set = new EndpointSet<Endpoint>(settings, seeded(1));
    set.replace(evenEndpoints(4));
    const setAside = new SetAside(() => 0.5);
    for (let index = 0; index < aside; index += 1) setAside.fail(`e0${index}`, 0);
    const keys = Array.from({ length: 40 }, () => set.pick(nowMs, setAside)?.key);
    return new Set(keys).size;
  }

  it('lets all endpoints have calls when fewer are available', () => {
    expect(keysPicked(50, 2)).toBe(2);
    expect(keysPicked(51, 2)).toBe(4);
    expect(keysPicked(50, 3)).toBe(4);
  });

  it('is never reached at 0', () => {
    expect(keysPicked(0, 3)).toBe(1);
    expect(keysPicked(0, 4)).toBe(1);
  });

  it('ends with the time of those that were set aside, or their success', () => {
    const settings = { ...defaultLoadBalancing, panicThresholdPercent: 60 };
    const set = new EndpointSet<Endpoint>(settings, seeded(1));
    set.replace(evenEndpoints(3));
    const setAside = new SetAside(() => 0.5);
    const keys = (nowMs: number): number =>
      new Set(Array.from({ length: 9 }, () => set.pick(nowMs, setAside)?.key)).size;
    setAside.fail('e00', 0);
    const untilMs = setAside.fail('e01', 100);
    expect(keys(100)).toBe(3);

    setAside.succeed('e00');
    expect(keys(100)).toBe(2);
    setAside.fail('e00', 200);
    expect(keys(200)).toBe(3);
    expect(keys(untilMs)).toBe(2);
  });
});
