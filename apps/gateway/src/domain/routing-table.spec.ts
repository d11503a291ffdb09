import { Code } from '@raftway/errors';
import { defaultLoadBalancing, SetAside } from '@raftway/load-balancing';
import { defaultGatewayOptions } from '../options';
import { protectionOf } from '../protection-options';
import { Backend } from './backend';
import { Protection } from './protection';
import { type RoutableInstance, RoutingTable } from './routing-table';

function table(
  routesMax = 100,
  nowMs = (): number => 0,
  protection?: () => Protection,
): RoutingTable {
  return new RoutingTable({
    backend: (service) =>
      new Backend({
        service,
        loadBalancing: { ...defaultLoadBalancing, hashHeader: undefined },
        protection: protection?.(),
        setAside: new SetAside(() => 0),
        onEjected: () => undefined,
      }),
    reconfigure: () => false,
    nowMs,
    random: () => 0,
    isNeverRouted: (name) => name.startsWith('grpc.'),
    routesMax,
  });
}

function instance(
  service: string,
  instanceId: string,
  grpcServices: string[],
  takesCalls = true,
): RoutableInstance {
  const identity = { service, instanceId, address: `${instanceId}:1`, grpcServices };
  return { ...identity, takesCalls, weight: 1, zone: '' };
}

function services(...instances: RoutableInstance[]): Map<string, RoutableInstance[]> {
  const result = new Map<string, RoutableInstance[]>();
  for (const one of instances) result.set(one.service, [...(result.get(one.service) ?? []), one]);
  return result;
}

describe('the routing table', () => {
  it('knows which instances serve a gRPC service, instance by instance', () => {
    const routes = table();

    routes.update(services(instance('s', 'old', ['p.A']), instance('s', 'new', ['p.A', 'p.B'])), 0);

    expect(
      routes
        .route('p.A')
        ?.endpoints.list()
        .map(({ instanceId }) => instanceId),
    ).toEqual(['new', 'old']);
    expect(
      routes
        .route('p.B')
        ?.endpoints.list()
        .map(({ instanceId }) => instanceId),
    ).toEqual(['new']);
    expect(routes.route('p.C')).toBeUndefined();
  });

  it('gives a gRPC service to the first claimant, and reports the second once', () => {
    const routes = table();
    const both = services(instance('first', '1', ['p.A']), instance('second', '2', ['p.A']));

    const change = routes.update(both, 0);

    expect(routes.route('p.A')?.service).toBe('first');
    expect(change.newConflicts).toEqual([
      { grpcService: 'p.A', holder: 'first', claimant: 'second' },
    ]);
    expect(routes.update(both, 1).newConflicts).toEqual([]);
    expect(routes.conflicts()).toHaveLength(1);
  });

  it('leaves the claim with its holder when the order changes, and passes it on when the holder is gone', () => {
    const routes = table();
    routes.update(services(instance('first', '1', ['p.A'])), 0);

    routes.update(services(instance('second', '2', ['p.A']), instance('first', '1', ['p.A'])), 1);
    expect(routes.route('p.A')?.service).toBe('first');

    routes.update(services(instance('second', '2', ['p.A'])), 2);
    expect(routes.route('p.A')?.service).toBe('second');
    expect(routes.conflicts()).toEqual([]);
  });

  it('remembers a gRPC service after its last instance, and since when', () => {
    const routes = table();
    routes.update(services(instance('s', '1', ['p.A'])), 0);

    const change = routes.update(new Map(), 5000);
    routes.update(new Map(), 9000);

    expect(change.toggled).toEqual(['p.A']);
    expect(routes.route('p.A')).toMatchObject({ service: 's', emptySinceMs: 5000 });
    routes.update(services(instance('s', '1', ['p.A'])), 10_000);
    expect(routes.route('p.A')?.emptySinceMs).toBeUndefined();
  });

  it('counts instances that take no calls as absent, and their service as known', () => {
    const routes = table();

    routes.update(services(instance('s', '1', ['p.A'], false)), 7);

    expect(routes.route('p.A')?.endpoints.size).toBe(0);
    expect(routes.route('p.A')?.emptySinceMs).toBe(7);
    expect(routes.serviceIsLive('s')).toBe(false);
    expect(routes.serviceIsLive('t')).toBeUndefined();
  });

  it('never routes what belongs to one process', () => {
    const routes = table();

    routes.update(services(instance('s', '1', ['grpc.health.v1.Health', 'p.A'])), 0);

    expect(routes.list().map(({ grpcService }) => grpcService)).toEqual(['p.A']);
  });

  it('keeps the round robin position when nothing has changed for a service', () => {
    const routes = table();
    const state = services(instance('s', '1', ['p.A']), instance('s', '2', ['p.A']));
    routes.update(state, 0);
    const before = routes.route('p.A')?.endpoints;

    routes.update(state, 1);

    expect(routes.route('p.A')?.endpoints).toBe(before);
  });

  it('forgets the services that have been empty longest when there are too many', () => {
    const routes = table(2);
    routes.update(services(instance('a', '1', ['p.A'])), 0);
    routes.update(services(instance('b', '2', ['p.B'])), 1);

    routes.update(services(instance('c', '3', ['p.C'])), 2);

    expect(routes.list().map(({ grpcService }) => grpcService)).toEqual(['p.B', 'p.C']);
  });

  it('keeps one load for an instance, whichever gRPC service leads to it', () => {
    const routes = table();

    routes.update(services(instance('s', '1', ['p.A', 'p.B'])), 0);

    const [a] = routes.route('p.A')?.endpoints.list() ?? [];
    const [b] = routes.route('p.B')?.endpoints.list() ?? [];
    expect(a?.load).toBeDefined();
    expect(b?.load).toBe(a?.load);
    expect(routes.route('p.A')?.backend).toBe(routes.route('p.B')?.backend);
  });

  it('keeps the load when the weight changes, and knows since when an instance is there', () => {
    let nowMs = 10;
    const routes = table(100, () => nowMs);
    const [old, fresh] = [instance('s', '1', ['p.A']), instance('s', '2', ['p.A'])];
    routes.update(services(old), 0);
    const before = routes.route('p.A')?.endpoints.list()[0]?.load;
    nowMs = 50;

    routes.update(services({ ...old, weight: 7, zone: 'z' }, fresh), 0);

    const [first, second] = routes.route('p.A')?.endpoints.list() ?? [];
    expect(first).toMatchObject({ weight: 7, zone: 'z' });
    expect(first?.load).toBe(before);
    expect([first?.load.sinceMs, second?.load.sinceMs]).toEqual([10, 50]);
    routes.update(services(old, { ...fresh, takesCalls: false }), 0);
    nowMs = 90;
    routes.update(services(old, fresh), 0);
    expect(routes.route('p.A')?.endpoints.list()[1]?.load.sinceMs).toBe(90);
  });

  it('moves a gRPC service to the backend of the service that holds it now', () => {
    const routes = table();
    routes.update(services(instance('first', '1', ['p.A'])), 0);

    const change = routes.update(services(instance('second', '2', ['p.A'])), 1);

    expect(routes.route('p.A')?.backend.service).toBe('second');
    expect(routes.route('p.A')?.endpoints.list()).toHaveLength(1);
    expect(change.toggled).toEqual([]);
  });

  it('leaves out failing instances of a service that only documents send calls to, from its first calls on', () => {
    const settings = protectionOf(defaultGatewayOptions());
    const routes = table(100, undefined, () => new Protection(settings));
    routes.update(services(instance('s', '1', []), instance('s', '2', [])), 0);

    routes.trackServices(new Set(['s']), 0);
    const [first] = routes.routeTo('s', 'p.A')?.endpoints.list() ?? [];
    for (let call = 0; first !== undefined && call < 5; call += 1) {
      first.backend.onGiven(first);
      first.backend.onEnded(first, 'answered', Code.unavailable, false, 1, 0);
    }

    expect(routes.ejectedCount(0)).toBe(1);
  });
});

