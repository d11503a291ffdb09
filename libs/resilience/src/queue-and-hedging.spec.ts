import fc from 'fast-check';
import {
  defaultHedgingSettings,
  hedgeDelayMs,
  LatencyQuantiles,
  Limit,
  RequestQueue,
} from './index';

describe('a limit', () => {
  it('gives as many places as there are, and again what was given back', () => {
    const limit = new Limit(2);

    expect([limit.tryTake(), limit.tryTake(), limit.tryTake()]).toEqual([true, true, false]);
    limit.giveBack();
    expect([limit.used, limit.tryTake()]).toEqual([1, true]);
    expect(() => new Limit(2).giveBack()).toThrow(RangeError);
  });

  it('has more or fewer places from now on, and takes nobody’s away', () => {
    const limit = new Limit(Infinity);
    for (let place = 0; place < 3; place += 1) limit.tryTake();

    limit.resize(2);
    expect([limit.used, limit.max, limit.tryTake()]).toEqual([3, 2, false]);
    limit.giveBack();
    expect(limit.tryTake()).toBe(false);
    limit.giveBack();
    expect([limit.tryTake(), limit.tryTake()]).toEqual([true, false]);
    expect(new Limit(0).tryTake()).toBe(false);
  });
});

describe('a request queue', () => {
  it('is first come, first served, without those whose time is over, who left, or found it full', () => {
    const queue = new RequestQueue<string>(4);
    const accepted = ['a', 'b', 'c', 'd', 'e'].map((item, index) =>
      queue.offer(item, [100, 10, 50, 100][index] ?? 100),
    );
    queue.cancel('a');

    expect(accepted).toEqual([true, true, true, true, false]);
    expect(queue.take(20)).toBe('c');
    expect([queue.size, queue.cancel('b'), queue.cancel('b'), queue.size]).toEqual([
      2,
      true,
      false,
      1,
    ]);
    expect([queue.take(20), queue.take(20)]).toEqual(['d', undefined]);
    expect(queue.size).toBe(0);
  });
});

describe('latency quantiles', () => {
  it('are at most a tenth above the exact ones', () => {
    const durations = fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), {
      minLength: 1,
      maxLength: 100,
      size: 'max',
    });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(durations, share, (all, drawn) => {
        const quantiles = new LatencyQuantiles(1000);
        for (const one of all) quantiles.add(one, 5);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(drawn * all.length)) - 1] ?? 0;

        const measured = quantiles.quantile(drawn, 5) ?? 0;
        expect(measured).toBeGreaterThanOrEqual(exact * (1 - 1e-6));
        expect(measured).toBeLessThanOrEqual(exact * 1.1 * (1 + 1e-6));
      }),
    );
  });

  it('forget what is older than two windows', () => {
    const quantiles = new LatencyQuantiles(1000);
    quantiles.add(500, 0);
    quantiles.add(5, 1000);

    expect([quantiles.size(1999), quantiles.size(2000), quantiles.size(3000)]).toEqual([2, 1, 0]);
    expect(quantiles.quantile(0.5, 3000)).toBeUndefined();
    quantiles.add(5, 3000);
    expect(quantiles.size(5000)).toBe(0);
  });
});

describe('hedging', () => {
  const call = { attempts: 1, isSafe: true, remainingMs: undefined };
  const measured = new LatencyQuantiles(1000);
  for (let sample = 0; sample < 100; sample += 1) measured.add(sample < 95 ? 20 : 900, 0);

  it('begins after the time that most calls are answered within', () => {
    const delayMs = hedgeDelayMs(defaultHedgingSettings, call, measured, 0);

    expect(delayMs).toBeGreaterThanOrEqual(20);
    expect(delayMs).toBeLessThan(22.1);
    const settings = { ...defaultHedgingSettings, after: { delayMs: 40 } };
    expect(hedgeDelayMs(settings, call, new LatencyQuantiles(1000), 0)).toBe(40);
  });

  it('does not begin when it is unsafe, too late, enough, or when too little is known', () => {
    const decide = (difference: object, latencies = measured) =>
      hedgeDelayMs(defaultHedgingSettings, { ...call, ...difference }, latencies, 0);

    expect(decide({ isSafe: false })).toBeUndefined();
    expect(decide({ attempts: 2 })).toBeUndefined();
    expect(decide({ remainingMs: 15 })).toBeUndefined();
    const few = new LatencyQuantiles(1000);
    for (let sample = 0; sample < 99; sample += 1) few.add(20, 0);
    expect(decide({}, few)).toBeUndefined();
  });
});
