import { resolve } from 'node:path';
import { SIMULATED_BUGS } from '../planted/bugs';
import { hunt, PlantedCopy } from '../planted/hunt';
import { emptyCoverage } from './coverage';
import { propertyOf, shrink } from './shrink';
import type { FailedRun, SimulationOptions } from './simulation';
import { replayCommand } from './simulation';

const failedWith = (finding: string, faults: FailedRun['faults'] = []): FailedRun => ({
  finding,
  steps: 1,
  coverage: emptyCoverage(),
  atMs: 1000,
  faultyUntilMs: 1000,
  faults,
});

describe('shrinking a failed run', () => {
  it('leaves out what the failure does not need', async () => {
    const faults = ['freeze', 'split', 'clog', 'freeze', 'heal', 'usurp'] as const;
    // Needs the second freeze, and at least 400 ms.
    const tryRun = (options: SimulationOptions): Promise<FailedRun | undefined> => {
      const gone =
        options.without?.includes('freeze') === true || options.dropped?.includes(4) === true;
      const short = (options.faultyMs ?? 6000) < 400;
      return Promise.resolve(gone || short ? undefined : failedWith('entry 7 is lost', faults));
    };
    const options = { seed: 1, nodes: 3 };
    const first = failedWith('entry 3 is lost', faults);
    const shrunk = await shrink(options, first, tryRun, () => true);
    expect(shrunk.faultsLeft).toBe(1);
    expect(shrunk.options.dropped).toEqual([1]);
    expect(shrunk.options.without).not.toContain('freeze');
    expect(shrunk.options.faultyMs).toBe(500);
  });

  it('does not take another failure for the same', async () => {
    const tryRun = (): Promise<FailedRun> => Promise.resolve(failedWith('stale read'));
    const failed = failedWith('entry 3 is lost');
    const shrunk = await shrink({ seed: 1, nodes: 3 }, failed, tryRun, () => true);
    expect(shrunk.options).toEqual({ seed: 1, nodes: 3 });
    expect(propertyOf(failedWith('entry 12 is lost'))).toBe(propertyOf(failed));
  });

  it('first says how long the faults really lasted: a reduced run is not made longer by itself', async () => {
    const tryRun = ({ faultyMs = 6000 }: SimulationOptions): Promise<FailedRun | undefined> => {
      const late = { ...failedWith('entry 7 is lost'), atMs: 9200, faultyUntilMs: 9000 };
      return Promise.resolve(faultyMs < 9000 ? undefined : late);
    };
    const failed = { ...failedWith('entry 3 is lost'), atMs: 9100, faultyUntilMs: 9000 };
    const shrunk = await shrink({ seed: 1, nodes: 3 }, failed, tryRun, () => true);
    expect(shrunk.options.faultyMs).toBe(9000);
    expect(shrunk.options.without?.length).toBeGreaterThan(10);
  });

  it('ends when there is no time left', async () => {
    const tryRun = (): Promise<FailedRun> => Promise.reject(new Error('not to be called'));
    const shrunk = await shrink({ seed: 1, nodes: 3 }, failedWith('x'), tryRun, () => false);
    expect(shrunk.runs).toBe(0);
  });

  it('finds a smaller run of a planted bug, which the printed options replay', async () => {
    const bug = SIMULATED_BUGS.find(({ name }) => name === 'old-term-committed-by-counting');
    const workspace = resolve(__dirname, '..', '..', '..', '..');
    const caught = bug && (await hunt(workspace, bug, 5));
    if (caught === undefined) throw new Error('the bug is not found');
    const { seed, nodes, ...failed } = caught;
    const options = { seed, nodes };
    const copy = new PlantedCopy(workspace, bug);
    let runs = 0;
    const tryRun = (smaller: SimulationOptions): Promise<FailedRun | undefined> => {
      runs += 1;
      return copy.runWith(smaller);
    };
    const shrunk = await shrink(options, failed, tryRun, () => runs < 60);
    expect(shrunk.options.without?.length).toBeGreaterThan(5);
    expect(await copy.runWith(shrunk.options)).toEqual(shrunk.failed);
    expect(replayCommand(shrunk.options)).toContain('--without');
  });
});
