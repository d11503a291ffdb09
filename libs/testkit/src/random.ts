/** A source of pseudo-random numbers: the same seed gives the same numbers, on every machine and for ever. */
export interface SeededRandom {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of them. Throws when there is none. */
  pick<Item>(items: readonly Item[]): Item;
  /** Another source that depends on this one's present state: what draws from it does not disturb what draws from this one. */
  fork(): SeededRandom;
}

/** Makes a source from a whole number. The generator is sfc32 (C. Doty-Humphrey, PractRand), seeded by a few steps of itself. */
export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9 | 0;
  let b = seed | 0;
  let c = Math.floor(seed / 0x1_0000_0000) | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let step = 0; step < 16; step += 1) next();
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: <Item>(items: readonly Item[]): Item => {
      if (items.length === 0) throw new RangeError('there is nothing to pick from');
      return items[integer(0, items.length - 1)] as Item;
    },
    fork: () => seededRandom(integer(0, Number.MAX_SAFE_INTEGER - 1)),
  };
}
