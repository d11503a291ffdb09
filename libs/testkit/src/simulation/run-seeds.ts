import { addCoverage, emptyCoverage } from './coverage';
import type { Coverage } from './coverage';
import { COVERAGE_MINIMA, SimulationFailure, simulate } from './simulation';

/**
 * Runs seeds `from` to `from + seeds - 1` with groups of `nodes` servers.
 *
 * @returns what all of them met.
 * @throws SimulationFailure on the first one that breaks a property or falls short of {@link COVERAGE_MINIMA}.
 */
export async function runSeeds(
  from: number,
  seeds: number,
  nodes: number,
  changesMembers = false,
): Promise<Coverage> {
  const total = emptyCoverage();
  for (let seed = from; seed < from + seeds; seed += 1) {
    const run = await simulate({ seed, nodes, changesMembers });
    for (const [name, minimum] of Object.entries(COVERAGE_MINIMA)) {
      const met = run[name as keyof Coverage];
      if (met < minimum) {
        const finding = `met only ${met} ${name}, ${minimum} are the least`;
        const message = `seed ${seed} with ${nodes} servers ${finding}`;
        throw new SimulationFailure(message, {
          finding,
          steps: run.steps,
          coverage: run,
          atMs: 0,
          faultyUntilMs: 0,
          faults: [],
        });
      }
    }
    addCoverage(total, run);
  }
  return total;
}
