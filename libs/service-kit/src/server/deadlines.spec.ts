import { type Deadline, Deadlines } from './deadlines';

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
    const deadline = deadlines.add(item, performance.now() + 50);

    deadlines.remove(deadline);

    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(200);
  });

  it('expire each once, or not at all when they are removed, also by another of their time', () => {
    const deadlines = new Deadlines(() => performance.now());
    const expired: number[] = [];
    const remove = (...indexes: number[]): void => {
      for (const [index, deadline] of added.entries())
        if (indexes.includes(index)) deadlines.remove(deadline);
    };
    const added: Deadline[] = Array.from({ length: 30 }, (_, index) => {
      const onDeadline = (): void => {
        expired.push(index);
        // Of each pair one removes the other, whichever comes first; also itself, which is over.
        remove(index, index ^ 1);
      };
      return deadlines.add({ onDeadline }, 51);
    });
    remove(0, 1, 5, 28);
    remove(28);

    jest.advanceTimersByTime(200);

    const pairs = expired.map((index) => index >> 1).sort((a, b) => a - b);
    expect(pairs).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    for (const removed of [0, 1, 5, 28]) expect(expired).not.toContain(removed);
    expect(jest.getTimerCount()).toBe(0);
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
