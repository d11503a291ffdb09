/*
 * Documents → one immutable table.
 *
 * Routes attach to Gateways, policies to what their targetRefs name, and every rule gets all that its calls need: where they may go, with which
 * headers, for how long. A call only looks up (`RouteIndex`), and keeps what it found when the table is replaced.
 */
import {
  attach,
  type Attachment,
  type GatewaySource,
  listenerFaults,
  namespaceOf,
  type RouteDocument,
} from './attachment';
import {
  httpMatchesOf,
  httpTarget,
  type HttpTarget,
  rulesOf,
  timeoutsOf,
  unsupportedInHttp,
} from './compile-http-route';
import {
  type CompiledRule,
  compileRule,
  matchesOf,
  type RuleTimeouts,
  unsupportedIn,
} from './compile-route';
import { condition, type Condition, type Fault, unusedCondition } from './conditions';
import { type SourcedDocument } from './document-set';
import { type HttpEntry, HttpRouteIndex } from './http-route-index';
import { type AnyDocument } from './kinds';
import { type GatewayDocument } from './kinds/gateway';
import { type GrpcRouteDocument } from './kinds/grpc-route';
import { type HttpRouteDocument } from './kinds/http-route';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import {
  type BackendSettings,
  compileBackendPolicy,
  compileTrafficPolicy,
  PolicyIndex,
  type TrafficSettings,
} from './policy-index';
import { type RouteEntry, RouteIndex } from './route-index';
import { partsGivingWay } from './shared-hostnames';

/** Whether a registered service has ever been seen. */
export type IsKnownService = (service: string) => boolean;

/** A document and what is true of it now. */
export interface DocumentStatus {
  readonly source: SourcedDocument;
  readonly conditions: readonly Condition[];
}

/** A compiled set of documents. Never changes. */
export interface CompiledDocuments {
  readonly sources: readonly SourcedDocument[];
  readonly routes: RouteIndex<CompiledRule>;
  /** What HTTPRoutes do with requests before they are calls. */
  readonly http: HttpRouteIndex<HttpTarget>;
  /** What BackendPolicies say, by registered service. The same object as before when no policy and no Gateway has changed. */
  readonly backends: ReadonlyMap<string, BackendSettings>;
  /** Conditions of every document. What depends on the registry is as the registry is now. */
  statuses(isKnown: IsKnownService): DocumentStatus[];
}

/** A route at one of its parents. */
interface RoutePart {
  /** Undefined for the gateway itself. */
  readonly gateway: string | undefined;
  readonly hostnames: ReadonlySet<string>;
  readonly entries: readonly RouteEntry<CompiledRule>[];
  readonly httpEntries: readonly HttpEntry<HttpTarget>[];
}

/** What a route was compiled to. */
interface RouteOutcome {
  readonly source: SourcedDocument<RouteDocument>;
  readonly faults: readonly Fault[];
  /** At each of the parents that have taken it; none for a route that is not used. */
  readonly parts: readonly RoutePart[];
}

/**
 * Compiles documents. What is wrong with one of them, in the Gateway API's sense, is in its conditions and not an error.
 * @param previous what routes that have not changed are taken from, as long as the Gateways and policies are the same: a change of one route
 *   of thousands compiles one.
 */
export function compileDocuments(
  sources: readonly SourcedDocument[],
  previous?: CompiledDocuments,
): CompiledDocuments {
  return new Compilation(sources, previous instanceof Compilation ? previous : undefined);
}

class Compilation implements CompiledDocuments {
  readonly routes: RouteIndex<CompiledRule>;
  readonly http: HttpRouteIndex<HttpTarget>;
  readonly backends: ReadonlyMap<string, BackendSettings>;
  private readonly gateways: ReadonlyMap<string, GatewaySource>;
  /** Of the source at the same place, whatever the other routes are; undefined for what is no route. */
  private readonly compiled: readonly (RouteOutcome | undefined)[];
  /** The same without what gives way to a route of the other kind. */
  private readonly outcomes: readonly (RouteOutcome | undefined)[];
  private readonly traffic: PolicyIndex<TrafficPolicyDocument, TrafficSettings>;
  private readonly backendPolicies: PolicyIndex<BackendPolicyDocument, BackendSettings>;

