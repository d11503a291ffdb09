import { atMost } from './at-most';

async function* messages(count: number): AsyncGenerator<number> {
  for (let n = 1; n <= count; n += 1) yield n;
}

describe('atMost', () => {
  it('passes on as many messages as are allowed', async () => {
    const seen: number[] = [];

    for await (const message of atMost(messages(3), 3, 'name')) seen.push(message);

    expect(seen).toEqual([1, 2, 3]);
  });

  it('refuses the first message too many, and says what there were too many of', async () => {
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const message of atMost(messages(9), 2, 'name')) seen.push(message);
    };

    await expect(read()).rejects.toMatchObject({
      reason: 'LIMIT_REACHED',
      metadata: { field: 'name', limit: '2' },
    });
    expect(seen).toEqual([1, 2]);
  });
});
