import type { FailedRun, simulate, SimulationOptions } from '../simulation/simulation';
import type { SimulatedBug } from './bug';
import { SourceLoader } from './source-loader';

const SIMULATION = 'libs/testkit/src/simulation/simulation.ts';
/** Every seed is run with both. */
const NODES = [3, 5] as const;

/** Which run found a bug, and what it said. */
export interface Catch extends FailedRun {
  readonly seed: number;
  readonly nodes: number;
  /** Set when the members changed all the while. */
  readonly changesMembers?: boolean | undefined;
}

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
  run(seed: number, nodes: number, changesMembers?: boolean): Promise<FailedRun | undefined> {
    return this.runWith({ seed, nodes, changesMembers });
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
  const { changesMembers } = bug;
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    for (const nodes of NODES) {
      const failed = await copy.run(seed, nodes, changesMembers);
      if (failed !== undefined) return { seed, nodes, changesMembers, ...failed };
    }
  }
  return undefined;
}
