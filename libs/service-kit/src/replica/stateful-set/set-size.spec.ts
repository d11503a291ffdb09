import { hasPod, SteadySize } from './set-size';

const size = (replicas: number, firstOrdinal = 0) => ({ replicas, firstOrdinal });

describe('the size of a set', () => {
  it('says which pods there are to be', () => {
    expect([0, 2, 3].map((ordinal) => hasPod(size(3), ordinal))).toEqual([true, true, false]);
    expect([4, 5, 7, 8].map((ordinal) => hasPod(size(3, 5), ordinal))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('a size that is read again and again', () => {
  const STEADY_MS = 10_000;
  const SILENCE_MS = 20_000;

  it('is believed once it has stayed', () => {
    const steady = new SteadySize(STEADY_MS, SILENCE_MS);
    expect(steady.read(size(3), 0)).toBeUndefined();
    expect(steady.read(size(3), 9_999)).toBeUndefined();
    expect(steady.read(size(3), 10_000)).toEqual(size(3));
  });

  it('is not believed while it changes, and begins anew', () => {
    const steady = new SteadySize(STEADY_MS, SILENCE_MS);
    steady.read(size(3), 0);
    expect(steady.read(size(5), 9_000)).toBeUndefined();
    expect(steady.read(size(3), 12_000)).toBeUndefined();
    expect(steady.read(size(3, 1), 22_000)).toBeUndefined();
    expect(steady.read(size(3, 1), 32_000)).toEqual(size(3, 1));
  });

  it('is not believed for what was read before a long silence, or as an earlier leader', () => {
    const steady = new SteadySize(STEADY_MS, SILENCE_MS);
    steady.read(size(3), 0);
    expect(steady.read(size(3), 20_001)).toBeUndefined();
    steady.forget();
    expect(steady.read(size(3), 31_000)).toBeUndefined();
  });
});
