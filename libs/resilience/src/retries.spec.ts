import fc from 'fast-check';
import {
  decideRetry,
  defaultRetrySettings,
  type FailedAttempt,
  RetryBudget,
  type RetrySettings,
} from './index';

const settings: RetrySettings = { ...defaultRetrySettings, backoffMs: 100, backoffMaxMs: 300 };
const failed: FailedAttempt = {
  code: 14,
  attempts: 1,
  isSafe: true,
  remainingMs: undefined,
  pushbackMs: undefined,
};
const half = (): number => 0.5;

describe('the decision to retry', () => {
  it.each([
    ['code', { code: 3 }],
    ['unsafe', { isSafe: false }],
    ['attempts', { attempts: 3 }],
    ['pushback', { pushbackMs: -1 }],
    ['pushback', { pushbackMs: NaN }],
    ['deadline', { remainingMs: 50 }],
  ] as const)('is no for its %s', (cause, difference) => {
    expect(decideRetry(settings, { ...failed, ...difference }, half)).toEqual({ cause });
  });

  it('is yes with a random pause whose bound doubles up to the maximum', () => {
    const many = { ...settings, attemptsMax: 10 };
    const pauses = [1, 2, 3, 4].map((attempts) =>
      decideRetry(many, { ...failed, attempts, remainingMs: 1000 }, half),
    );

    expect(pauses).toEqual([50, 100, 150, 150].map((afterMs) => ({ afterMs })));
  });

  it('is yes after any attempt that took too long', () => {
    const decision = decideRetry(settings, { ...failed, code: undefined }, half);

    expect(decision).toEqual({ afterMs: 50 });
  });

  it('comes back when the server says', () => {
    expect(decideRetry(settings, { ...failed, pushbackMs: 700 }, half)).toEqual({ afterMs: 700 });
  });
});

describe('a retry budget', () => {
  it('allows a share of the calls, and a few a second in any case', () => {
    const budget = new RetryBudget({ share: 0.2, perSecondMin: 1, windowMs: 1000 });
    for (let call = 0; call < 50; call += 1) budget.noteCall(0);
    const allowed = Array.from({ length: 20 }, () => budget.tryRetry(0)).filter(Boolean);

    expect(allowed).toHaveLength(11);
    expect(budget.tryRetry(999)).toBe(false);
    expect(budget.tryRetry(1000)).toBe(true);
  });

  it('never allows more than share × calls + minimum × time within a window', () => {
    const steps = fc.array(
      fc.record({
        pauseMs: fc.constantFrom(0, 1, 30, 250, 2500),
        calls: fc.nat(10),
        retries: fc.nat(10),
      }),
      { maxLength: 60, size: 'max' },
    );
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, fc.integer({ min: 0, max: 10 }), steps, (drawn, perSecondMin, all) => {
        const windowMs = 1000;
        const budget = new RetryBudget({ share: drawn, perSecondMin, windowMs });
        const calls: number[] = [];
        const retries: number[] = [];
        let nowMs = 0;
        let excess = 0;
        for (const step of all) {
          nowMs += step.pauseMs;
          const since = (times: number[], ms: number) =>
            times.filter((at) => at > nowMs - ms).length;
          for (let call = 0; call < step.calls; call += 1) {
            budget.noteCall(nowMs);
            calls.push(nowMs);
          }
          for (let retry = 0; retry < step.retries; retry += 1) {
            if (!budget.tryRetry(nowMs)) continue;
            retries.push(nowMs);
            // The window moves in tenths: what it has forgotten is at least nine tenths old.
            const bound = drawn * since(calls, windowMs) + (perSecondMin * windowMs) / 1000;
            excess = Math.max(excess, since(retries, 0.9 * windowMs) - bound);
          }
        }
        expect(excess).toBeLessThan(1e-9);
      }),
    );
  });
});
