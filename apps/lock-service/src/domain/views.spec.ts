import fc from 'fast-check';
import { smallestNames } from './views';

describe('smallestNames', () => {
  it('equals sorting everything and cutting out the page', () => {
    const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 }));
    fc.assert(
      fc.property(
        names,
        fc.constantFrom('', 'a', 'ab'),
        fc.constantFrom('', 'a', 'b'),
        fc.integer({ min: 1, max: 5 }),
        (all, prefix, after, count) => {
          const expected = all
            .filter((name) => name.startsWith(prefix) && name > after)
            .sort()
            .slice(0, count);

          expect(smallestNames(all, prefix, after, count)).toEqual(expected);
        },
      ),
    );
  });
});
