import { describeSeeds, FIRST_SEEDS, runSeeds } from './run-seeds';
import { COVERAGE_MINIMA, simulate } from './simulation';

const NODES = 5;
const seeds = Number(process.env['RAFTWAY_SIM_SEEDS'] ?? 300);

describe(`a simulated group of ${NODES} servers`, () => {
  it(`keeps Raft's properties and recovers, for ${seeds} seeds`, async () => {
    const from = FIRST_SEEDS.five;
    const result = await runSeeds(from, seeds, NODES);
    process.stdout.write(describeSeeds(`${NODES} servers`, from, seeds, result));
    const { total, least } = result;
    // A run that met nothing proves nothing.
    expect(least.steps).toBeGreaterThanOrEqual(COVERAGE_MINIMA.steps);
    expect(least.faults).toBeGreaterThanOrEqual(COVERAGE_MINIMA.faults);
    expect(least.commits).toBeGreaterThanOrEqual(COVERAGE_MINIMA.commits);
    // Of nearly every history it must be known whether there is an order.
    expect(total.registersUndecided).toBeLessThan(seeds / 100 + 1);
    // Rare things have to have happened in some run at least.
    expect(total.priorityHandOvers).toBeGreaterThan(0);
    expect(total.snapshotsInstalled).toBeGreaterThan(0);
    expect(total.transfers).toBeGreaterThan(0);
    expect(total.pauses).toBeGreaterThan(0);
    expect(total.duplicates).toBeGreaterThan(0);
    // And to the disks.
    expect(total.pagesDropped).toBeGreaterThan(0);
    expect(total.pagesTorn).toBeGreaterThan(0);
    expect(total.writesReordered).toBeGreaterThan(0);
    expect(total.bitsFlipped).toBeGreaterThan(0);
    expect(total.syncFailures).toBeGreaterThan(0);
    expect(total.diskFull).toBeGreaterThan(0);
    expect(total.suspectTails).toBeGreaterThan(0);
    expect(total.readmissions).toBeGreaterThan(0);
  }, 900_000);

  it('replays a seed event by event', async () => {
    const events = async (): Promise<string[]> => {
      const lines: string[] = [];
      await simulate({ seed: 7, nodes: NODES, trace: (line) => lines.push(line) });
      return lines;
    };
    const first = await events();
    expect(first.length).toBeGreaterThan(1000);
    expect(await events()).toEqual(first);
  });
});
