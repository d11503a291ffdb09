import { FakeClock } from './fake-clock';

describe('FakeClock', () => {
  it('runs timers at their own time and in order', () => {
    const clock = new FakeClock(1000);
    const seen: string[] = [];
    clock.schedule(20, () => seen.push(`b ${clock.now()}`));
    clock.schedule(10, () => {
      seen.push(`a ${clock.now()}`);
      clock.schedule(5, () => seen.push(`c ${clock.now()}`));
    });
    clock.advance(30);
    expect(seen).toEqual(['a 1010', 'c 1015', 'b 1020']);
    expect(clock.now()).toBe(1030);
  });

  it('does not run a timer that was called off', () => {
    const clock = new FakeClock();
    let ran = false;
    const cancel = clock.schedule(10, () => {
      ran = true;
    });
    cancel();
    clock.advance(100);
    expect(ran).toBe(false);
  });
});
