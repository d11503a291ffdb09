import { formatPercentiles, percentilesOf } from './percentiles';

describe('percentiles', () => {
  it('are measured values, by nearest rank, whatever the order', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

    expect(percentilesOf(hundred)).toEqual({ p50: 50, p99: 99, max: 100 });
  });

  it('of few values are the worst ones rather than better ones', () => {
    expect(percentilesOf([30, 10, 20])).toEqual({ p50: 20, p99: 30, max: 30 });
    expect(percentilesOf([7])).toEqual({ p50: 7, p99: 7, max: 7 });
  });

  it('of nothing are refused', () => {
    expect(() => percentilesOf([])).toThrow(RangeError);
  });

  it('are printed in whole milliseconds', () => {
    expect(formatPercentiles({ p50: 1.4, p99: 2.6, max: 3 })).toBe('p50 1 ms  p99 3 ms  max 3 ms');
  });
});
