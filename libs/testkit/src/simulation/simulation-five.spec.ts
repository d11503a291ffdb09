import { describeCoverage } from './coverage';
import { runSeeds } from './run-seeds';
import { simulate } from './simulation';

const NODES = 5;
const seeds = Number(process.env['RAFTWAY_SIM_SEEDS'] ?? 1000);

describe(`a simulated group of ${NODES} servers`, () => {
  it(`keeps Raft's properties and recovers, for ${seeds} seeds`, async () => {
    const total = await runSeeds(1, seeds, NODES);
    process.stdout.write(`${seeds} runs of ${NODES} servers: ${describeCoverage(total)}\n`);
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
