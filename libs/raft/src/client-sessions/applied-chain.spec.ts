import { AppliedChain, CHAIN_ENTRIES, hashBytes } from './applied-chain';

function chainOf(results: readonly number[], everyEntries = 2): AppliedChain {
  const chain = new AppliedChain(everyEntries);
  results.forEach((result, offset) => chain.add(offset + 1, 1, result));
  return chain;
}

describe('the chain of applied results', () => {
  it('is equal for equal results, and makes a checkpoint at every multiple', () => {
    const left = chainOf([5, 6, 7, 8, 9]);
    const right = chainOf([5, 6, 7, 8, 9]);
    const checkpoints = left.takeCheckpoints();
    expect(checkpoints.map(({ index }) => index)).toEqual([2, 4]);
    expect(right.takeCheckpoints()).toEqual(checkpoints);
    expect(left.takeCheckpoints()).toEqual([]);
  });

  it('never comes together again after one result, one term or one index that differs', () => {
    const same = Array.from({ length: 2000 }, () => 7);
    const expected = chainOf([5, ...same]).takeCheckpoints();
    const other = chainOf([6, ...same]).takeCheckpoints();
    expected.forEach(({ hash }, at) => expect(other[at]?.hash).not.toBe(hash));

    const terms = [1, 2].map((term) => {
      const chain = new AppliedChain(1);
      chain.add(1, term, 7);
      return chain.value;
    });
    expect(terms[0]).not.toBe(terms[1]);
  });

  it('goes on from a snapshot as if there had been none', () => {
    const whole = chainOf([1, 2, 3, 4]);
    const restored = new AppliedChain(2);
    restored.restore(chainOf([1, 2, 3]).value);
    restored.add(4, 1, 4);
    expect(restored.value).toBe(whole.value);
  });

  it('takes part from the next beginning on when its own is not known', () => {
    const chain = new AppliedChain(1);
    chain.restore(undefined);
    chain.add(CHAIN_ENTRIES - 1, 1, 1);
    chain.add(CHAIN_ENTRIES, 1, 1);
    expect(chain.takeCheckpoints()).toEqual([]);
    chain.add(CHAIN_ENTRIES + 1, 1, 1);

    const known = new AppliedChain(1);
    known.add(CHAIN_ENTRIES, 1, 99);
    known.add(CHAIN_ENTRIES + 1, 1, 1);
    expect(chain.takeCheckpoints()).toEqual(known.takeCheckpoints().slice(1));
  });

  it('is not known after anything was applied unhashed', () => {
    expect(chainOf([1], 0).value).toBeUndefined();
  });

  it('hashes bytes by content, length and both ends', () => {
    const long = Buffer.alloc(5000);
    const head = Buffer.from(long).fill(1, 0, 1);
    const tail = Buffer.from(long).fill(1, 4999);
    const inputs = [Buffer.alloc(0), Buffer.alloc(1), Buffer.from('a'), Buffer.alloc(4999)];
    const hashes = [...inputs, long, head, tail].map(hashBytes);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
