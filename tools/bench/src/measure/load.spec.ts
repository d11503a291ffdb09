import { closedLoop, quantile } from './load';

describe('quantile', () => {
  it('is the value that the share does not exceed', () => {
    const sorted = [1, 2, 3, 4];

    expect(quantile(sorted, 0.5)).toBe(2);
    expect(quantile(sorted, 0.99)).toBe(4);
    expect(quantile(sorted, 0)).toBe(1);
  });

  it('is not a number for no values', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('closedLoop', () => {
  it('keeps the given number of operations in flight', async () => {
    let running = 0;
    let highest = 0;
    const operation = async (): Promise<void> => {
      running += 1;
      highest = Math.max(highest, running);
      await new Promise(setImmediate);
      running -= 1;
    };

    const result = await closedLoop(7, 0.02, operation);

    expect(highest).toBe(7);
    expect(result.operations).toBe(result.latenciesMs.length);
    expect(result.operations).toBeGreaterThanOrEqual(7);
  });

  it('fails with an operation that fails', async () => {
    const operation = () => Promise.reject(new Error('no leader'));

    await expect(closedLoop(2, 0.02, operation)).rejects.toThrow('no leader');
  });
});
