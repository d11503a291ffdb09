import fc from 'fast-check';
import { OutlierEjection, type OutlierEjectionSettings } from './index';

const settings: OutlierEjectionSettings = {
  windowMs: 10_000,
  consecutiveFailures: 5,
  errorShare: 0.4,
  requestsMin: 10,
  ejectionMs: 1000,
  ejectionMaxMs: 4000,
  ejectedShareMax: 0.5,
};

function watching(...keys: string[]): OutlierEjection {
  const ejection = new OutlierEjection(settings);
  ejection.setEndpoints(keys, 0);
  return ejection;
}

/** Fails a call at an endpoint until it is left out. */
function failUntilOut(ejection: OutlierEjection, key: string, nowMs: number): number {
  for (let call = 1; call <= 100; call += 1)
    if (ejection.record(key, true, nowMs) !== undefined) return call;
  return Infinity;
}

describe('outlier ejection', () => {
  it('leaves an endpoint out that fails five times in a row, and takes it back by itself', () => {
    const ejection = watching('a', 'b');

    expect(failUntilOut(ejection, 'a', 0)).toBe(5);
    expect(ejection.until('a')).toBe(1000);
    expect([ejection.ejectedCount(999), ejection.ejectedCount(1000)]).toEqual([1, 0]);
    expect(ejection.until('b')).toBe(0);
  });

  it('leaves out an endpoint that fails half of its calls, from the least number of calls on', () => {
    const ejection = watching('a', 'b');
    const causes = Array.from({ length: 10 }, (_, call) => {
      ejection.record('b', false, call);
      return ejection.record('a', call % 2 === 1, call);
    });

    expect(causes.findIndex((cause) => cause !== undefined)).toBe(9);
    expect(causes[9]).toBe('error_share');
    // It comes back with empty counts, and not to be left out by what it did before.
    expect(ejection.record('a', true, ejection.until('a'))).toBeUndefined();
  });

  it('leaves nobody out while all fail alike', () => {
    const ejection = watching('a', 'b', 'c');
    for (let call = 0; call < 50; call += 1)
      for (const key of ['a', 'b', 'c']) ejection.record(key, call % 4 > 0, call);
    // Whatever the order in which the first calls ended did, it ends with that.
    const outMs = Math.max(...['a', 'b', 'c'].map((key) => ejection.until(key)));
    const again = Array.from({ length: 200 }, (_, call) =>
      ['a', 'b', 'c'].map((key) => ejection.record(key, call % 4 > 0, outMs + 20_000 + call)),
    ).flat();

    expect(again.filter((cause) => cause !== undefined)).toEqual([]);
  });

  it('leaves it out longer each time, and shorter again when it has worked for a while', () => {
    const ejection = watching('a', 'b');
    const times: number[] = [];
    let nowMs = 0;
    for (let time = 0; time < 4; time += 1) {
      failUntilOut(ejection, 'a', nowMs);
      times.push(ejection.until('a') - nowMs);
      nowMs = ejection.until('a');
    }
    failUntilOut(ejection, 'a', nowMs + 2 * 4000);

    expect(times).toEqual([1000, 2000, 4000, 4000]);
    expect(ejection.until('a') - (nowMs + 8000)).toBe(4000);
    nowMs = ejection.until('a');
    failUntilOut(ejection, 'a', nowMs + 3 * 4000);
    expect(ejection.until('a') - (nowMs + 12_000)).toBe(1000);
  });

  it('never leaves the only endpoint out, nor one of those that stay when the others go', () => {
    const alone = watching('a');
    expect(failUntilOut(alone, 'a', 0)).toBe(Infinity);

    const ejection = watching('a', 'b', 'c', 'd');
    failUntilOut(ejection, 'a', 0);
    failUntilOut(ejection, 'b', 10);
    ejection.setEndpoints(['a', 'b'], 20);

    expect([ejection.until('a'), ejection.until('b')]).toEqual([0, 1010]);
    ejection.setEndpoints([], 30);
    expect(ejection.ejectedCount(30)).toBe(0);
  });

  it('never leaves out more than its share, whatever fails and whoever comes and goes', () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const steps = fc.array(
      fc.oneof(
        {
          weight: 20,
          arbitrary: fc.record({
            key: fc.constantFrom(...keys),
            times: fc.integer({ min: 1, max: 12 }),
          }),
        },
        { weight: 2, arbitrary: fc.record({ endpoints: fc.subarray(keys) }) },
        { weight: 3, arbitrary: fc.record({ pauseMs: fc.integer({ min: 1, max: 3000 }) }) },
      ),
      { maxLength: 60, size: 'max' },
    );
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, steps, (ejectedShareMax, drawn) => {
        const ejection = new OutlierEjection({ ...settings, ejectedShareMax });
        let known: readonly string[] = keys;
        let nowMs = 0;
        const broken: string[] = [];
        ejection.setEndpoints(known, nowMs);
        for (const step of drawn) {
          if ('pauseMs' in step) nowMs += step.pauseMs;
          else if ('endpoints' in step) ejection.setEndpoints((known = step.endpoints), nowMs);
          else
            for (let time = 0; time < step.times; time += 1) ejection.record(step.key, true, nowMs);
          const out = keys.filter((key) => ejection.until(key) > nowMs);
          if (out.length > ejectedShareMax * known.length) broken.push('more than the share');
          if (out.length > Math.max(0, known.length - 1)) broken.push('all of them');
          if (out.some((key) => !known.includes(key))) broken.push('one that is not there');
        }
        expect(broken).toEqual([]);
      }),
    );
  });
});
