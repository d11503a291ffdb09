import { toDuration, toMilliseconds } from './duration';

describe('toDuration', () => {
  it.each([
    [0, 0n, 0],
    [1500, 1n, 500_000_000],
    [0.25, 0n, 250_000],
    [999.999_999_9, 0n, 999_999_999],
    [86_400_000, 86_400n, 0],
    [-1, 0n, 0],
    [Infinity, 0n, 0],
    [NaN, 0n, 0],
  ])('makes %d ms into %d s and %d ns', (milliseconds, seconds, nanos) => {
    expect(toDuration(milliseconds)).toEqual({ seconds, nanos });
  });
});

describe('toMilliseconds', () => {
  it.each([
    [1n, 500_000_000, 1500],
    [0n, -1_000_000, -1],
    [-1n, -500_000_000, -1500],
    [2n ** 62n, 0, 2 ** 62 * 1000],
  ])('makes %d s and %d ns into %d ms', (seconds, nanos, milliseconds) => {
    expect(toMilliseconds({ seconds, nanos })).toBe(milliseconds);
  });

  it.each([
    [0n, 1_000_000_000],
    [0n, -1_000_000_000],
    [5n, -1],
    [-5n, 1],
  ])('finds no duration in %d s and %d ns', (seconds, nanos) => {
    expect(toMilliseconds({ seconds, nanos })).toBeUndefined();
  });
});
