import { type RandomSource } from '@raftway/load-balancing';
import { type Backend, type InstanceEndpoint } from './backend';
import { MutableRoute, NamedRoute, type Route } from './route';

export { type Route } from './route';

/** What the routing table needs to know of a registered instance. */
export interface RoutableInstance {
  readonly service: string;
  readonly instanceId: string;
  /** host:port */
  readonly address: string;
  readonly grpcServices: readonly string[];
  /** Whether it takes new calls: its status is serving and its protocol is gRPC. */
  readonly takesCalls: boolean;
  readonly weight: number;
  /** Failure domain; '' when it is not known. */
  readonly zone: string;
}

/** Two registered services that claim one gRPC service. */
export interface RouteConflict {
  readonly grpcService: string;
  /** The one that calls go to. */
  readonly holder: string;
  /** The one whose claim is not honoured. */
  readonly claimant: string;
}

/** What an update changed. */
export interface RoutingChange {
  /** Conflicts that were not there before. */
  readonly newConflicts: readonly RouteConflict[];
  /** gRPC services whose routability (at least one instance) changed. */
  readonly toggled: readonly string[];
}

/** Limits and policy of a {@link RoutingTable}. */
export interface RoutingOptions {
  /** Builds the backend of a registered service. */
  readonly backend: (service: string) => Backend;
  /** Brings a backend's settings up to date; says whether its instances are picked otherwise from now on. */
  readonly reconfigure: (backend: Backend) => boolean;
  /** The clock of picks, in monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly random: RandomSource;
  /** gRPC services that belong to one process: never routed. */
  readonly isNeverRouted: (grpcService: string) => boolean;
  /** Routes kept at most, remembered ones included; those that have been empty longest are forgotten first. */
  readonly routesMax: number;
}

/**
 * Which instances serve which gRPC service.
 *
 * The first registered service that claims a gRPC service holds it; a second claimant is reported and gets no calls, so
 * that a wrong registration cannot take over another team's traffic. The holder loses its claim only when it has no
 * instance left and another claimant has one. A gRPC service that was ever seen stays known, so that its absence is
 * answered with UNAVAILABLE and not with UNIMPLEMENTED, which clients take for final.
 */
export class RoutingTable {
  private readonly routes = new Map<string, MutableRoute>();
  private readonly backends = new Map<string, Backend>();
  private conflictKeys = new Set<string>();
  private conflictList: readonly RouteConflict[] = [];
  private endpointKeys = new Set<string>();
  /** Registered services that documents send calls to, whole: whatever gRPC services their instances claim. */
  private readonly tracked = new Map<string, MutableRoute>();
  private services: ReadonlyMap<string, readonly RoutableInstance[]> = new Map();

  constructor(private readonly options: RoutingOptions) {}

  /** The route of a gRPC service; undefined when nobody has ever claimed it. */
  route(grpcService: string): Route | undefined {
    return this.routes.get(grpcService);
  }

  /**
   * A route to all instances of a registered service, for calls of one gRPC service.
   * @param service one of those of {@link trackServices}.
   * @returns undefined when the service has never been registered, as far as is known.
   */
  routeTo(service: string, grpcService: string): Route | undefined {
    const route = this.tracked.get(service);
    if (route === undefined || !this.isKnownService(service)) return undefined;
    return new NamedRoute(grpcService, route);
  }

  /** Replaces the registered services that calls are sent to by name; of each, absence is remembered. */
  trackServices(names: ReadonlySet<string>, nowMs: number): void {
    for (const name of this.tracked.keys()) if (!names.has(name)) this.tracked.delete(name);
    for (const name of names) {
      if (this.tracked.has(name)) continue;
      const route = new MutableRoute('', this.backendOf(name), this.options.random);
      this.tracked.set(name, route);
      this.setEndpoints(route, this.services.get(name) ?? [], nowMs);
      // These are all of its backend's instances: routes by gRPC service lead to some of them.
      const keys = route.endpoints.list().map(({ key }) => key);
      route.backend.retain(new Set(keys), this.options.nowMs());
    }
  }

  /** Goes by new settings from the next call on, where they differ; what is known of backends and instances stays. */
  reconfigure(): void {
    for (const backend of this.backends.values()) {
      if (!this.options.reconfigure(backend)) continue;
      for (const route of this.allRoutes()) if (route.backend === backend) route.pickAnew();
    }
    this.retainBackends();
  }

  /** What is known of a registered service's instances; undefined when no calls lead to it. */
  backend(service: string): Backend | undefined {
    return this.backends.get(service);
  }

