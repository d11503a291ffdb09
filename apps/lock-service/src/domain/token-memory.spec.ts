import { TokenMemory } from './token-memory';

describe('TokenMemory', () => {
  it('reads 0 for a name that was never granted, while nothing was forgotten', () => {
    expect(new TokenMemory(2).newestOf('a')).toBe(0);
  });

  it('forgets the oldest names beyond its bound, and never answers less than their tokens', () => {
    const memory = new TokenMemory(3);
    for (const token of [10, 11, 12, 13, 14]) memory.remember(`lock-${token}`, token);

    const forgotten = memory.newestOf('lock-10');

    expect(memory.size).toBeLessThanOrEqual(4);
    expect(forgotten).toBeGreaterThanOrEqual(10);
    expect(memory.newestOf('lock-14')).toBe(14);
    expect(memory.newestOf('never granted')).toBe(memory.floor);
  });

  it('counts a name as new when it is remembered again', () => {
    const memory = new TokenMemory(1);
    memory.remember('a', 1);
    memory.remember('a', 2);
    memory.remember('b', 3);

    expect(memory.newestOf('a')).toBe(2);
    expect(memory.floor).toBe(2);
  });
});
