import { driftingClocks } from '../simulation/drifting-clocks';
import type { FailedRun, simulate, SimulationOptions } from '../simulation/simulation';
import type { SimulatedBug } from './bug';
import { SourceLoader } from './source-loader';

const SIMULATION = 'libs/testkit/src/simulation/simulation.ts';
/** Every seed is run with both. */
const NODES = [3, 5] as const;

/** Which run. */
export interface PlantedRun {
  readonly seed: number;
  readonly nodes: number;
  /** Set when the members changed all the while. */
  readonly changesMembers?: boolean | undefined;
  /** Set when reads were answered from leases. */
  readonly leases?: boolean | undefined;
}

/** Which run found a bug, and what it said. */
export interface Catch extends PlantedRun, FailedRun {}

type Simulate = typeof simulate;

/** A copy of the code with a bug in it, or without one; runs any number of seeds. */
export class PlantedCopy {
  private readonly loader: SourceLoader;
  private readonly simulate: Simulate;

  /** @throws PatchDoesNotApply */
  constructor(workspace: string, bug?: SimulatedBug) {
    this.loader = new SourceLoader(workspace, bug);
    this.simulate = (this.loader.load(SIMULATION) as { simulate: Simulate }).simulate;
  }

  /** @returns how the run failed, if it did. */
  run({ seed, nodes, changesMembers, leases }: PlantedRun): Promise<FailedRun | undefined> {
    const clocks = leases === true ? driftingClocks(seed) : undefined;
    return this.runWith({ seed, nodes, changesMembers, leases: clocks });
  }

  /** The same with any options. */
  async runWith(options: SimulationOptions): Promise<FailedRun | undefined> {
    const onClock = (nowMs: () => number): void => this.loader.setClock(nowMs);
    try {
      await this.simulate({ ...options, onClock });
      return undefined;
    } catch (error) {
      // From a copy of the code, so it is no instance of our class.
      if ((error as Error).name !== 'SimulationFailure') throw error;
      const { steps, coverage, atMs, finding, faultyUntilMs, faults } = error as Error & FailedRun;
      return { steps, coverage, atMs, finding, faultyUntilMs, faults };
    }
  }
}

/**
 * Runs seeds 1 to `seedsMax`, each with three and with five servers, on a copy of the code with the bug in it.
 *
 * @returns the first run that fails; undefined when all pass.
 * @throws PatchDoesNotApply
 */
export async function hunt(
  workspace: string,
  bug: SimulatedBug,
  seedsMax: number,
): Promise<Catch | undefined> {
  const copy = new PlantedCopy(workspace, bug);
  const { changesMembers, leases } = bug;
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    for (const nodes of NODES) {
      const run = { seed, nodes, changesMembers, leases };
      const failed = await copy.run(run);
      if (failed !== undefined) return { ...run, ...failed };
    }
  }
  return undefined;
}

/**
 * The same with runs in which nobody looks into servers, so that nothing but the linearizability of what clients were told can find the bug. Runs that end in another way, such as by
 * a broken invariant of the library itself, do not count.
 *
 * @returns the first run whose history has no order.
 * @throws PatchDoesNotApply
 */
export async function huntBlindly(
  workspace: string,
  bug: SimulatedBug,
  seedsMax: number,
): Promise<Catch | undefined> {
  const copy = new PlantedCopy(workspace, bug);
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    for (const nodes of NODES) {
      const failed = await copy.runWith({ seed, nodes, isBlind: true });
      if (failed?.finding.includes('is not linearizable') === true) {
        return { seed, nodes, ...failed };
      }
    }
  }
  return undefined;
}