describe('settings of backends that change', () => {
  it('are picked by from the next call on, with the same backends, loads and instances', () => {
    let policy: 'round_robin' | 'rendezvous' = 'round_robin';
    const protection = protectionOf(defaultGatewayOptions());
    const loadBalancing = () => ({ ...defaultLoadBalancing, hashHeader: undefined, policy });
    const routes = new RoutingTable({
      backend: (service) =>
        new Backend({
          ...{ service, loadBalancing: loadBalancing(), protection: new Protection(protection) },
          ...{ setAside: new SetAside(() => 0), onEjected: () => undefined },
        }),
      reconfigure: (backend) => backend.configure(loadBalancing(), protection, 0),
      ...{ nowMs: () => 0, random: () => 0, isNeverRouted: () => false, routesMax: 10 },
    });
    routes.update(services(instance('s', 'a', ['p.A']), instance('s', 'b', ['p.A'])), 0);
    routes.trackServices(new Set(['s']), 0);
    const route = routes.route('p.A');
    const [before, endpoints] = [route?.backend, route?.endpoints];
    const picked = (): string[] =>
      Array.from(
        { length: 4 },
        () =>
          routes.routeTo('s', 'p.A')?.endpoints.pick(0, before!.health, undefined, 5)?.key ?? '',
      );
    expect(new Set(picked()).size).toBe(2);

    routes.reconfigure();
    expect(route?.endpoints).toBe(endpoints);
    policy = 'rendezvous';
    routes.reconfigure();

    expect(new Set(picked()).size).toBe(1);
    expect(route?.backend).toBe(before);
    expect(route?.endpoints.list()).toEqual(endpoints?.list());
    expect(routes.backend('s')).toBe(before);
  });
});
