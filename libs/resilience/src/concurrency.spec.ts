import fc from 'fast-check';
import {
  callPriorities,
  ConcurrencyLimiter,
  defaultConcurrencyLimiterSettings,
  defaultGradientSettings,
  FixedConcurrencyLimit,
  GradientConcurrencyLimit,
} from './index';

describe('a concurrency limiter', () => {
  it('keeps the last places for the calls that matter most', () => {
    const limiter = new ConcurrencyLimiter(new FixedConcurrencyLimit(10));
    const admitted = (['sheddable', 'normal', 'critical'] as const).map(
      (priority) =>
        Array.from({ length: 12 }, () => limiter.tryAcquire(priority)).filter(Boolean).length,
    );

    expect(admitted).toEqual([7, 2, 1]);
    limiter.release('done', 5, 0);
    expect(callPriorities.map((priority) => limiter.tryAcquire(priority))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('tells its limit of each window: the mean duration, the most at a time, and drops', () => {
    const samples: unknown[] = [];
    const limit = { current: 10, update: (sample: unknown) => void samples.push(sample) };
    const limiter = new ConcurrencyLimiter(limit, {
      ...defaultConcurrencyLimiterSettings,
      windowMs: 100,
      samplesMin: 3,
    });
    for (let call = 0; call < 4; call += 1) limiter.tryAcquire('critical');
    limiter.release('ignored', 1000, 0);
    limiter.release('done', 10, 0);
    limiter.release('dropped', 20, 100);
    expect(samples).toEqual([]);
    limiter.release('done', 30, 100);

    expect(samples).toEqual([{ durationMs: 20, inFlightMax: 4, hasDrops: true }]);
    expect(limiter.used).toBe(0);
  });
});

describe('the gradient limit', () => {
  /** A backend that works on `capacity` calls at a time and lets others wait: each takes 10 ms of work. */
  function settle(limit: GradientConcurrencyLimit, capacity: number, windows: number): number {
    for (let window = 0; window < windows; window += 1) {
      const inFlightMax = limit.current;
      const durationMs = 10 * Math.max(1, inFlightMax / capacity);
      limit.update({ durationMs, inFlightMax, hasDrops: false });
    }
    return limit.current;
  }

  it('finds the number of calls that the backend works on, from below and from above', () => {
    const limit = new GradientConcurrencyLimit();
    const large = settle(limit, 100, 150);
    const small = settle(limit, 30, 150);

    expect(large).toBeGreaterThanOrEqual(100);
    expect(large).toBeLessThan(250);
    expect(small).toBeGreaterThanOrEqual(30);
    expect(small).toBeLessThan(Math.min(100, large));
  });

  it('knows soon again how long calls take when a long overload is over', () => {
    const limit = new GradientConcurrencyLimit();
    const windows = (count: number, durationMs: number): void => {
      for (let window = 0; window < count; window += 1)
        limit.update({ durationMs, inFlightMax: limit.current, hasDrops: false });
    };
    windows(100, 1000);
    windows(40, 10);
    const before = limit.current;
    windows(5, 100);

    expect(limit.current).toBeLessThan(before);
  });

  it('does not grow for a backend that nobody asks for more', () => {
    const limit = new GradientConcurrencyLimit();
    for (let window = 0; window < 50; window += 1)
      limit.update({ durationMs: 10, inFlightMax: 5, hasDrops: false });

    expect(limit.current).toBe(defaultGradientSettings.initial);
  });

  it('shrinks when calls were given up, however few there are', () => {
    const limit = new GradientConcurrencyLimit();
    limit.update({ durationMs: 1, inFlightMax: 1, hasDrops: true });

    expect(limit.current).toBe(18);
  });

  it('stays within its bounds whatever is measured', () => {
    const sample = fc.record({
      durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      inFlightMax: fc.nat(2000),
      hasDrops: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 100, size: 'max' }), (samples) => {
        const limit = new GradientConcurrencyLimit({ ...defaultGradientSettings, max: 50 });
        const limits = samples.map((one) => {
          limit.update(one);
          return limit.current;
        });
        expect(Math.min(4, ...limits)).toBe(4);
        expect(Math.max(50, ...limits)).toBe(50);
      }),
    );
  });
});
