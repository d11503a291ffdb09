import { type registry } from '@raftway/contracts';
import { unavailable } from '@raftway/errors';
import { startFakeRegistry, type RegistryHandlers } from './fake-registry';
import type { ServiceView } from './service-view';
import { testInstance } from './testing';
import { watchServices, type WatchServicesOptions } from './watch-services';

type Event = registry.WatchResponse;
type Watch = RegistryHandlers['watch'];

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What one seed was asked, and what it does with each stream, the last entry for all further ones. */
async function seed(...scripts: Watch[]) {
  const requests: registry.WatchRequest[] = [];
  const fake = await startFakeRegistry({
    watch: (request, call) => {
      requests.push(request);
      const script = scripts[Math.min(requests.length, scripts.length) - 1];
      if (script === undefined) throw new Error('a seed needs a script');
      return script(request, call);
    },
  });
  cleanups.push(() => fake.stop());
  return { address: fake.address, requests };
}

function watch(seeds: readonly string[], options: Partial<WatchServicesOptions> = {}): ServiceView {
  const view = watchServices({
    registry: seeds,
    random: () => 0,
    firstEventTimeoutMs: 200,
    silenceMaxMs: 300,
    ...options,
  });
  cleanups.push(() => view.close());
  return view;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function snapshot(revision: bigint, ids: readonly string[], incomplete = false): Event {
  const instances = ids.map((instanceId) => testInstance({ service: 'a', instanceId }));
  return { revision, event: { $case: 'snapshot', value: { instances, incomplete } } };
}

function progress(revision: bigint): Event {
  return { revision, event: { $case: 'progress', value: {} } };
}

/** Sends events and then stays silent. */
function stuck(...events: Event[]): Watch {
  return async function* (_, { signal }) {
    yield* events;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
}

/** Sends events and then breaks. */
function breaking(...events: Event[]): Watch {
  return async function* () {
    await Promise.resolve();
    yield* events;
    throw unavailable('NO_LEADER', 'no leader');
  };
}

const ids = (view: ServiceView) => view.instances('a').map(({ instanceId }) => instanceId);

describe('watchServices', () => {
  it('resumes after the revision of the last event, on the next seed', async () => {
    const one = await seed(breaking(snapshot(5n, ['x']), progress(7n)));
    const two = await seed(stuck(progress(9n)));

    const view = watch([one.address, two.address]);
    await until(() => view.revision() === 9n);

    expect(two.requests).toEqual([{ service: '', fromRevision: 7n }]);
    expect(ids(view)).toEqual(['x']);
  });

  it('begins again when a snapshot breaks off, and never shows half of one', async () => {
    const one = await seed(breaking(snapshot(5n, ['x'], true)));
    const two = await seed(stuck(snapshot(5n, ['y'])));
    const seen: string[][] = [];

    const view = watch([one.address, two.address]);
    view.onChange(() => seen.push(ids(view)));
    await view.ready();

    expect(two.requests).toEqual([{ service: '', fromRevision: 0n }]);
    expect(seen).toEqual([['y']]);
  });

  it('leaves a seed that accepts the call and says nothing', async () => {
    const one = await seed(stuck());
    const two = await seed(stuck(snapshot(5n, ['x'])));

    const view = watch([one.address, two.address]);
    await view.ready();

    expect(one.requests).toHaveLength(1);
  });

  it('leaves a seed that falls silent, and keeps what it said', async () => {
    const one = await seed(stuck(snapshot(5n, ['x'])));
    const two = await seed(stuck(progress(5n)));

    const view = watch([one.address, two.address]);
    await until(() => two.requests.length > 0);

    expect(ids(view)).toEqual(['x']);
  });

  it('counts its age from the last word that nothing is newer, not from deltas', async () => {
    const delta: Event = {
      revision: 6n,
      event: { $case: 'delta', value: { upserts: [], removals: [] } },
    };
    const one = await seed(async function* (_, { signal }) {
      yield snapshot(5n, ['x']);
      while (!signal.aborted) {
        yield delta;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });

    const view = watch([one.address]);
    const before = view.ageMs();
    await view.ready();

    expect(before).toBe(Infinity);
    await until(() => view.ageMs() > 500);
    expect(view.isConnected()).toBe(true);
  });

  it('stops asking when it is closed', async () => {
    const one = await seed(breaking());
    const view = watch([one.address]);
    await until(() => one.requests.length > 1);

    await view.close();
    const asked = one.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));

    // One may have been on its way already. A view that is open asks many times in this time: its streams break at once.
    expect(one.requests.length).toBeLessThanOrEqual(asked + 1);
  });
});
