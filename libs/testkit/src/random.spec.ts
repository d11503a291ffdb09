import { seededRandom } from './random';

describe('seededRandom', () => {
  it('gives the same numbers for the same seed', () => {
    const first = seededRandom(42);
    const second = seededRandom(42);
    for (let count = 0; count < 100; count += 1) expect(first.next()).toBe(second.next());
  });

  it('gives other numbers for another seed', () => {
    expect(seededRandom(1).next()).not.toBe(seededRandom(2).next());
  });

  it('stays in its bounds and reaches both ends', () => {
    const random = seededRandom(3);
    const numbers = Array.from({ length: 1000 }, () => random.integer(2, 5));
    expect(new Set(numbers)).toEqual(new Set([2, 3, 4, 5]));
  });

  it('refuses to pick from nothing', () => {
    expect(() => seededRandom(1).pick([])).toThrow(RangeError);
  });

  it('lets a fork be used without disturbing the rest', () => {
    const plain = seededRandom(9);
    const forked = seededRandom(9);
    plain.fork();
    const fork = forked.fork();
    fork.next();
    expect(forked.next()).toBe(plain.next());
  });
});
