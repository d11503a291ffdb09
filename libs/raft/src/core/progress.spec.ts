import { InflightWindow } from './inflight';
import { Progress } from './progress';

function progress(): Progress {
  return new Progress(2, 11, 0, new InflightWindow(2, 1000));
}

describe('Progress', () => {
  it('sends one probe at a time', () => {
    const follower = progress();
    follower.sent(10, 0, 0);

    expect(follower.isPaused()).toBe(true);
    expect(follower.nextIndex).toBe(11);
  });

  it('sends ahead when replicating, up to the window in messages and in bytes', () => {
    const follower = progress();
    follower.matched(10, 0);
    follower.becomeReplicate(0);
    follower.sent(12, 10, 0);
    expect(follower.isPaused()).toBe(false);
    follower.sent(13, 10, 0);
    expect(follower.isPaused()).toBe(true);

    follower.matched(12, 0);
    expect(follower.isPaused()).toBe(false);
    follower.sent(14, 5000, 0);

    expect(follower.isPaused()).toBe(true);
    expect(follower.nextIndex).toBe(15);
  });

  it('goes back after a refusal, and ignores late ones', () => {
    const follower = progress();
    expect(follower.refused(7, 3)).toBe(false);

    expect(follower.refused(10, 4)).toBe(true);

    expect(follower.nextIndex).toBe(5);
  });

  it('never goes back behind what matched', () => {
    const follower = progress();
    follower.matched(8, 0);

    expect(follower.refused(10, 2)).toBe(true);

    expect(follower.nextIndex).toBe(9);
  });

  it('is stalled when what is in flight is not acknowledged in time', () => {
    const follower = progress();
    follower.matched(10, 0);
    follower.becomeReplicate(0);
    expect(follower.isStalled(500, 200)).toBe(false);
    follower.sent(12, 10, 500);

    expect(follower.isStalled(699, 200)).toBe(false);
    expect(follower.isStalled(700, 200)).toBe(true);
  });

  it('goes on after the snapshot, when one was installed', () => {
    const follower = progress();
    follower.becomeSnapshot(40, 0);
    expect(follower.isPaused()).toBe(true);

    follower.matched(40, 10);
    follower.becomeReplicate(10);

    expect(follower.nextIndex).toBe(41);
  });
});
