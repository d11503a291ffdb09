import fc from 'fast-check';
import { RateLimiter, type RateLimitSettings } from './index';

const settings: RateLimitSettings = { perSecond: 10, burst: 5, keysMax: 100 };

describe('a rate limiter', () => {
  it('lets a burst through, then as much as the rate, and says when to come again', () => {
    const limiter = new RateLimiter(settings);
    const remaining = Array.from({ length: 5 }, () => limiter.take('a', 1, 0).remaining);

    expect(remaining).toEqual([4, 3, 2, 1, 0]);
    expect(limiter.take('a', 1, 0)).toEqual({ isAllowed: false, remaining: 0, retryAfterMs: 100 });
    expect(limiter.take('a', 1, 99).isAllowed).toBe(false);
    expect(limiter.take('a', 1, 100).isAllowed).toBe(true);
    expect(limiter.take('b', 5, 100).isAllowed).toBe(true);
  });

  it('says that what costs more than a burst is never let through', () => {
    expect(new RateLimiter(settings).take('a', 6, 0)).toEqual({
      isAllowed: false,
      remaining: 5,
      retryAfterMs: Infinity,
    });
  });

  it('gives keys without a place one count together, and places again when others have recovered', () => {
    const limiter = new RateLimiter({ perSecond: 10, burst: 2, keysMax: 2 });
    limiter.take('a', 2, 0);
    limiter.take('b', 1, 0);

    expect(limiter.take('c', 2, 0).isAllowed).toBe(true);
    expect(limiter.take('d', 1, 0).isAllowed).toBe(false);
    expect(limiter.size).toBe(2);
    // 'b' is whole again after 100 ms: 'd' takes its place, and what the shared count let through still counts.
    expect(limiter.take('d', 1, 100)).toMatchObject({ isAllowed: true, remaining: 0 });
    expect(limiter.take('e', 2, 100).isAllowed).toBe(false);
    expect(limiter.size).toBe(2);
  });

  it('looks without counting, and counts no more what is given back', () => {
    const limiter = new RateLimiter({ perSecond: 10, burst: 2, keysMax: 1 });

    expect([limiter.peek('a', 2, 0), limiter.peek('a', 2, 0)]).toEqual([
      { isAllowed: true, remaining: 0, retryAfterMs: 0 },
      { isAllowed: true, remaining: 0, retryAfterMs: 0 },
    ]);
    expect(limiter.size).toBe(0);
    limiter.take('a', 2, 0);
    expect(limiter.peek('a', 1, 0)).toEqual({ isAllowed: false, remaining: 0, retryAfterMs: 100 });
    limiter.giveBack('a', 1);
    expect([limiter.take('a', 1, 0).isAllowed, limiter.take('a', 1, 0).isAllowed]).toEqual([
      true,
      false,
    ]);
    // The count of those without a place is nobody's to give back from.
    expect([limiter.hasPlaceFor('a', 0), limiter.hasPlaceFor('b', 0)]).toEqual([true, false]);
    limiter.take('b', 2, 0);
    limiter.giveBack('b', 2);
    expect(limiter.take('b', 1, 0).isAllowed).toBe(false);
  });

  it('never lets more of a key through than burst + rate × time, whatever the keys and the table', () => {
    const requests = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        cost: fc.integer({ min: 0, max: 4 }),
        pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
      }),
      { maxLength: 80, size: 'max' },
    );
    const limits = fc.record({
      perSecond: fc.integer({ min: 1, max: 50 }),
      burst: fc.integer({ min: 1, max: 8 }),
      keysMax: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(limits, requests, (drawn, steps) => {
        const limiter = new RateLimiter(drawn);
        const admitted = new Map<string, { atMs: number; cost: number }[]>();
        let nowMs = 0;
        let excess = 0;
        for (const { key, cost, pauseMs } of steps) {
          nowMs += pauseMs;
          if (!limiter.take(key, cost, nowMs).isAllowed) continue;
          const mine = [...(admitted.get(key) ?? []), { atMs: nowMs, cost }];
          admitted.set(key, mine);
          // Every interval that ends now.
          let sum = 0;
          for (const { atMs, cost: one } of mine.toReversed()) {
            sum += one;
            const bound = drawn.burst + (drawn.perSecond * (nowMs - atMs)) / 1000;
            excess = Math.max(excess, sum - bound);
          }
        }
        expect(excess).toBeLessThan(1e-6);
        expect(limiter.size).toBeLessThanOrEqual(drawn.keysMax);
      }),
    );
  });

  it('lets a request through after exactly the time that it named', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20, size: 'max' }),
        (perSecond, burst, costs) => {
          const limiter = new RateLimiter({ perSecond, burst, keysMax: 1 });
          let nowMs = 1000;
          for (const cost of costs) {
            const { isAllowed, retryAfterMs } = limiter.take('a', cost, nowMs);
            expect(retryAfterMs === Infinity).toBe(cost > burst);
            if (isAllowed || retryAfterMs === Infinity) continue;
            nowMs += retryAfterMs;
            expect(limiter.take('a', cost, nowMs).isAllowed).toBe(true);
          }
        },
      ),
    );
  });
});
