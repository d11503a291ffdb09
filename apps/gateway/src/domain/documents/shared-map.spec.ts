import fc from 'fast-check';
import { SharedMap } from './shared-map';

describe('SharedMap', () => {
  it('has what a Map has, after any changes, and every map before it stays as it was', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', 'c.example.com', ''), fc.string());
    const changes = fc.uniqueArray(fc.tuple(key, fc.option(fc.nat(), { nil: undefined })), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 8 }), (rounds) => {
        let map = SharedMap.of<number>([]);
        const expected = new Map<string, number>();
        const past: [SharedMap<number>, Map<string, number>][] = [];
        for (const round of rounds) {
          map = map.changed(round);
          for (const [name, value] of round)
            if (value === undefined) expected.delete(name);
            else expected.set(name, value);
          past.push([map, new Map(expected)]);
        }
        const names = rounds.flat().map(([name]) => name);
        for (const [shared, same] of past) {
          expect(shared.size).toBe(same.size);
          for (const name of names) expect(shared.get(name)).toBe(same.get(name));
        }
      }),
    );
  });
});