  constructor(
    readonly sources: readonly SourcedDocument[],
    previous: Compilation | undefined,
  ) {
    const part = changedPart(previous?.sources ?? [], sources);
    const reusable = sameOthers(part.before, part.after) ? previous : undefined;
    this.gateways = reusable?.gateways ?? gatewaysOf(sources);
    this.traffic = reusable?.traffic ?? trafficPolicies(sources);
    this.backendPolicies = reusable?.backendPolicies ?? backendPolicies(sources);
    this.backends =
      reusable?.backends ??
      new Map(
        this.backendPolicies
          .entries()
          .map(([key, settings]) => [key.slice('Service '.length), settings]),
      );
    if (reusable === undefined) {
      this.compiled = sources.map((source) => this.outcomeOf(source));
      this.outcomes = withoutConflicts(this.compiled);
      this.routes = RouteIndex.of(entriesIn(this.outcomes));
      this.http = HttpRouteIndex.of(httpEntriesIn(this.outcomes));
      return;
    }
    const end = part.start + part.before.length;
    const before = reusable.compiled.slice(part.start, end);
    const old = new Map(before.map((outcome) => [outcome?.source.id, outcome]));
    const after = part.after.map((source) => this.outcomeOf(source, old.get(source.id)));
    this.compiled = [
      ...reusable.compiled.slice(0, part.start),
      ...after,
      ...reusable.compiled.slice(end),
    ];
    this.outcomes = withoutConflicts(this.compiled);
    const isPart = this.outcomes === this.compiled && reusable.outcomes === reusable.compiled;
    const kept = new Set(isPart ? after : this.outcomes);
    const known = new Set(isPart ? before : reusable.outcomes);
    const removed = [...known].filter((outcome) => !kept.has(outcome));
    const added = [...kept].filter((outcome) => !known.has(outcome));
    this.routes = reusable.routes.changed(
      entriesIn(this.outcomes),
      entriesIn(removed),
      entriesIn(added),
    );
    this.http = reusable.http.changed(
      httpEntriesIn(this.outcomes),
      httpEntriesIn(removed),
      httpEntriesIn(added),
    );
  }

  /** @param old of the document of that name before, with the same Gateways and policies. */
  private outcomeOf(source: SourcedDocument, old?: RouteOutcome): RouteOutcome | undefined {
    if (!isRoute(source)) return undefined;
    return old?.source.document === source.document ? old : this.compileRoute(source);
  }

  statuses(isKnown: IsKnownService): DocumentStatus[] {
    const byId = new Map(this.sources.map((source) => [source.id, source]));
    return this.sources.map((source, index) => {
      const notUsed = unusedCondition(source.unused);
      const own = this.conditionsOf(source, this.outcomes[index], byId, isKnown);
      return { source, conditions: notUsed === undefined ? own : [...own, notUsed] };
    });
  }

  private compileRoute(source: SourcedDocument<RouteDocument>): RouteOutcome {
    const { document } = source;
    const unsupported =
      document.kind === 'HTTPRoute' ? unsupportedInHttp(document) : unsupportedIn(document);
    const { accepted, faults } = attach(document, this.gateways);
    const used = unsupported.length === 0 ? accepted : [];
    const parts = used.map((attachment) => ({
      gateway: attachment.gateway && nameOf(attachment.gateway),
      hostnames: attachment.hostnames,
      entries: isKind<GrpcRouteDocument>(source, 'GRPCRoute')
        ? this.entriesOf(source, attachment)
        : [],
      httpEntries: isKind<HttpRouteDocument>(source, 'HTTPRoute')
        ? this.httpEntriesOf(source, attachment)
        : [],
    }));
    return { source, faults: [...unsupported, ...faults], parts };
  }

