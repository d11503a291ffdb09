import { framed, readResult } from './h2load';

const OUTPUT =
  'finished in 1.00s, 3.00 req/s, 1KB/s\n' +
  'requests: 3 total, 5 started, 3 done, 3 succeeded, 0 failed, 0 errored, 0 timeout\n';

describe('framed', () => {
  it('puts the prefix of gRPC before a message', () => {
    const frame = framed(Buffer.from('abc'));

    expect([...frame]).toEqual([0, 0, 0, 0, 3, 97, 98, 99]);
  });
});

describe('readResult', () => {
  it('takes the count from the output and latencies from the log', () => {
    const result = readResult(OUTPUT, '100\t200\t1500\n101\t200\t2500\n103\t200\t500\n', 1);

    expect(result).toEqual({ operations: 3, seconds: 1, latenciesMs: [1.5, 2.5, 0.5] });
  });

  it('refuses a run in which requests failed', () => {
    const failed = OUTPUT.replace('3 succeeded, 0 failed', '1 succeeded, 2 failed');

    expect(() => readResult(failed, '', 1)).toThrow('requests failed: 3 done, 1 succeeded');
  });

  it('refuses a run in which nothing was answered', () => {
    const nothing = OUTPUT.replace('3 done, 3 succeeded', '0 done, 0 succeeded');

    expect(() => readResult(nothing, '', 1)).toThrow('requests failed');
  });
});
