import fc from 'fast-check';
import { WindowQuota } from './index';

const first = { startMs: 0, endMs: 1000 };
const second = { startMs: 1000, endMs: 2000 };

describe('a quota of a window', () => {
  it('lets so much through, says when the next window begins, and begins anew with it', () => {
    const quota = new WindowQuota({ max: 3, keysMax: 10 });

    expect(quota.take('a', 2, first, 0)).toEqual({
      isAllowed: true,
      remaining: 1,
      retryAfterMs: 0,
    });
    expect(quota.take('a', 2, first, 400)).toEqual({
      isAllowed: false,
      remaining: 1,
      retryAfterMs: 600,
    });
    expect(quota.take('a', 1, first, 400).isAllowed).toBe(true);
    expect(quota.take('b', 3, first, 400).isAllowed).toBe(true);
    expect(quota.take('a', 3, second, 1000)).toMatchObject({ isAllowed: true, remaining: 0 });
    expect(quota.take('a', 4, second, 1000).retryAfterMs).toBe(Infinity);
  });

  it('looks without counting, and counts no more what is given back in the same window', () => {
    const quota = new WindowQuota({ max: 2, keysMax: 10 });

    expect(quota.peek('a', 2, first, 0)).toMatchObject({ isAllowed: true, remaining: 0 });
    expect(quota.size).toBe(0);
    quota.take('a', 2, first, 0);
    quota.giveBack('a', 1, first);
    expect(quota.peek('a', 1, first, 0).isAllowed).toBe(true);
    quota.take('a', 2, second, 1000);
    quota.giveBack('a', 2, first);
    expect(quota.peek('a', 1, second, 1000).isAllowed).toBe(false);
  });

  it('gives keys without a place one count together until the window is over', () => {
    const quota = new WindowQuota({ max: 2, keysMax: 1 });
    quota.take('a', 1, first, 0);

    expect(quota.take('b', 1, first, 0).isAllowed).toBe(true);
    expect(quota.take('c', 2, first, 0).isAllowed).toBe(false);
    quota.giveBack('b', 1, first);
    expect([quota.hasPlaceFor('b', first), quota.peek('c', 1, first, 0).remaining]).toEqual([
      false,
      0,
    ]);
    expect(quota.take('c', 2, second, 1000).isAllowed).toBe(true);
    expect(quota.size).toBe(1);
    // The count that is shared begins anew as well.
    expect(quota.take('b', 2, second, 1000).isAllowed).toBe(true);
  });

  it('never lets more of a key through in a window, whatever the keys and the table', () => {
    const requests = fc.array(
      fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), cost: fc.nat(3), later: fc.nat(9) }),
      { maxLength: 80, size: 'max' },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), requests, run),
    );

    function run(
      max: number,
      keysMax: number,
      steps: { key: string; cost: number; later: number }[],
    ) {
      const quota = new WindowQuota({ max, keysMax });
      const sums = new Map<string, number>();
      let startMs = 0;
      for (const { key, cost, later } of steps) {
        if (later === 0) startMs += 1000;
        const window = { startMs, endMs: startMs + 1000 };
        if (!quota.take(key, cost, window, startMs).isAllowed) continue;
        const id = `${startMs} ${key}`;
        sums.set(id, (sums.get(id) ?? 0) + cost);
      }
      expect(Math.max(0, ...sums.values())).toBeLessThanOrEqual(max);
      expect(quota.size).toBeLessThanOrEqual(keysMax);
    }
  });
});
