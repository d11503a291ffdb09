import { PendingWaits } from './pending-waits';

const limits = { timeoutMs: 60_000, signal: new AbortController().signal };

describe('waits on a replica that drains', () => {
  it('end', async () => {
    const waits = new PendingWaits();
    const end = waits.wait(1, () => false, limits);

    waits.drain();

    expect(await end).toBe('draining');
    expect(waits.size).toBe(0);
  });

  it('do not begin any more, unless there is nothing to wait for', async () => {
    const waits = new PendingWaits();
    waits.drain();

    const late = waits.wait(1, () => false, limits);
    const answered = waits.wait(2, () => true, limits);

    expect(waits.size).toBe(0);
    expect(await Promise.all([late, answered])).toEqual(['draining', 'changed']);
  });
});
