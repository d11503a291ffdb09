import { LogClock } from './log-clock';

const STRETCH_MAX_MS = 500;

describe('LogClock', () => {
  it('begins at the last stamp of the log, whatever the monotonic clock says', () => {
    const clock = new LogClock(1234, 9_000_000, STRETCH_MAX_MS);

    expect(clock.stamp(9_000_000, 1234)).toBe(1234);
    expect(clock.stamp(9_000_100, 1234)).toBe(1334);
  });

  it('stands still once no quorum has answered for an election timeout', () => {
    const clock = new LogClock(0, 0, STRETCH_MAX_MS);
    for (let now = 100; now <= 2000; now += 100) clock.observe(now);

    expect(clock.read(2000)).toBe(500);
  });

  it('does not catch up when a quorum answers again', () => {
    const clock = new LogClock(0, 0, STRETCH_MAX_MS);
    for (let now = 100; now <= 2000; now += 100) clock.observe(now);

    clock.quorumAnswered(1990);

    expect(clock.read(2010)).toBe(510);
  });

  it('counts from when the answered round was sent, not from when the answers came', () => {
    const clock = new LogClock(0, 0, STRETCH_MAX_MS);
    clock.observe(400);

    clock.quorumAnswered(10);
    clock.observe(600);

    expect(clock.read(600)).toBe(510);
  });

  it('passes at most one election timeout over a gap in which the process did not run, also in a group of one', () => {
    const clock = new LogClock(0, 0, STRETCH_MAX_MS);
    clock.observe(100);

    clock.quorumAnswered(60_100);
    clock.observe(60_100);

    expect(clock.read(60_100)).toBe(600);
  });

  it('never goes back, not even when time does', () => {
    const clock = new LogClock(0, 1000, STRETCH_MAX_MS);
    clock.observe(1300);

    clock.observe(900);

    expect(clock.read(900)).toBe(300);
    expect(clock.read(1300)).toBe(300);
    expect(clock.stamp(1300, 7777)).toBe(7777);
  });

  it('changes nothing when it is read', () => {
    const clock = new LogClock(0, 0, STRETCH_MAX_MS);

    clock.read(400);

    expect(clock.read(100)).toBe(100);
  });
});
