/** Three replicas of the registry over real Raft with in-memory disks and links, and real sockets for callers. */
import { registry } from '@raftway/contracts';
import { registerSelf, watchServices, type ServiceView } from '@raftway/discovery';
import { createMetrics, silentLogger } from '@raftway/observability';
import { createMemoryCluster, type MemoryCluster } from '@raftway/raft/testing';
import { createClient } from '@raftway/service-kit';
import { createRegistryApp, type RegistryApp } from './app';
import { RegistryStateMachine } from './domain/registry-state-machine';
import type { RegistryResult } from './domain/results';
import { registryOptionsSchema } from './options';
import { instanceOf } from './testing/bench';
import { eventually } from './testing/start-registry';

jest.setTimeout(30_000);

let cluster: MemoryCluster<RegistryResult>;
const apps = new Map<number, RegistryApp>();
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  cluster = await createMemoryCluster(3, () => new RegistryStateMachine());
  for (const id of [1, 2, 3]) {
    const app = createRegistryApp({
      options: registryOptionsSchema.parse({
        bind: '127.0.0.1:0',
        httpBind: '127.0.0.1:0',
        drainDelayMs: '0ms',
        drainTimeoutMs: '100ms',
      }),
      logger: silentLogger(),
      metrics: createMetrics({ processMetrics: false }),
      timing: { progressIntervalMs: 50, staleAfterMs: 500, coalesceMs: 0 },
      inMemory: { stateMachine: machine(id), node: running(cluster.node(id)) },
    });
    await app.start();
    apps.set(id, app);
  }
  await cluster.leader();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await Promise.all([...apps.values()].map((app) => app.stop()));
  apps.clear();
  await cluster.stop();
});

function machine(id: number): RegistryStateMachine {
  return cluster.stateMachine(id) as RegistryStateMachine;
}

/** The cluster has started the node, and stops it. */
function running<Node extends object>(node: Node): Node {
  const done = () => Promise.resolve();
  return new Proxy(node, {
    get(target, key) {
      if (key === 'start' || key === 'stop') return done;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function addresses(): string[] {
  return [...apps.values()].map(({ address }) => address);
}

function client(id: number) {
  const made = createClient(registry.RegistryServiceService, apps.get(id)?.address ?? '');
  cleanups.push(() => made.close());
  return made;
}

function watch(seeds = addresses()): ServiceView {
  const view = watchServices({ registry: seeds, maxMs: 100 });
  cleanups.push(() => view.close());
  return view;
}

describe('three replicas', () => {
  it('give every replica’s caller what any of them has acknowledged', async () => {
    for (const id of [1, 2, 3]) {
      await client(id).register({ instance: instanceOf('greeter', `i${id}`) });
      for (const other of [1, 2, 3]) {
        const { instances } = await client(other).lookup({ service: 'greeter' });
        expect(instances).toHaveLength(id);
      }
    }

    await eventually(() => {
      const [first, ...others] = [1, 2, 3].map((id) => Buffer.from(machine(id).snapshot()));
      return others.every((snapshot) => first?.equals(snapshot));
    });
  });

  it('remove no live instance and keep every watcher when the leader changes', async () => {
    const self = registerSelf({
      registry: addresses(),
      instance: { service: 'greeter', instanceId: 'a', address: '127.0.0.1:1' },
      ttlMs: 1000,
      maxMs: 100,
    });
    cleanups.push(() => self.deregister());
    await self.registered();
    const views = [1, 2, 3].map((id) => watch([apps.get(id)?.address ?? '']));
    await Promise.all(views.map((view) => view.ready()));
    await eventually(() => views.every((view) => view.instances('greeter').length === 1));
    const removals: unknown[] = [];
    for (const view of views) view.onChange((change) => removals.push(...change.removals));

    for (let round = 0; round < 3; round += 1) {
      const leader = await cluster.leader();
      cluster.isolate(leader.id);
      await cluster.leader();
      await new Promise((resolve) => setTimeout(resolve, 600));
      cluster.heal();
      await cluster.leader();
    }

    await eventually(() => views.every((view) => view.ageMs() < 500));
    expect(removals).toEqual([]);
    expect(views.map((view) => view.instances('greeter').length)).toEqual([1, 1, 1]);
  });

  it('send the watchers of a replica that is cut off to the others', async () => {
    const leader = await cluster.leader();
    const cut = [1, 2, 3].find((id) => id !== leader.id) ?? 1;
    const view = watch([apps.get(cut)?.address ?? '', apps.get(leader.id)?.address ?? '']);
    await view.ready();

    cluster.isolate(cut);
    await client(leader.id).register({ instance: instanceOf('greeter', 'a') });

    await eventually(() => view.instances('greeter').length === 1, 10_000);
  });

  it('let an instance that is gone expire, on every replica', async () => {
    const { leaseId } = await client(1).register({
      instance: instanceOf('greeter', 'a'),
      ttl: { seconds: 1n, nanos: 0 },
    });
    const begun = performance.now();
    const view = watch();
    const reasons: string[] = [];
    view.onChange(({ removals }) => reasons.push(...removals.map(({ reason }) => reason)));
    await eventually(() => view.instances('greeter').length === 1);

    await eventually(() => view.instances('greeter').length === 0);

    expect(leaseId).not.toBe('');
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(reasons).toEqual(['expired']);
  });
});
