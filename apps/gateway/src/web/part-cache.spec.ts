import { MemoryBudget } from '../proxy/memory-budget';
import { type PartCall, type PartOutcome } from './part-call';
import { PartCache } from './part-cache';

const answer = (text: string): PartOutcome => ({ kind: 'answer', json: Buffer.from(text) });
let now = 0;

/** A cache of answers for a minute, and how the call of a key is made and ends. */
function cacheIn(memory: MemoryBudget) {
  const caching = { ttlMs: 60_000, bytesMax: 100, keyHeaders: undefined };
  const cache = new PartCache(caching, memory, () => now);
  const call = (key: string, outcome: PartOutcome): void => {
    let end = (_outcome: PartOutcome): void => undefined;
    const begun = { cancel: () => undefined } as PartCall;
    cache.join(
      key,
      () => undefined,
      (done) => ((end = done), begun),
    );
    end(outcome);
  };
  return { cache, call };
}

describe('an answer that is kept', () => {
  it('is not given any more when its time is over, though nothing has dropped it yet', () => {
    const memory = new MemoryBudget(1000);
    const { cache, call } = cacheIn(memory);
    call('a', answer('1'));

    now += 59_999;
    expect(String(cache.find('a'))).toBe('1');
    now += 1;
    expect(cache.find('a')).toBeUndefined();
    expect(memory.usedBytes).toBe(2);
  });
});
