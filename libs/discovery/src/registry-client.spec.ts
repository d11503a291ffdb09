import type { registry } from '@raftway/contracts';
import { invalidArgument, unavailable } from '@raftway/errors';
import { startFakeRegistry, type FakeRegistry, type RegistryHandlers } from './fake-registry';
import { RegistryClient } from './registry-client';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Lookup = () => Promise<registry.LookupResponse>;

async function seed(handlers: Partial<RegistryHandlers>): Promise<FakeRegistry> {
  const fake = await startFakeRegistry(handlers);
  cleanups.push(() => fake.stop());
  return fake;
}

function client(seeds: readonly string[], options = {}): RegistryClient {
  const made = new RegistryClient(seeds, { random: () => 0, initialMs: 5, maxMs: 50, ...options });
  cleanups.push(() => made.close());
  return made;
}

const found =
  (revision: bigint): Lookup =>
  () =>
    Promise.resolve({ instances: [], revision });
const away: Lookup = () => Promise.reject(unavailable('NO_LEADER', 'no leader'));

describe('RegistryClient', () => {
  it('asks the next seed when one is without a leader, and stays there', async () => {
    let asked = 0;
    const one = await seed({
      lookup: () => {
        asked += 1;
        return away();
      },
    });
    const two = await seed({ lookup: found(2n) });
    const registryClient = client([one.address, two.address]);

    await registryClient.lookup('a');
    await registryClient.lookup('a');

    expect(asked).toBe(1);
    expect(registryClient.currentSeed).toBe(two.address);
  });

  it('asks the next seed when nobody listens at one', async () => {
    const gone = await seed({});
    const { address } = gone;
    await gone.stop();
    const two = await seed({ lookup: found(2n) });

    const answer = await client([address, two.address]).lookup('a');

    expect(answer.revision).toBe(2n);
  });

  it('asks the next seed when one hangs', async () => {
    const one = await seed({ lookup: () => new Promise(() => undefined) });
    const two = await seed({ lookup: found(2n) });
    const registryClient = client([one.address, two.address], { attemptTimeoutMs: 100 });

    expect((await registryClient.lookup('a')).revision).toBe(2n);
  });

  it('does not ask another seed about a bad request', async () => {
    let asked = 0;
    const refuse: Lookup = () => {
      asked += 1;
      return Promise.reject(invalidArgument({ field: 'service', description: 'is required' }));
    };
    const one = await seed({ lookup: refuse });
    const two = await seed({ lookup: refuse });

    await expect(client([one.address, two.address]).lookup('')).rejects.toMatchObject({
      codeName: 'INVALID_ARGUMENT',
    });
    expect(asked).toBe(1);
  });

  it('repeats a change with the same request id', async () => {
    const ids: string[] = [];
    const one = await seed({
      register: ({ requestId }) => {
        ids.push(requestId);
        return Promise.reject(unavailable('OUTCOME_UNKNOWN', 'unknown'));
      },
    });
    const two = await seed({
      register: ({ requestId, ttl }) => {
        ids.push(requestId);
        return Promise.resolve({ leaseId: 'l', revision: 2n, ttl });
      },
    });

    const instance = { service: 'a', instanceId: 'b', address: 'c:1' };
    const { ttl } = await client([one.address, two.address]).register(instance, 2500);

    expect(ids[0]).not.toBe('');
    expect(new Set(ids).size).toBe(1);
    expect(ttl).toEqual({ seconds: 2n, nanos: 500_000_000 });
  });

  it('gives up when its time is over, or its signal aborts', async () => {
    const one = await seed({ lookup: away });
    const registryClient = client([one.address], { timeoutMs: 100 });
    const begun = performance.now();

    await expect(registryClient.lookup('a')).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
    const aborted = registryClient.lookup('a', { signal: AbortSignal.abort() });

    expect(performance.now() - begun).toBeLessThan(2000);
    await expect(aborted).rejects.toThrow();
  });

  it('needs a seed', () => {
    expect(() => new RegistryClient([])).toThrow(/at least one seed/);
  });
});
