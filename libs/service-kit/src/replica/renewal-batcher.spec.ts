import { RenewalBatcher } from './renewal-batcher';

/** A group that answers when the spec says so. */
class SlowGroup {
  readonly batches: (readonly string[])[] = [];
  private readonly answers: (() => void)[] = [];

  propose = (leaseIds: readonly string[]): Promise<readonly number[]> => {
    this.batches.push(leaseIds);
    return new Promise((resolve) => {
      this.answers.push(() => resolve(leaseIds.map((id) => (id === 'gone' ? 0 : 1_000))));
    });
  };

  answer(): void {
    this.answers.shift()?.();
  }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('RenewalBatcher', () => {
  it('has one command under way; what arrives meanwhile is the next', async () => {
    const group = new SlowGroup();
    const batcher = new RenewalBatcher(group.propose);
    const first = [batcher.renew('a'), batcher.renew('gone')];
    await nextTurn();
    const second = [batcher.renew('b'), batcher.renew('c')];
    await nextTurn();
    expect(group.batches).toEqual([['a', 'gone']]);
    expect(batcher.size).toBe(4);

    group.answer();
    expect(await Promise.all(first)).toEqual([1_000, 0]);
    await nextTurn();

    expect(group.batches).toEqual([
      ['a', 'gone'],
      ['b', 'c'],
    ]);
    group.answer();
    expect(await Promise.all(second)).toEqual([1_000, 1_000]);
    expect(batcher.size).toBe(0);
  });

  it('bounds the bytes of a command, so that long ids of one caller do not fail the renewals of others', async () => {
    const group = new SlowGroup();
    const batcher = new RenewalBatcher(group.propose);
    const renewals = Array.from({ length: 5_000 }, () => batcher.renew('𝒳'.repeat(128)));
    for (let waiting = true; waiting;) {
      await nextTurn();
      group.answer();
      waiting = group.batches.flat().length < renewals.length;
    }
    group.answer();
    await Promise.all(renewals);

    const bytes = group.batches.map((batch) => Buffer.byteLength(batch.join('')));
    expect(Math.max(...bytes)).toBeLessThan(1024 * 1024);
    expect(group.batches.length).toBeLessThan(10);
  });

  it('bounds its batches and its queue', async () => {
    const group = new SlowGroup();
    const batcher = new RenewalBatcher(group.propose, { batchMax: 2, queueMax: 3 });
    const renewals = ['a', 'b', 'c'].map((id) => batcher.renew(id));

    await expect(batcher.renew('d')).rejects.toMatchObject({
      codeName: 'RESOURCE_EXHAUSTED',
      reason: 'QUEUE_FULL',
      metadata: { limit: '3', value: '3' },
    });

    await nextTurn();
    group.answer();
    await nextTurn();
    group.answer();
    await Promise.all(renewals);
    expect(group.batches).toEqual([['a', 'b'], ['c']]);
  });

  it('fails the renewals of a command that failed, and goes on', async () => {
    let failures = 1;
    const batcher = new RenewalBatcher((ids) =>
      (failures -= 1) >= 0
        ? Promise.reject(new Error('no leader'))
        : Promise.resolve(ids.map(() => 5)),
    );

    await expect(batcher.renew('a')).rejects.toThrow('no leader');

    expect(await batcher.renew('a')).toBe(5);
  });
});