  private entriesOf(
    source: SourcedDocument<GrpcRouteDocument>,
    { gateway, hostnames }: Attachment,
  ): RouteEntry<CompiledRule>[] {
    const { id, order } = source;
    const timeouts = this.timeoutsFor(id, gateway);
    return (source.document.spec.rules ?? []).flatMap((rule, index) => {
      const target = compileRule(source, rule, index, timeouts);
      return matchesOf(rule).flatMap((match) =>
        [...hostnames].map((hostname) => ({ hostname, ...match, order, target })),
      );
    });
  }

  private httpEntriesOf(
    source: SourcedDocument<HttpRouteDocument>,
    { gateway, hostnames }: Attachment,
  ): HttpEntry<HttpTarget>[] {
    const { id, order } = source;
    const { ofRule, ofService } = this.timeoutsFor(id, gateway);
    return rulesOf(source.document).flatMap((rule, index) => {
      const timeouts = {
        ofRule: (name: string | undefined) => [timeoutsOf(rule), ...ofRule(name)],
        ofService,
      };
      const target = httpTarget(rule, compileRule(source, rule, index, timeouts));
      return httpMatchesOf(rule).flatMap((match) =>
        [...hostnames].map((hostname) => ({ hostname, ...match, order, target })),
      );
    });
  }

  /** What policies give to the rules of a route. */
  private timeoutsFor(id: string, gateway: GatewaySource | undefined): RuleTimeouts {
    return {
      ofRule: (rule) => [
        rule === undefined ? undefined : this.traffic.get(`${id}/${rule}`)?.timeouts,
        this.traffic.get(id)?.timeouts,
        gateway && this.traffic.get(gateway.id)?.timeouts,
      ],
      ofService: (service) => this.backends.get(service)?.timeouts,
    };
  }

  private conditionsOf(
    source: SourcedDocument,
    outcome: RouteOutcome | undefined,
    byId: ReadonlyMap<string, SourcedDocument>,
    isKnown: IsKnownService,
  ): Condition[] {
    if (isKind<GatewayDocument>(source, 'Gateway')) return this.gatewayConditions(source);
    if (outcome !== undefined) return routeConditions(outcome, isKnown);
    const exists = (key: string): boolean => targetExists(key, byId, isKnown);
    const policy = source as SourcedDocument<BackendPolicyDocument | TrafficPolicyDocument>;
    const faults = isKind<BackendPolicyDocument>(policy, 'BackendPolicy')
      ? this.backendPolicies.faultsOf(policy, exists)
      : this.traffic.faultsOf(policy as SourcedDocument<TrafficPolicyDocument>, exists);
    return [condition('Accepted', faults, 'it holds for all of its targets')];
  }

  private gatewayConditions(source: SourcedDocument<GatewayDocument>): Condition[] {
    const faults = listenerFaults(source.document);
    const name = nameOf(source);
    const attached = this.outcomes.filter((one) =>
      one?.parts.some(({ gateway }) => gateway === name),
    ).length;
    const usable = faults.length < source.document.spec.listeners.length;
    return [
      condition('Accepted', faults, 'all listeners are served by the gateway’s one port'),
      condition('Programmed', usable ? [] : faults, `${attached} routes are attached`),
    ];
  }
}

/** Whether there is what a policy names; see {@link PolicyIndex} for the keys. */
function targetExists(
  key: string,
  byId: ReadonlyMap<string, SourcedDocument>,
  isKnown: IsKnownService,
): boolean {
  if (key.startsWith('Service ')) return isKnown(key.slice('Service '.length));
  if (byId.has(key)) return true;
  const end = key.lastIndexOf('/');
  const route = byId.get(key.slice(0, end));
  if (route === undefined || !isRoute(route)) return false;
  return (route.document.spec.rules ?? []).some(({ name }) => name === key.slice(end + 1));
}

/** What is true of a route. */
function routeConditions({ faults, parts }: RouteOutcome, isKnown: IsKnownService): Condition[] {
  const rules = new Set(
    parts.flatMap(({ entries, httpEntries }) => [
      ...entries.map(({ target }) => target),
      ...httpEntries.map(({ target }) => target.rule),
    ]),
  );
  const backends = [...rules].flatMap((rule) => rule.backends);
  const unresolved = backends.flatMap(
    ({ service, fault }) => fault ?? (isKnown(service) ? [] : [backendNotFound(service)]),
  );
  const notUsed = [{ reason: 'Invalid', message: 'it is not accepted' }];
  return [
    condition('Accepted', faults, 'its parents have taken it'),
    condition('ResolvedRefs', distinct(unresolved), 'its backends are registered'),
    condition(
      'Programmed',
      parts.length > 0 ? [] : notUsed,
      `calls are routed by ${rules.size} rules`,
    ),
  ];
}

