import * as fc from 'fast-check';
import { IdError } from './id-error';
import { decodeSnowflake, SNOWFLAKE_TIMESTAMP_MAX } from './snowflake';
import { SnowflakeGenerator } from './snowflake-generator';

const HOUR_MS = 3_600_000;
/** 60 days after the epoch: ids are beyond 2^53. */
const BASE_MS = 60 * 24 * HOUR_MS;

/** What a caller may do: ask at some clock, or be granted more. */
const steps = fc.array(
  fc.oneof(
    fc.record({
      count: fc.integer({ min: 0, max: 9_000 }),
      nowMs: fc.integer({ min: BASE_MS - HOUR_MS, max: BASE_MS + HOUR_MS }),
    }),
    fc.record({
      count: fc.integer({ min: 0, max: 9_000 }),
      nowMs: fc.integer({ min: BASE_MS - 5, max: BASE_MS + 40 }),
    }),
    fc.record({ raiseMs: fc.integer({ min: -50, max: 50 }) }),
  ),
  { maxLength: 40 },
);

function timestampsOf(ids: readonly bigint[]): number[] {
  return ids.map((value) => decodeSnowflake(value).timestampMs);
}

describe('SnowflakeGenerator', () => {
  it('makes strictly growing ids within its range, whatever the clock does', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1023 }), (script, worker) => {
        const generator = new SnowflakeGenerator({
          worker,
          firstMs: BASE_MS,
          ceilingMs: BASE_MS + 3,
        });
        let ceilingMs = BASE_MS + 3;
        let last = -1n;
        for (const step of script) {
          if ('raiseMs' in step) {
            generator.raiseCeiling(ceilingMs + step.raiseMs);
            ceilingMs = Math.max(ceilingMs, ceilingMs + step.raiseMs);
            continue;
          }
          const ids = generator.next(step.count, step.nowMs);
          let growing = ids.length <= step.count;
          for (const value of ids) {
            growing &&= value > last;
            last = value;
          }
          const ends = [...ids.slice(0, 1), ...ids.slice(-1)].map(decodeSnowflake);
          expect(growing).toBe(true);
          for (const end of ends) {
            expect(end.worker).toBe(worker);
            expect(end.timestampMs).toBeGreaterThanOrEqual(BASE_MS);
            expect(end.timestampMs).toBeLessThanOrEqual(ceilingMs);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('goes on from the last millisecond when the clock steps back', () => {
    const generator = new SnowflakeGenerator({ worker: 1, firstMs: 0, ceilingMs: BASE_MS });

    const before = generator.next(2, BASE_MS - 10);
    const after = generator.next(2, BASE_MS - HOUR_MS);

    expect(timestampsOf([...before, ...after])).toEqual(Array(4).fill(BASE_MS - 10));
    expect(new Set([...before, ...after]).size).toBe(4);
  });

  it('borrows from the coming milliseconds when one is full', () => {
    const generator = new SnowflakeGenerator({
      worker: 1,
      firstMs: BASE_MS,
      ceilingMs: BASE_MS + 9,
    });

    const ids = generator.next(10_000, BASE_MS);

    expect(ids).toHaveLength(10_000);
    expect(timestampsOf(ids.slice(-1))).toEqual([BASE_MS + 2]);
  });

  it('yields what fits below the ceiling, then nothing, then more when the ceiling rises', () => {
    const generator = new SnowflakeGenerator({
      worker: 1,
      firstMs: BASE_MS,
      ceilingMs: BASE_MS + 1,
    });

    const fitting = generator.next(10_000, BASE_MS);
    const none = generator.next(1, BASE_MS);
    generator.raiseCeiling(BASE_MS + 2);
    const more = generator.next(10_000, BASE_MS);

    expect(fitting).toHaveLength(2 * 4096);
    expect(none).toEqual([]);
    expect(more).toHaveLength(4096);
  });

  it('yields nothing when the clock has passed the ceiling', () => {
    const generator = new SnowflakeGenerator({
      worker: 1,
      firstMs: BASE_MS,
      ceilingMs: BASE_MS + 1,
    });

    expect(generator.next(1, BASE_MS + 2)).toEqual([]);
    expect(generator.next(1, BASE_MS + 1)).toHaveLength(1);
  });

  it('yields nothing from an empty range', () => {
    const generator = new SnowflakeGenerator({
      worker: 1,
      firstMs: BASE_MS + 1,
      ceilingMs: BASE_MS,
    });

    expect(generator.next(5, BASE_MS)).toEqual([]);
  });

  it('never lowers a ceiling that was granted', () => {
    const generator = new SnowflakeGenerator({
      worker: 1,
      firstMs: BASE_MS,
      ceilingMs: BASE_MS + 5,
    });

    generator.raiseCeiling(BASE_MS);

    expect(generator.ceilingMs).toBe(BASE_MS + 5);
  });

  it('does not let the first ids of each millisecond all end in zeros', () => {
    const generator = new SnowflakeGenerator({ worker: 1, firstMs: 0, ceilingMs: BASE_MS });

    const ids = Array.from({ length: 64 }, (_, at) => generator.next(1, 1_000 + at)).flat();

    expect(new Set(ids.map((value) => value % 16n)).size).toBe(16);
  });

  it('uses the very last millisecond of the format and stops', () => {
    const generator = new SnowflakeGenerator({
      worker: 1023,
      firstMs: SNOWFLAKE_TIMESTAMP_MAX,
      ceilingMs: SNOWFLAKE_TIMESTAMP_MAX,
    });

    const ids = generator.next(10_000, SNOWFLAKE_TIMESTAMP_MAX);

    expect(ids).toHaveLength(4096);
    expect(ids.at(-1)).toBe(2n ** 63n - 1n);
  });

  it('takes any clock: before the epoch, fractions, not a number', () => {
    const generator = new SnowflakeGenerator({ worker: 1, firstMs: 7, ceilingMs: 9 });

    const ids = [-1e15, 7.9, Number.NaN, -Infinity].flatMap((nowMs) => generator.next(1, nowMs));

    expect(timestampsOf(ids)).toEqual([7, 7, 7, 7]);
    expect(generator.next(1, Infinity)).toEqual([]);
  });

  it.each([
    { worker: 1024, firstMs: 0, ceilingMs: 0 },
    { worker: 0, firstMs: -1, ceilingMs: 0 },
    { worker: 0, firstMs: 0, ceilingMs: 2 ** 41 },
  ])('refuses the grant %j', (grant) => {
    expect(() => new SnowflakeGenerator(grant)).toThrow(IdError);
  });

  it.each([-1, 0.5, Number.NaN])('refuses to make %d ids', (count) => {
    const generator = new SnowflakeGenerator({ worker: 1, firstMs: 7, ceilingMs: 9 });

    expect(() => generator.next(count, 7)).toThrow(IdError);
  });
});
