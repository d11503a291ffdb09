import { DivergenceError } from '@raftway/raft';
import type { FingerprintOf } from './application';
import type { Coverage } from './coverage';
import { simulate, SimulationFailure } from './simulation';

/** Every seventh command is answered by chance on one server. */
function broken(server: number): FingerprintOf {
  let chance = 0;
  return (id, index) => {
    chance += 1;
    return id === server && index % 7 === 0 ? 1000 + chance : index;
  };
}

/** How a run ended: without a cause it passed. */
async function outcomeOf(
  run: ReturnType<typeof simulate>,
): Promise<{ readonly cause?: unknown; readonly coverage: Coverage; readonly message: string }> {
  try {
    return { coverage: await run, message: 'the run passed' };
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    return error;
  }
}

describe('a simulated server whose state machine is no function of its log', () => {
  it.each([3, 5])(
    'is stopped by the others, in runs of %i servers, unless it takes over their state',
    async (nodes) => {
      let unspread = 0;
      let passed = 0;
      for (let seed = 1; seed <= 25; seed += 1) {
        const server = 1 + (seed % nodes);

        const run = simulate({ seed, nodes, fingerprintOf: broken(server) });
        const { cause, coverage } = await outcomeOf(run);

        if (cause === undefined) {
          // A snapshot of another's took the place of what it had, and nothing differs any more.
          expect(coverage.snapshotsInstalled).toBeGreaterThan(0);
          passed += 1;
          continue;
        }
        expect(cause).toBeInstanceOf(DivergenceError);
        const { serverId, index, equalIndex } = cause as DivergenceError;
        expect(index).toBeGreaterThan(equalIndex);
        // Its snapshots spread what it believes: whoever has installed one may be of another opinion than the rest, or part of a wrong majority.
        if (coverage.snapshotsInstalled > 0) continue;
        expect(serverId).toBe(server);
        unspread += 1;
      }
      expect(unspread).toBeGreaterThan(15);
      expect(passed).toBeLessThan(3);
    },
    120_000,
  );

  it('is found among two, where the one that does not lead stops', async () => {
    const { cause } = await outcomeOf(simulate({ seed: 1, nodes: 2, fingerprintOf: broken(1) }));
    expect(cause).toBeInstanceOf(DivergenceError);
  });

  it('is named with the entries that are to be looked at', async () => {
    const { message } = await outcomeOf(simulate({ seed: 4, nodes: 3, fingerprintOf: broken(1) }));
    expect(message).toMatch(
      /DivergenceError: the state machine of server 1 has answered other than the group's: equal up to entry \d+, different up to entry \d+\. /,
    );
  });
});