/** The same list when nothing gives way, which is the case wherever routes are of one kind. */
function withoutConflicts(
  outcomes: readonly (RouteOutcome | undefined)[],
): readonly (RouteOutcome | undefined)[] {
  const conflicts = partsGivingWay(outcomes.filter((outcome) => outcome !== undefined));
  if (conflicts.size === 0) return outcomes;
  return outcomes.map((outcome) => {
    const faults = outcome?.parts.flatMap((part) => conflicts.get(part) ?? []) ?? [];
    if (outcome === undefined || faults.length === 0) return outcome;
    const parts = outcome.parts.filter((part) => !conflicts.has(part));
    return { ...outcome, faults: [...outcome.faults, ...faults], parts };
  });
}

function entriesIn(outcomes: readonly (RouteOutcome | undefined)[]): RouteEntry<CompiledRule>[] {
  return outcomes.flatMap((outcome) => outcome?.parts.flatMap(({ entries }) => entries) ?? []);
}

function httpEntriesIn(outcomes: readonly (RouteOutcome | undefined)[]): HttpEntry<HttpTarget>[] {
  return outcomes.flatMap(
    (outcome) => outcome?.parts.flatMap(({ httpEntries }) => httpEntries) ?? [],
  );
}

/** What is between the beginning and the end that two lists have in common. */
function changedPart(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): { start: number; before: readonly SourcedDocument[]; after: readonly SourcedDocument[] } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let same = 0;
  while (same < most - start && before.at(-1 - same) === after.at(-1 - same)) same += 1;
  return {
    start,
    before: before.slice(start, before.length - same),
    after: after.slice(start, after.length - same),
  };
}

function gatewaysOf(sources: readonly SourcedDocument[]): ReadonlyMap<string, GatewaySource> {
  const gateways = sources.filter((source) => isKind<GatewayDocument>(source, 'Gateway'));
  return new Map(gateways.map((source) => [nameOf(source), source]));
}

function trafficPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<TrafficPolicyDocument, TrafficSettings> {
  const policies = sources.filter((source) =>
    isKind<TrafficPolicyDocument>(source, 'TrafficPolicy'),
  );
  return new PolicyIndex(byOrder(policies), compileTrafficPolicy);
}

function backendPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<BackendPolicyDocument, BackendSettings> {
  const policies = sources.filter((source) =>
    isKind<BackendPolicyDocument>(source, 'BackendPolicy'),
  );
  return new PolicyIndex(byOrder(policies), compileBackendPolicy);
}

function isKind<D extends AnyDocument>(
  source: SourcedDocument,
  kind: D['kind'],
): source is SourcedDocument<D> {
  return source.document.kind === kind;
}

function isRoute(source: SourcedDocument): source is SourcedDocument<RouteDocument> {
  return isKind(source, 'GRPCRoute') || isKind(source, 'HTTPRoute');
}

function backendNotFound(service: string): Fault {
  return { reason: 'BackendNotFound', message: `${service} has never been registered` };
}

function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}

function nameOf({ document }: SourcedDocument): string {
  return `${namespaceOf(document)}/${document.metadata.name}`;
}

/** Whether two sets have the same documents that are no routes. */
function sameOthers(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): boolean {
  const others = (sources: readonly SourcedDocument[]): AnyDocument[] =>
    sources.flatMap((source) => (isRoute(source) ? [] : source.document));
  const old = others(before);
  const next = others(after);
  return old.length === next.length && old.every((document, index) => document === next[index]);
}

function byOrder<D extends AnyDocument>(
  sources: readonly SourcedDocument<D>[],
): SourcedDocument<D>[] {
  return [...sources].sort((a, b) => (a.order < b.order ? -1 : 1));
}
