import fc from 'fast-check';
import {
  endpointsOf,
  evenEndpoints,
  requestOf,
  seeded,
  tolerance,
} from '../test/support/endpoints';
import {
  BackendLoad,
  createPicker,
  defaultLoadBalancing,
  type Endpoint,
  EndpointSet,
  hashText,
  MaglevPicker,
  maglevTableSize,
  type Picker,
  RendezvousPicker,
  RingHashPicker,
  SetAside,
} from './index';

const hashingPolicies = ['ring_hash', 'maglev', 'rendezvous'] as const;
type HashingPolicy = (typeof hashingPolicies)[number];

const keyCount = 4000;
const everySlot = Array.from({ length: maglevTableSize }, (_, slot) => slot);
const everyKey = Array.from({ length: keyCount }, (_, key) => hashText(`key-${key}`));

function pickerOf(policy: HashingPolicy): Picker<Endpoint> {
  return createPicker({ ...defaultLoadBalancing, policy }, () => 0);
}

/** Who has each of some keys. */
function owners(
  picker: Picker<Endpoint>,
  endpoints: readonly Endpoint[],
  isAvailable: (endpoint: Endpoint) => boolean = () => true,
  hashes = everyKey,
): (string | undefined)[] {
  picker.replace(endpoints);
  return hashes.map((hash) => picker.pick(requestOf({ hash, isAvailable }))?.key);
}

