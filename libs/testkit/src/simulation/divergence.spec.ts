import { DivergenceError } from '@raftway/raft';
import type { ResultOf } from './application';
import { simulate, SimulationFailure } from './simulation';

/** Every seventh command is answered by chance on one server. */
function broken(server: number): ResultOf {
  let chance = 0;
  return (id, entry, position) => {
    chance += 1;
    return id === server && entry.sequence % 7 === 0 ? 1000 + chance : position;
  };
}

async function failureOf(run: Promise<unknown>): Promise<SimulationFailure> {
  const failure: unknown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof SimulationFailure)) throw new Error('the run passed');
  return failure;
}

describe('a simulated server whose state machine is no function of its log', () => {
  it.each([3, 5])(
    'is stopped by the others, in every run of %i servers',
    async (nodes) => {
      let unspread = 0;
      for (let seed = 1; seed <= 25; seed += 1) {
        const server = 1 + (seed % nodes);

        const run = simulate({ seed, nodes, resultOf: broken(server) });
        const { cause, coverage } = await failureOf(run);

        expect(cause).toBeInstanceOf(DivergenceError);
        const { serverId, index, equalIndex } = cause as DivergenceError;
        expect(index).toBeGreaterThan(equalIndex);
        // Its snapshots spread what it believes: whoever has installed one may be of another opinion than the rest, or part of a wrong majority.
        if (coverage.snapshotsInstalled > 0) continue;
        expect(serverId).toBe(server);
        unspread += 1;
      }
      expect(unspread).toBeGreaterThan(15);
    },
    120_000,
  );

  it('is found among two, where the one that does not lead stops', async () => {
    const { cause } = await failureOf(simulate({ seed: 1, nodes: 2, resultOf: broken(1) }));
    expect(cause).toBeInstanceOf(DivergenceError);
  });

  it('is named with the entries that are to be looked at', async () => {
    const { message } = await failureOf(simulate({ seed: 4, nodes: 3, resultOf: broken(1) }));
    expect(message).toMatch(
      /DivergenceError: the state machine of server 1 has answered other than the group's: equal up to entry \d+, different up to entry \d+\. /,
    );
  });
});
