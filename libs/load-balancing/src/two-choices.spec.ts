import fc from 'fast-check';
import {
  endpointsOf,
  evenEndpoints,
  picks,
  requestOf,
  seeded,
  tolerance,
} from '../test/support/endpoints';
import { BackendLoad, type Endpoint, LeastRequestPicker, TwoChoicesPicker } from './index';

const weightLists = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 10 });

describe('two choices', () => {
  it('compares two different available endpoints, and never takes the dearer one', () => {
    fc.assert(
      fc.property(weightLists, fc.integer(), fc.array(fc.nat(9)), (weights, seed, costs) => {
        const compared: Endpoint[] = [];
        const costOf = ({ key }: Endpoint): number => costs[Number(key.slice(1))] ?? 0;
        const picker = new TwoChoicesPicker<Endpoint>(seeded(seed), (endpoint) => {
          compared.push(endpoint);
          return costOf(endpoint);
        });
        const endpoints = endpointsOf(weights);
        picker.replace(endpoints);
        const isAvailable = ({ key }: Endpoint): boolean => endpoints.length < 3 || key !== 'e01';

        for (let pick = 0; pick < 20; pick += 1) {
          compared.length = 0;
          const picked = picker.pick(requestOf({ isAvailable }));
          expect(new Set(compared).size).toBe(2);
          expect(compared.every(isAvailable)).toBe(true);
          expect(picked && costOf(picked)).toBe(Math.min(...compared.map(costOf)));
        }
      }),
    );
  });

  it('takes the only one that is available', () => {
    const picker = new TwoChoicesPicker<Endpoint>(seeded(1), () => 0);
    picker.replace(evenEndpoints(50));

    const counts = picks(picker, 20, requestOf({ isAvailable: ({ key }) => key === 'e33' }));

    expect(counts).toEqual(new Map([['e33', 20]]));
  });

  it('draws first and second choice in proportion to the weights', () => {
    const weights = [10, 20, 30, 40];
    const picker = new TwoChoicesPicker<Endpoint>(seeded(7), () => 0);
    picker.replace(endpointsOf(weights));
    const count = 20_000;

    // Equal costs: the first one is taken.
    const counts = picks(picker, count);
    weights.forEach((weight, index) => {
      const off = Math.abs((counts.get(`e0${index}`) ?? 0) - (count * weight) / 100);
      expect(off).toBeLessThan(tolerance(count, weight / 100));
    });

    // e03 costs more than all others: it is never taken, and the second choice takes its part.
    const others = new TwoChoicesPicker<Endpoint>(seeded(7), ({ key }) => (key === 'e03' ? 1 : 0));
    others.replace(endpointsOf(weights));
    const without = picks(others, count);
    weights.slice(0, 3).forEach((weight, index) => {
      const chance = weight / 100 + (0.4 * weight) / 60;
      const off = Math.abs((without.get(`e0${index}`) ?? 0) - count * chance);
      expect(off).toBeLessThan(tolerance(count, chance));
    });
    expect(without.get('e03')).toBeUndefined();
  });
});

describe('least request', () => {
  it('prefers the one with fewer open calls', () => {
    const picker = new LeastRequestPicker<Endpoint>(seeded(1), 1);
    const [busy, free] = evenEndpoints(2);
    if (busy === undefined || free === undefined) throw new Error('two were asked for');
    picker.replace([busy, free]);
    busy.load.given();

    expect(picks(picker, 50)).toEqual(new Map([[free.key, 50]]));
    free.load.given();
    free.load.given();
    expect(picks(picker, 50)).toEqual(new Map([[busy.key, 50]]));
  });

  it('keeps open calls closer together than chance does', () => {
    const endpoints = evenEndpoints(100);
    const picker = new LeastRequestPicker<Endpoint>(seeded(3), 1);
    picker.replace(endpoints);

    for (let call = 0; call < 1000; call += 1) picker.pick(requestOf())?.load.given();

    // Ten calls each on average; of a thousand thrown at random the fullest of a hundred has about nineteen.
    const open = endpoints.map(({ load }) => load.active);
    expect(Math.max(...open)).toBeLessThanOrEqual(12);
    expect(Math.min(...open)).toBeGreaterThanOrEqual(7);
  });

  it.each([
    [0, [100, 100, 400]],
    [1, [100, 50, 100]],
    [2, [100, 25, 25]],
  ])(
    'with bias %d gives endpoints that weigh differently weight / (open calls + 1)^bias',
    (bias, shares) => {
      const picker = new LeastRequestPicker<Endpoint>(() => 0, bias);
      const endpoints = endpointsOf([100, 100, 400]);
      [0, 1, 3].forEach((open, index) => {
        for (let call = 0; call < open; call += 1) endpoints[index]?.load.given();
      });
      picker.replace(endpoints);

      const total = shares.reduce((a, b) => a + b, 0);
      const counts = picks(picker, total);

      shares.forEach((share, index) => expect(counts.get(`e0${index}`)).toBe(share));
    },
  );
});

describe('the load of a backend', () => {
  it('counts the calls of an endpoint, and of all of them, gone or not', () => {
    const backend = new BackendLoad(undefined);
    const a = backend.of('a', 0);
    const b = backend.of('b', 0);
    a.given();
    a.given();
    b.given();
    a.ended('answered', 1, 1);

    expect([a.active, b.active, a.backendActive]).toEqual([1, 1, 2]);

    backend.retain((key) => key === 'b');
    expect([backend.size, backend.active]).toEqual([1, 2]);
    expect(backend.of('a', 9)).not.toBe(a);
    a.ended('failed', 1, 1);
    expect([backend.active, backend.of('a', 9).active]).toEqual([1, 0]);
  });
});