function sharesOf(keys: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** How many keys moved although neither of their owners came or went. */
function movedWithoutNeed(
  before: readonly (string | undefined)[],
  after: readonly (string | undefined)[],
  changed: string,
): number {
  return before.filter(
    (owner, index) => owner !== after[index] && owner !== changed && after[index] !== changed,
  ).length;
}

/** Endpoints of a name of their own: other places on the ring, other tables. */
function named(prefix: string, weights: readonly number[]): Endpoint[] {
  return endpointsOf(weights).map((endpoint) => ({
    ...endpoint,
    key: `${prefix}/${endpoint.key}`,
  }));
}

describe('shares of keys', () => {
  it('are even to the slot in a Maglev table', () => {
    for (const count of [2, 10, 50]) {
      const shares = [
        ...sharesOf(
          owners(new MaglevPicker(), evenEndpoints(count), undefined, everySlot),
        ).values(),
      ];

      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }
  });

  it('are even on the ring within thirty percent, and by rendezvous but for chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.string({ maxLength: 9 }), (count, name) => {
        const endpoints = named(name, Array<number>(count).fill(100));
        const fair = keyCount / count;

        const ring = [...sharesOf(owners(new RingHashPicker(), endpoints)).values()];
        const rendezvous = [...sharesOf(owners(new RendezvousPicker(), endpoints)).values()];

        const chance = tolerance(keyCount, 1 / count);
        expect(Math.max(...ring)).toBeLessThan(1.3 * fair + chance);
        expect(Math.max(...rendezvous)).toBeLessThan(fair + chance);
        expect(rendezvous).toHaveLength(count);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ['ring_hash', 0.35],
    ['maglev', 0.02],
    ['rendezvous', 0],
  ] as const)('follow the weights under %s', (policy, deviation) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 8 }),
        (tens) => {
          const endpoints = endpointsOf(tens.map((ten) => ten * 10));
          const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);

          const shares = sharesOf(owners(pickerOf(policy), endpoints));

          for (const { key, weight } of endpoints) {
            const chance = weight / total;
            const fair = keyCount * chance;
            expect(Math.abs((shares.get(key) ?? 0) - fair)).toBeLessThan(
              deviation * fair + tolerance(keyCount, chance),
            );
          }
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe('a change of the endpoints', () => {
  it.each(['ring_hash', 'rendezvous'] as const)(
    'moves the keys of the endpoint that goes or comes, and no other, under %s',
    (policy) => {
      fc.assert(
        fc.property(fc.string({ maxLength: 9 }), fc.nat(9), (name, going) => {
          const all = named(name, Array<number>(10).fill(100));
          const gone = all[going]?.key ?? '';
          const picker = pickerOf(policy);

          const before = owners(picker, all);
          const after = owners(
            picker,
            all.filter(({ key }) => key !== gone),
          );

          expect(movedWithoutNeed(before, after, gone)).toBe(0);
          expect(owners(picker, all)).toEqual(before);
        }),
        { numRuns: 4 },
      );
    },
  );

  it('moves one key in two hundred besides, in a Maglev table of ten endpoints', () => {
    for (const going of [0, 4, 9]) {
      const all = named(`s${going}`, Array<number>(10).fill(100));
      const gone = all[going]?.key ?? '';
      const before = owners(new MaglevPicker(), all, undefined, everySlot);
      const after = owners(
        new MaglevPicker(),
        all.filter(({ key }) => key !== gone),
        undefined,
        everySlot,
      );

      expect(movedWithoutNeed(before, after, gone)).toBeLessThan(maglevTableSize / 200);
    }
  });

  it('builds a Maglev table as fast when one endpoint outweighs a thousand', () => {
    const endpoints = endpointsOf([1000, ...Array<number>(999).fill(1)]);

    const shares = sharesOf(owners(new MaglevPicker(), endpoints, undefined, everySlot));

    // 1000 of 1999, and one of 1999 for each other: rounded up, and the last ones down.
    expect(Math.abs((shares.get('e00') ?? 0) / maglevTableSize - 1000 / 1999)).toBeLessThan(0.01);
    expect(Math.min(...shares.values())).toBeGreaterThanOrEqual(32);
  });

  it('moves keys only to an endpoint that gains weight, by rendezvous', () => {
    const picker = new RendezvousPicker<Endpoint>();
    const before = owners(picker, endpointsOf([100, 100, 100]));

    const after = owners(picker, endpointsOf([100, 200, 100]));

    expect(movedWithoutNeed(before, after, 'e01')).toBe(0);
    expect(before.filter((owner, index) => owner === 'e01' && after[index] !== 'e01')).toEqual([]);
  });

  it('builds ring and table once, at the first pick', () => {
    for (const policy of ['ring_hash', 'maglev'] as const) {
      let reads = 0;
      const endpoints = evenEndpoints(3).map((endpoint): Endpoint => ({
        ...endpoint,
        get key() {
          reads += 1;
          return endpoint.key;
        },
      }));
      const picker = pickerOf(policy);
      picker.replace(endpoints);
      expect(reads).toBe(0);

      for (let hash = 0; hash < 10; hash += 1) picker.pick(requestOf({ hash }));

      expect(reads).toBe(endpoints.length);
    }
  });
});

describe('an endpoint that is not available', () => {
  it.each(hashingPolicies)('loses its keys under %s, and nobody else any', (policy) => {
    const endpoints = evenEndpoints(10);
    const picker = pickerOf(policy);
    const before = owners(picker, endpoints);

    const after = owners(picker, endpoints, ({ key }) => key !== 'e04');

    expect(before.filter((owner, index) => owner !== 'e04' && owner !== after[index])).toEqual([]);
    expect(new Set(after)).toEqual(
      new Set(endpoints.map(({ key }) => key).filter((key) => key !== 'e04')),
    );
  });
});

describe('who has which key', () => {
  // Other programs come to the same answers: these never change.
  it.each([
    ['ring_hash', '0212121220021020201122'],
    ['maglev', '2222200222222200200012'],
    ['rendezvous', '0212021022202210001222'],
  ] as const)('is always the same under %s', (policy, expected) => {
    const endpoints = named('greeter', [100, 100, 200]);
    const keys = [...Array.from({ length: 20 }, (_, user) => `user-${user}`), '', 'ключ'];
    const hashes = keys.map((key) => hashText(key));

    const found = owners(pickerOf(policy), endpoints, undefined, hashes);

    expect(found.map((key) => key?.at(-1)).join('')).toBe(expected);
  });
});

describe('bounded load', () => {
  const settings = (policy: HashingPolicy, hashBound: number | undefined) => ({
    ...defaultLoadBalancing,
    policy,
    hashBound,
  });
  const noneAside = new SetAside(() => 0);

  it.each(hashingPolicies)('is never exceeded under %s, whatever comes and goes', (policy) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(1, 1.25, 2),
        fc.integer(),
        (weights, bound, seed) => {
          const random = seeded(seed);
          const backend = new BackendLoad(undefined);
          const set = new EndpointSet<Endpoint>(settings(policy, bound), random);
          set.replace(endpointsOf(weights, backend));
          const total = weights.reduce((a, b) => a + b, 0);
          const open: Endpoint[] = [];
          for (let step = 0; step < 150; step += 1) {
            if (random() < 0.3 && open.length > 0) {
              const [ended] = open.splice(Math.floor(random() * open.length), 1);
              ended?.load.ended('answered', 0, 0);
              continue;
            }
            // Few keys: without a bound one endpoint would have most of the calls.
            const picked = set.pick(
              0,
              noneAside,
              undefined,
              hashText(`${Math.floor(random() * 3)}`),
            );
            if (picked === undefined) throw new Error('nothing was picked');
            picked.load.given();
            open.push(picked);
            const share = (bound * backend.active * picked.weight) / total;
            expect(picked.load.active).toBeLessThanOrEqual(Math.ceil(share));
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it('sends the surplus of a key to one endpoint after the other, and all to one without a bound', () => {
    const spread = (hashBound: number | undefined): number[] => {
      const set = new EndpointSet<Endpoint>(settings('maglev', hashBound), () => 0);
      const endpoints = evenEndpoints(4);
      set.replace(endpoints);
      for (let call = 0; call < 40; call += 1) set.pick(0, noneAside, undefined, 7)?.load.given();
      return endpoints.map(({ load }) => load.active).sort((a, b) => b - a);
    };

    expect(spread(undefined)).toEqual([40, 0, 0, 0]);
    expect(spread(1.5)).toEqual([15, 15, 10, 0]);
  });

  it('gives way when those with room have all been tried, and goes by the key still', () => {
    const set = new EndpointSet<Endpoint>(settings('maglev', 1), () => 0);
    const endpoints = evenEndpoints(3);
    set.replace(endpoints);
    for (const { load } of endpoints.slice(0, 2)) load.given();
    const tried = new Set(['e02']);

    const keys = Array.from({ length: 20 }, (_, hash) => set.pick(0, noneAside, tried, hash)?.key);

    expect(new Set(keys)).toEqual(new Set(['e00', 'e01']));
  });

  it('counts only endpoints that are not set aside', () => {
    const setAside = new SetAside(() => 0.5);
    const set = new EndpointSet<Endpoint>(settings('rendezvous', 1), () => 0);
    const endpoints = evenEndpoints(4);
    set.replace(endpoints);
    setAside.fail('e00', 0);
    setAside.fail('e01', 0);

    for (let call = 0; call < 20; call += 1) set.pick(0, setAside, undefined, 7)?.load.given();

    expect(endpoints.map(({ load }) => load.active)).toEqual([0, 0, 10, 10]);
  });
});

describe('a call without a key', () => {
  it.each(hashingPolicies)('goes anywhere under %s', (policy) => {
    const set = new EndpointSet<Endpoint>({ ...defaultLoadBalancing, policy }, seeded(1));
    set.replace(evenEndpoints(3));

    const picked = Array.from({ length: 50 }, () => set.pick(0, new SetAside(() => 0))?.key);

    expect(new Set(picked).size).toBe(3);
  });
});