  /** The instances of backends that are to be asked for their health. */
  checkedEndpoints(): InstanceEndpoint[] {
    const checked: InstanceEndpoint[] = [];
    for (const [{ protection }, endpoints] of this.endpointsByBackend())
      if (protection?.checks !== undefined) checked.push(...endpoints.values());
    return checked;
  }

  /** Whether a registered service has been seen, by all that is remembered. */
  isKnownService(service: string): boolean {
    if (this.services.has(service) || this.tracked.get(service)?.wasEverLive === true) return true;
    for (const route of this.routes.values()) if (route.service === service) return true;
    return false;
  }

  /** The registered services that there are, or whose absence is remembered. */
  serviceNames(): readonly string[] {
    const held = [...this.routes.values()].map(({ service }) => service);
    return [...new Set([...this.services.keys(), ...this.tracked.keys(), ...held])];
  }

  /** Instances of a registered service that take calls, as the registry has them now. */
  liveInstancesOf(service: string): readonly RoutableInstance[] {
    return this.services.get(service)?.filter(({ takesCalls }) => takesCalls) ?? [];
  }

  /** All routes, in the order in which they were first seen. */
  list(): readonly Route[] {
    return [...this.routes.values()];
  }

  /** The conflicts that exist now. */
  conflicts(): readonly RouteConflict[] {
    return this.conflictList;
  }

  /** Whether an endpoint of that key takes calls. */
  hasEndpoint(key: string): boolean {
    return this.endpointKeys.has(key);
  }

  /** Endpoints that take calls. */
  get endpointCount(): number {
    return this.endpointKeys.size;
  }

  /** Of those, the ones that are left out for failing more than the others. */
  ejectedCount(nowMs: number): number {
    let count = 0;
    for (const { protection } of this.backends.values())
      count += protection?.outliers?.ejectedCount(nowMs) ?? 0;
    return count;
  }

  /** … and those that fail their health checks. */
  get unhealthyCount(): number {
    let count = 0;
    for (const { protection } of this.backends.values()) count += protection?.checks?.size ?? 0;
    return count;
  }

  /** Whether some instance of a registered service takes calls. Undefined when the service is not known. */
  serviceIsLive(service: string): boolean | undefined {
    let known: boolean | undefined;
    for (const route of this.routes.values()) {
      if (route.service !== service) continue;
      if (route.endpoints.size > 0) return true;
      known = false;
    }
    const tracked = this.tracked.get(service);
    if (tracked === undefined || !this.isKnownService(service)) return known;
    return tracked.endpoints.size > 0;
  }

  /**
   * Takes over the registry's complete state.
   * @param services instances by service; of two services that claim one gRPC service the first in this order wins.
   */
  update(services: ReadonlyMap<string, readonly RoutableInstance[]>, nowMs: number): RoutingChange {
    const claims = this.collectClaims(services);
    const conflicts: RouteConflict[] = [];
    const toggled: string[] = [];
    this.endpointKeys = new Set();
    this.services = services;
    for (const [service, route] of this.tracked)
      this.setEndpoints(route, services.get(service) ?? [], nowMs);
    for (const [grpcService, claimants] of claims) {
      const route = this.claim(grpcService, claimants, conflicts);
      if (this.setEndpoints(route, claimants.get(route.service) ?? [], nowMs))
        toggled.push(grpcService);
    }
    for (const route of this.routes.values()) {
      if (claims.has(route.grpcService)) continue;
      if (this.setEndpoints(route, [], nowMs)) toggled.push(route.grpcService);
    }
    this.forgetOldest();
    this.retainBackends();
    return { newConflicts: this.replaceConflicts(conflicts), toggled };
  }

  private collectClaims(
    services: ReadonlyMap<string, readonly RoutableInstance[]>,
  ): Map<string, Map<string, RoutableInstance[]>> {
    const claims = new Map<string, Map<string, RoutableInstance[]>>();
    for (const [service, instances] of services) {
      for (const instance of instances) {
        for (const grpcService of new Set(instance.grpcServices)) {
          if (this.options.isNeverRouted(grpcService)) continue;
          let claimants = claims.get(grpcService);
          if (claimants === undefined)
            claims.set(grpcService, (claimants = new Map<string, RoutableInstance[]>()));
          const claim = claimants.get(service);
          if (claim === undefined) claimants.set(service, [instance]);
          else claim.push(instance);
        }
      }
    }
    return claims;
  }

