import { describeCoverage } from './coverage';
import { runSeeds } from './run-seeds';
import { simulate } from './simulation';

const NODES = 3;
const seeds = Number(process.env['RAFTWAY_SIM_SEEDS'] ?? 300);

describe(`a simulated group of ${NODES} servers`, () => {
  it(`keeps Raft's properties and recovers, for ${seeds} seeds`, () => {
    const total = runSeeds(1, seeds, NODES);
    process.stdout.write(`${seeds} runs of ${NODES} servers: ${describeCoverage(total)}\n`);
    // Rare things have to have happened in some run at least.
    expect(total.snapshotsInstalled).toBeGreaterThan(0);
    expect(total.transfers).toBeGreaterThan(0);
    expect(total.pauses).toBeGreaterThan(0);
    expect(total.duplicates).toBeGreaterThan(0);
  }, 300_000);

  it('replays a seed event by event', () => {
    const events = (): string[] => {
      const lines: string[] = [];
      simulate({ seed: 7, nodes: NODES, trace: (line) => lines.push(line) });
      return lines;
    };
    const first = events();
    expect(first.length).toBeGreaterThan(1000);
    expect(events()).toEqual(first);
  });
});
