import fc from 'fast-check';
import { endpointsOf, evenEndpoints, picks, requestOf, seeded } from '../test/support/endpoints';
import {
  createPicker,
  DeadlinePicker,
  defaultLoadBalancing,
  type Endpoint,
  type Picker,
  pickingPolicies,
  RandomPicker,
  RoundRobinPicker,
} from './index';

const everyone = requestOf();

/** The picker of the weighted policy. */
function weightedPicker(): Picker<Endpoint> {
  return createPicker({ ...defaultLoadBalancing, policy: 'weighted' }, () => 0);
}

const weightLists = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('round robin', () => {
  it('gives every endpoint the same number of picks over any number of rounds, wherever it starts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 5 }),
        unit,
        (size, rounds, start) => {
          const picker = new RoundRobinPicker<Endpoint>(() => start);
          picker.replace(evenEndpoints(size));

          const counts = picks(picker, size * rounds);

          expect(counts.size).toBe(size);
          expect(new Set(counts.values())).toEqual(new Set([rounds]));
        },
      ),
    );
  });

  it('continues behind the last picked endpoint when the list changes', () => {
    const picker = new RoundRobinPicker<Endpoint>(() => 0);
    const [a, b, c, d] = endpointsOf([1, 1, 1, 1]) as [Endpoint, Endpoint, Endpoint, Endpoint];
    picker.replace([a, b, d]);
    picker.pick(everyone);
    picker.pick(everyone);

    picker.replace([a, c, d]);

    expect([picker.pick(everyone), picker.pick(everyone), picker.pick(everyone)]).toEqual([
      c,
      d,
      a,
    ]);
  });
});

describe('random', () => {
  it('gives every available endpoint about the same share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.integer(), (size, seed) => {
        const picker = new RandomPicker<Endpoint>(seeded(seed));
        picker.replace(evenEndpoints(size));

        const counts = picks(picker, size * 2000);

        // Five standard deviations of a binomial with mean 2000.
        for (const count of counts.values())
          expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000));
        expect(counts.size).toBe(size);
      }),
      { numRuns: 20 },
    );
  });
});

describe('weighted', () => {
  it('is exact over a cycle for any weights', () => {
    fc.assert(
      fc.property(weightLists, fc.integer({ min: 1, max: 3 }), (weights, cycles) => {
        const picker = weightedPicker();
        const endpoints = endpointsOf(weights);
        picker.replace(endpoints);

        const counts = picks(picker, weights.reduce((a, b) => a + b, 0) * cycles);

        for (const { key, weight } of endpoints) expect(counts.get(key)).toBe(weight * cycles);
      }),
    );
  });

  it('spreads the heavy endpoint over the cycle instead of sending it a burst', () => {
    const picker = weightedPicker();
    picker.replace(endpointsOf([5, 1, 1]));

    const sequence = Array.from({ length: 7 }, () => picker.pick(everyone)?.key.at(-1)).join('');

    expect(sequence).toBe('0100020');
  });

  it('gives one that was unavailable no turns that it missed', () => {
    const picker = weightedPicker();
    picker.replace(endpointsOf([5, 1, 1]));
    picks(picker, 70, requestOf({ isAvailable: ({ key }) => key !== 'e01' }));

    expect(picks(picker, 70).get('e01')).toBeLessThanOrEqual(11);
  });

  it('keeps its place when a list is replaced by the same one', () => {
    const picker = weightedPicker();
    const endpoints = endpointsOf([2, 1]);
    picker.replace(endpoints);
    picker.pick(everyone);

    picker.replace([...endpoints]);

    expect([picker.pick(everyone)?.key, picker.pick(everyone)?.key]).toEqual(['e00', 'e00']);
  });

  it('follows weights that change from turn to turn', () => {
    let weight = 1;
    const picker = new DeadlinePicker<Endpoint>(
      () => 0,
      ({ key }) => (key === 'e00' ? 1 : weight),
    );
    picker.replace(evenEndpoints(2));
    picks(picker, 10);
    weight = 4;
    picks(picker, 2);

    expect(picks(picker, 50)).toEqual(
      new Map([
        ['e00', 10],
        ['e01', 40],
      ]),
    );
  });

  it('never lets an endpoint wait for more than a cycle', () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const picker = weightedPicker();
        const total = weights.reduce((a, b) => a + b, 0);
        picker.replace(endpointsOf(weights));
        const last = new Map<string, number>();

        for (let pick = 0; pick < total * 3; pick += 1) {
          const key = picker.pick(everyone)?.key ?? '';
          expect(pick - (last.get(key) ?? pick)).toBeLessThanOrEqual(total);
          last.set(key, pick);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('every policy', () => {
  it.each(pickingPolicies)(
    '%s picks only available endpoints, and none when there is none',
    (policy) => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { maxLength: 12 }),
          fc.integer(),
          (specification, seed) => {
            const picker = createPicker({ ...defaultLoadBalancing, policy }, seeded(seed));
            const endpoints = endpointsOf(specification.map(([weight]) => weight));
            const available = new Set(
              endpoints.filter((_, index) => specification[index]?.[1]).map(({ key }) => key),
            );
            picker.replace(endpoints);

            const isAvailable = ({ key }: Endpoint): boolean => available.has(key);
            const counts = picks(picker, 100, requestOf({ isAvailable }));

            if (available.size === 0) expect([...counts.keys()]).toEqual(['none']);
            else for (const key of counts.keys()) expect(available).toContain(key);
          },
        ),
        { numRuns: 30 },
      );
    },
  );
});