  private claim(
    grpcService: string,
    claimants: ReadonlyMap<string, readonly RoutableInstance[]>,
    conflicts: RouteConflict[],
  ): MutableRoute {
    const [first = ''] = claimants.keys();
    let route = this.routes.get(grpcService);
    if (route === undefined) {
      route = new MutableRoute(grpcService, this.backendOf(first), this.options.random);
      this.routes.set(grpcService, route);
    } else if (!claimants.has(route.service)) route.moveTo(this.backendOf(first));
    for (const claimant of claimants.keys()) {
      if (claimant !== route.service)
        conflicts.push({ grpcService, holder: route.service, claimant });
    }
    return route;
  }

  /** Returns whether the route became routable or ceased to be. */
  private setEndpoints(
    route: MutableRoute,
    instances: readonly RoutableInstance[],
    nowMs: number,
  ): boolean {
    const wasLive = route.isLive;
    const { backend } = route;
    const endpoints = new Map<string, InstanceEndpoint>();
    for (const { service, instanceId, address, takesCalls, weight, zone } of instances) {
      if (!takesCalls) continue;
      const key = endpointKey({ service, instanceId, address });
      const load = backend.load.of(key, this.options.nowMs());
      const identity = { key, backend, service, instanceId, address };
      endpoints.set(key, { ...identity, weight: Math.max(1, weight), zone, load });
      this.endpointKeys.add(key);
    }
    if (!sameEndpoints(route.endpoints.list(), endpoints))
      route.endpoints.replace([...endpoints.values()]);
    route.isLive = endpoints.size > 0;
    if (route.isLive) {
      route.wasEverLive = true;
      route.emptySinceMs = undefined;
    } else route.emptySinceMs ??= nowMs;
    return wasLive !== route.isLive;
  }

  private backendOf(service: string): Backend {
    let backend = this.backends.get(service);
    if (backend === undefined) {
      backend = this.options.backend(service);
      this.backends.set(service, backend);
    }
    return backend;
  }

  /** Forgets backends that no route leads to, and what was known of instances that are gone. */
  private retainBackends(): void {
    const endpoints = this.endpointsByBackend();
    const nowMs = this.options.nowMs();
    for (const [service, backend] of this.backends) {
      const known = endpoints.get(backend);
      if (known === undefined) this.backends.delete(service);
      else backend.retain(new Set(known.keys()), nowMs);
    }
  }

  /** Backends that calls lead to, with their instances by key. */
  private endpointsByBackend(): Map<Backend, Map<string, InstanceEndpoint>> {
    const found = new Map<Backend, Map<string, InstanceEndpoint>>();
    for (const { backend, endpoints } of this.allRoutes()) {
      let known = found.get(backend);
      if (known === undefined) found.set(backend, (known = new Map<string, InstanceEndpoint>()));
      for (const endpoint of endpoints.list()) known.set(endpoint.key, endpoint);
    }
    return found;
  }

  private allRoutes(): MutableRoute[] {
    return [...this.routes.values(), ...this.tracked.values()];
  }

  private forgetOldest(): void {
    const excess = this.routes.size - this.options.routesMax;
    if (excess <= 0) return;
    const empty = [...this.routes.values()].filter((route) => route.emptySinceMs !== undefined);
    empty.sort((a, b) => (a.emptySinceMs ?? 0) - (b.emptySinceMs ?? 0));
    for (const route of empty.slice(0, excess)) this.routes.delete(route.grpcService);
  }

  private replaceConflicts(conflicts: readonly RouteConflict[]): readonly RouteConflict[] {
    const keyOf = (conflict: RouteConflict): string =>
      `${conflict.grpcService} ${conflict.holder} ${conflict.claimant}`;
    const before = this.conflictKeys;
    this.conflictKeys = new Set(conflicts.map(keyOf));
    this.conflictList = conflicts;
    return conflicts.filter((conflict) => !before.has(keyOf(conflict)));
  }
}

/** What identifies an instance among all. */
export function endpointKey({
  service,
  instanceId,
  address,
}: Pick<RoutableInstance, 'service' | 'instanceId' | 'address'>): string {
  return `${service}/${instanceId}@${address}`;
}

function sameEndpoints(
  before: readonly InstanceEndpoint[],
  after: ReadonlyMap<string, InstanceEndpoint>,
): boolean {
  return (
    before.length === after.size &&
    before.every(({ key, weight, zone }) => {
      const same = after.get(key);
      return same !== undefined && same.weight === weight && same.zone === zone;
    })
  );
}
