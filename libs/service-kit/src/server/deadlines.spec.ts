import { Deadlines } from './deadlines';

describe('deadlines', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('expire once, in time and never early', () => {
    const expired: number[] = [];
    const deadlines = new Deadlines(() => performance.now());
    const startMs = performance.now();
    for (const afterMs of [1, 7, 50, 1000])
      deadlines.add(
        { onDeadline: () => expired.push(performance.now() - startMs - afterMs) },
        startMs + afterMs,
      );

    jest.advanceTimersByTime(2000);

    expect(expired).toHaveLength(4);
    for (const lateMs of expired) {
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThanOrEqual(15);
    }
  });

  it('that are removed never expire, and no timer stays', () => {
    const deadlines = new Deadlines(() => performance.now());
    const item = { onDeadline: () => expect('expired').toBe('removed') };
    const bucket = deadlines.add(item, performance.now() + 50);

    deadlines.remove(item, bucket);

    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(200);
  });

  it('that have passed already expire at the next turn', () => {
    let expired = 0;
    const deadlines = new Deadlines(() => performance.now());
    jest.advanceTimersByTime(500);

    deadlines.add({ onDeadline: () => (expired += 1) }, performance.now() - 100);
    jest.advanceTimersByTime(20);

    expect(expired).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
