import { describeSeeds, FIRST_SEEDS, runSeeds } from './run-seeds';
import { COVERAGE_MINIMA, simulate } from './simulation';

const NODES = 3;
const seeds = Number(process.env['RAFTWAY_SIM_SEEDS'] ?? 300);

describe(`a simulated group of ${NODES} servers whose members change`, () => {
  it(`keeps Raft's properties and recovers, for ${seeds} seeds`, async () => {
    const from = FIRST_SEEDS.members;
    const result = await runSeeds(from, seeds, NODES, true);
    process.stdout.write(describeSeeds('changing members', from, seeds, result));
    const { total, least } = result;
    expect(least.steps).toBeGreaterThanOrEqual(COVERAGE_MINIMA.steps);
    expect(least.faults).toBeGreaterThanOrEqual(COVERAGE_MINIMA.faults);
    expect(least.commits).toBeGreaterThanOrEqual(COVERAGE_MINIMA.commits);
    // Every kind of change has to have happened, and not once only.
    expect(total.priorityHandOvers).toBeGreaterThan(0);
    expect(total.configurationsCommitted).toBeGreaterThan(seeds);
    expect(total.learnersPromoted).toBeGreaterThan(seeds / 10);
    expect(total.jointEntered).toBeGreaterThan(seeds / 20);
    expect(total.jointLeft).toBeGreaterThan(seeds / 20);
    expect(total.leadersRemoved).toBeGreaterThan(seeds / 20);
    expect(total.membersReturned).toBeGreaterThan(seeds / 10);
    expect(total.changesRefused).toBeGreaterThan(0);
    // In the midst of everything else.
    expect(total.snapshotsInstalled).toBeGreaterThan(0);
    expect(total.suspectTails).toBeGreaterThan(0);
    expect(total.readmissions).toBeGreaterThan(0);
  }, 900_000);

  it('replays a seed event by event', async () => {
    const events = async (): Promise<string[]> => {
      const lines: string[] = [];
      const trace = (line: string): void => void lines.push(line);
      await simulate({ seed: 7, nodes: NODES, changesMembers: true, trace });
      return lines;
    };
    const first = await events();
    expect(first.length).toBeGreaterThan(1000);
    expect(await events()).toEqual(first);
  });
});
