import { setImmediate } from 'node:timers/promises';
import { nowMs, turnNowMs } from './timing';

it('the time of a turn stands still in it, and goes on in the next', async () => {
  const before = nowMs();
  const first = turnNowMs();
  while (nowMs() < first + 2);

  expect(first).toBeGreaterThanOrEqual(before);
  expect(turnNowMs()).toBe(first);
  await setImmediate();
  expect(turnNowMs()).toBeGreaterThanOrEqual(first + 2);
});
