import { runProgram } from './harness/run-program';

const CHAOS = 'libs/testkit/dist/chaos/main.js';
const LEASES = 'libs/testkit/dist/chaos/leases-main.js';
const FAILOVER = 'libs/testkit/dist/chaos/failover-main.js';
const TIMEOUT_MS = 170_000;

describe('real processes that are killed, frozen and cut off', () => {
  it('give their clients answers for which there is an order', async () => {
    const { code, output } = await runProgram(
      CHAOS,
      ['--seconds', '40', '--seed', '1'],
      TIMEOUT_MS,
    );

    // The output is what one needs when this fails.
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringContaining('PASSED') as string,
    });
    const [, calls] = /seed 1, \d+ s, (\d+) calls/.exec(output) ?? [];
    expect(Number(calls)).toBeGreaterThan(1_200);
  });

  it('end no lease early while a leader hangs, five leaders change and everything restarts, and end those of the dead', async () => {
    const args = ['--count', '200', '--ttl-seconds', '4', '--freeze-seconds', '5'];

    const { code, output } = await runProgram(LEASES, args, TIMEOUT_MS);

    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringContaining('PASSED') as string,
    });
  });

  it('take writes again soon after their leader was killed or hangs, fail no call when it hands over, and keep it when one link is cut', async () => {
    // The targets are 500 and 1500 ms, for a machine that does nothing else.
    const args = [
      ...['--kills', '5', '--handovers', '4', '--freezes', '1', '--cuts', '1'],
      ...['--p50-ms', '1000', '--p99-ms', '5000'],
    ];

    const { code, output } = await runProgram(FAILOVER, args, TIMEOUT_MS);

    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringContaining('PASSED') as string,
    });
    expect(output).toContain('5 times kill -9 of the leader');
    expect(output).toContain('failed calls 0');
  });
});
