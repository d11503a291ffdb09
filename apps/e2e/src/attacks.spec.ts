import { runProgram } from './harness/run-program';

const ATTACKS = 'libs/testkit/dist/attacks/main.js';
const TIMEOUT_MS = 170_000;

describe('the built gateway', () => {
  it('lives through every class of attack, fails no good call meanwhile and does not grow', async () => {
    // Two seconds each, four classes at a time. How long good calls take says nothing on a machine that does other things.
    const args = ['--seconds', '2', '--together', '4', '--latency-is-told'];

    const { code, output } = await runProgram(ATTACKS, args, TIMEOUT_MS);

    // The output is what one needs when this fails.
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringContaining('PASSED') as string,
    });
  });
});
