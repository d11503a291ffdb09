import { addCoverage, describeCoverage, emptyCoverage } from './coverage';
import type { Coverage } from './coverage';
import { COVERAGE_MINIMA, SimulationFailure, simulate } from './simulation';

/** Where each kind of run begins to count, so that no two kinds run the same seed. */
export const FIRST_SEEDS = { three: 1, five: 100_001, members: 200_001 } as const;

type Least = Record<keyof typeof COVERAGE_MINIMA, number>;

/** What many runs met. */
export interface SeedsResult {
  readonly total: Coverage;
  /** Of those things of which every run has to meet some, the fewest that one met. */
  readonly least: Least;
}

/**
 * Runs seeds `from` to `from + seeds - 1` with groups of `nodes` servers.
 *
 * @throws SimulationFailure on the first one that breaks a property or falls short of {@link COVERAGE_MINIMA}.
 */
export async function runSeeds(
  from: number,
  seeds: number,
  nodes: number,
  changesMembers = false,
): Promise<SeedsResult> {
  const total = emptyCoverage();
  const least: Least = { steps: Infinity, faults: Infinity, commits: Infinity };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const run = await simulate({ seed, nodes, changesMembers });
    requireMinima(seed, nodes, run);
    for (const name of Object.keys(least) as (keyof Least)[]) {
      least[name] = Math.min(least[name], run[name]);
    }
    addCoverage(total, run);
  }
  return { total, least };
}

function requireMinima(seed: number, nodes: number, run: Coverage): void {
  for (const [name, minimum] of Object.entries(COVERAGE_MINIMA)) {
    const met = run[name as keyof Coverage];
    if (met >= minimum) continue;
    const finding = `met only ${met} ${name}, ${minimum} are the least`;
    throw new SimulationFailure(`seed ${seed} with ${nodes} servers ${finding}`, {
      finding,
      steps: run.steps,
      coverage: run,
      atMs: 0,
      faultyUntilMs: 0,
      faults: [],
    });
  }
}

/** For people: which runs these were, what the least of them met, and what all of them met. */
export function describeSeeds(what: string, from: number, seeds: number, result: SeedsResult) {
  const { steps, faults, commits } = result.least;
  return (
    `${what}, seeds ${from} to ${from + seeds - 1}: each at least ${steps} steps, ${faults} faults, ${commits} commits; ` +
    `all together ${describeCoverage(result.total)}\n`
  );
}
