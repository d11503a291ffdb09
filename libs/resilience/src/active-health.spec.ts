import fc from 'fast-check';
import { ActiveHealth } from './index';

const settings = { unhealthyThreshold: 3, healthyThreshold: 2 };

describe('active health', () => {
  it('leaves an endpoint out after so many failed checks in a row, and takes it back after so many passed', () => {
    const health = new ActiveHealth(settings);
    const said = ['bad', 'bad', undefined, 'bad', 'bad', 'worse'].map((one) =>
      health.note('a', one),
    );
    expect(said).toEqual([undefined, undefined, undefined, undefined, undefined, 'left_out']);
    expect([health.until('a'), health.causeOf('a'), health.size]).toEqual([Infinity, 'worse', 1]);

    expect(health.note('a', undefined)).toBeUndefined();
    expect(health.note('a', 'again')).toBeUndefined();
    expect(health.note('a', undefined)).toBeUndefined();
    expect(health.note('a', undefined)).toBe('back');
    expect([health.until('a'), health.causeOf('a'), health.size]).toEqual([0, undefined, 0]);
  });

  it('knows each endpoint for itself, and forgets those that have gone', () => {
    const health = new ActiveHealth({ unhealthyThreshold: 1, healthyThreshold: 1 });
    health.note('a', 'bad');
    health.note('b', 'bad');
    const before = health.version;

    health.retain((key) => key === 'b');

    expect([health.until('a'), health.until('b'), health.size]).toEqual([0, Infinity, 1]);
    expect(health.version).toBeGreaterThan(before);
  });

  it('goes by other thresholds from the next check on, and nobody comes back by that', () => {
    const health = new ActiveHealth({ unhealthyThreshold: 1, healthyThreshold: 5 });
    health.note('a', 'bad');

    health.configure({ unhealthyThreshold: 1, healthyThreshold: 1 });

    expect(health.until('a')).toBe(Infinity);
    expect(health.note('a', undefined)).toBe('back');
  });

  it('never changes its mind before a threshold, and counts whom it leaves out', () => {
    const checks = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(checks, fc.integer({ min: 1, max: 4 }), (all, threshold) => {
        const health = new ActiveHealth({
          unhealthyThreshold: threshold,
          healthyThreshold: threshold,
        });
        const runs = new Map<string, boolean[]>();
        for (const [key, passed] of all) {
          const run = [...(runs.get(key) ?? []), passed];
          runs.set(key, run);
          const change = health.note(key, passed ? undefined : 'bad');
          const last = run.slice(-threshold);
          if (change !== undefined) expect(last).toEqual(Array.from(last, () => change === 'back'));
        }
        const out = ['a', 'b'].filter((key) => health.until(key) > 0);
        expect(health.size).toBe(out.length);
      }),
    );
  });
});
