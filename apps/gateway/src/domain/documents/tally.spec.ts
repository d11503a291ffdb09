import fc from 'fast-check';
import { Tally } from './tally';

it('has what was added more often than removed, each once', () => {
  const items = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 });
  fc.assert(
    fc.property(items, items, items, (first, more, drawn) => {
      const removed: number[] = [];
      const left = [...first];
      for (const item of drawn) {
        const at = left.indexOf(item);
        if (at < 0) continue;
        left.splice(at, 1);
        removed.push(item);
      }

      const before = Tally.of(first);
      const after = before.changed(removed, more);

      expect(new Set(after.items())).toEqual(new Set([...left, ...more]));
      expect([...after.items()]).toHaveLength(new Set([...left, ...more]).size);
      expect(new Set(before.items())).toEqual(new Set(first));
    }),
  );
});
