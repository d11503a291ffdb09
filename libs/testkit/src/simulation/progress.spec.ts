import { Progress } from './progress';

describe('the progress of many runs', () => {
  it('is how many have passed, how fast, and how long the rest takes at that pace', () => {
    const nowMs = Date.now();
    const progress = new Progress(100, nowMs + 3_600_000);
    for (let run = 0; run < 25; run += 1) progress.ran();

    expect(progress.describe(nowMs + 60_000)).toMatch(
      /^25 of 100 runs passed, 0\.4 a second, 3\.0 minutes left$/,
    );
  });

  it('says no more minutes than there are', () => {
    const nowMs = Date.now();
    const progress = new Progress(100, nowMs + 120_000);
    progress.ran();

    expect(progress.describe(nowMs + 60_000)).toContain('1.0 minutes left');
  });

  it('ends with where to go on', () => {
    const progress = new Progress(10, Infinity);
    progress.ran();

    expect(progress.summary(5)).toMatch(/^1 runs passed in .*; 9 left, from seed 5$/);
  });
});
