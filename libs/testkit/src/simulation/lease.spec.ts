import { CLOCK_DRIFT_MAX, driftingClocks } from './drifting-clocks';
import { simulate, SimulationFailure } from './simulation';

const NODES = 3;

/** The first seed whose run shows a stale read; any other failure is one of the test. */
async function firstStaleRead(seeds: number, rates: number[]): Promise<number> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    try {
      await simulate({ seed, nodes: NODES, leases: driftingClocks(seed, rates) });
    } catch (error) {
      // Seen by the client, or by the checker already: the answer of a leader that was replaced before the read began.
      const isStale = /stale read|a read of server \d+ is confirmed in term/;
      if (!(error instanceof SimulationFailure) || !isStale.test(error.message)) throw error;
      return seed;
    }
  }
  return 0;
}

describe('lease reads', () => {
  it('are never stale while clocks differ by no more than is allowed', async () => {
    expect(await firstStaleRead(60, [1, 1, 1 - CLOCK_DRIFT_MAX])).toBe(0);
  }, 120_000);

  it('are stale sooner or later when one clock is slower than that', async () => {
    expect(await firstStaleRead(200, [1, 1, 0.1])).toBeGreaterThan(0);
  }, 120_000);
});
