import { CatchUp } from './catch-up';

describe('CatchUp (dissertation §4.2.1)', () => {
  it('is reached by a round that took no longer than an election timeout', () => {
    const catchUp = new CatchUp(1000, 0, 500);

    // 2000 ms for the first round, while 100 entries more came; 300 ms for those, while another 10 came.
    catchUp.observe(999, 1100, 1900);
    expect(catchUp.isCaughtUp).toBe(false);
    catchUp.observe(1000, 1100, 2000);
    expect(catchUp.isCaughtUp).toBe(false);
    catchUp.observe(1100, 1110, 2300);

    expect(catchUp.isCaughtUp).toBe(true);
  });

  it('is lost again by a round that takes too long', () => {
    const catchUp = new CatchUp(10, 0, 500);
    catchUp.observe(10, 20, 100);
    expect(catchUp.isCaughtUp).toBe(true);

    catchUp.observe(20, 30, 700);

    expect(catchUp.isCaughtUp).toBe(false);
  });

  it('does not count the time in which there was nothing to send', () => {
    const catchUp = new CatchUp(10, 0, 500);
    catchUp.observe(10, 10, 2000);
    expect(catchUp.isCaughtUp).toBe(true);

    catchUp.observe(10, 11, 90_000);
    catchUp.observe(11, 12, 90_010);

    expect(catchUp.isCaughtUp).toBe(true);
  });

  it('begins anew when the learner has lost what it had', () => {
    const catchUp = new CatchUp(10, 0, 500);
    catchUp.observe(10, 10, 100);

    catchUp.reset(20, 200);

    expect(catchUp.isCaughtUp).toBe(false);
  });
});
