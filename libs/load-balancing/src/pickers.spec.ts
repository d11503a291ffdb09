import fc from 'fast-check';
import {
  createPicker,
  pickingPolicies,
  RandomPicker,
  RoundRobinPicker,
  WeightedPicker,
} from './index';
import { type Endpoint, type Picker } from './endpoint';

const everyone = (): boolean => true;

function endpointsOf(weights: readonly number[]): Endpoint[] {
  return weights.map((weight, index) => ({ key: `e${String(index).padStart(2, '0')}`, weight }));
}

function picks(
  picker: Picker<Endpoint>,
  count: number,
  isAvailable = everyone as (e: Endpoint) => boolean,
) {
  const counts = new Map<string, number>();
  for (let pick = 0; pick < count; pick += 1) {
    const key = picker.pick(isAvailable)?.key ?? 'none';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** A small linear congruential generator: the same sequence in every run. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
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
          picker.replace(endpointsOf(Array<number>(size).fill(1)));

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
        picker.replace(endpointsOf(Array<number>(size).fill(1)));

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
        const picker = new WeightedPicker<Endpoint>();
        const endpoints = endpointsOf(weights);
        picker.replace(endpoints);

        const counts = picks(picker, weights.reduce((a, b) => a + b, 0) * cycles);

        for (const { key, weight } of endpoints) expect(counts.get(key)).toBe(weight * cycles);
      }),
    );
  });

  it('spreads the heavy endpoint over the cycle instead of sending it a burst', () => {
    const picker = new WeightedPicker<Endpoint>();
    picker.replace(endpointsOf([5, 1, 1]));

    const sequence = Array.from({ length: 7 }, () => picker.pick(everyone)?.key.at(-1)).join('');

    expect(sequence).toBe('0010200');
  });

  it('never lets an endpoint wait for more than a cycle', () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const picker = new WeightedPicker<Endpoint>();
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
            const picker = createPicker<Endpoint>(policy, seeded(seed));
            const endpoints = endpointsOf(specification.map(([weight]) => weight));
            const available = new Set(
              endpoints.filter((_, index) => specification[index]?.[1]).map(({ key }) => key),
            );
            picker.replace(endpoints);

            const counts = picks(picker, 200, ({ key }) => available.has(key));

            if (available.size === 0) expect([...counts.keys()]).toEqual(['none']);
            else for (const key of counts.keys()) expect(available).toContain(key);
          },
        ),
      );
    },
  );
});
