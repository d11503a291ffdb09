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
  type RouteDocument,
} from './attachment';
import { changedPart } from './changed-part';
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
import { CompositeTable, type PartFaults } from './composites';
import { type HttpEntry, HttpRouteIndex } from './http-route-index';
import { type AnyDocument } from './kinds';
import { type CompositeRouteDocument } from './kinds/composite-route';
import { type GatewayDocument } from './kinds/gateway';
import { type GrpcRouteDocument } from './kinds/grpc-route';
import { type HttpRouteDocument } from './kinds/http-route';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import { type TranscodePolicyDocument } from './kinds/transcode-policy';
import { type TranscodeSettings } from './policies/transcoding';
import {
  type BackendSettings,
  compileBackendPolicy,
  compileTrafficPolicy,
  PolicyIndex,
  type TrafficSettings,
} from './policy-index';
import { type RouteEntry, RouteIndex } from './route-index';
import { partsGivingWay } from './shared-hostnames';
import {
  gatewaysOf,
  type IsKnownService,
  isKind,
  isRoute,
  nameOf,
  policiesOf,
  targetExists,
} from './sources';
import { TranscodePolicies } from './transcode-policies';

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
  /** Undefined when there is none. */
  readonly composites: CompositeTable | undefined;
  /** What TranscodePolicies say, by registered service; undefined when no document is a TranscodePolicy. */
  readonly transcoding: ReadonlyMap<string, TranscodeSettings> | undefined;
  /** Conditions of every document. What depends on the registry, and on schemas, is as they are now. */
  statuses(isKnown: IsKnownService, partFaults?: PartFaults): DocumentStatus[];
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
  private readonly transcodePolicies: TranscodePolicies;
  readonly composites: CompositeTable | undefined;
  readonly transcoding: ReadonlyMap<string, TranscodeSettings> | undefined;

  constructor(
    readonly sources: readonly SourcedDocument[],
    previous: Compilation | undefined,
  ) {
    const part = changedPart(previous?.sources ?? [], sources);
    const reusable = sameOthers(part.before, part.after) ? previous : undefined;
    this.gateways = reusable?.gateways ?? gatewaysOf(sources);
    this.traffic =
      reusable?.traffic ??
      new PolicyIndex(
        policiesOf<TrafficPolicyDocument>(sources, 'TrafficPolicy'),
        compileTrafficPolicy,
      );
    this.backendPolicies =
      reusable?.backendPolicies ??
      new PolicyIndex(
        policiesOf<BackendPolicyDocument>(sources, 'BackendPolicy'),
        compileBackendPolicy,
      );
    this.backends =
      reusable?.backends ??
      new Map(
        this.backendPolicies
          .entries()
          .map(([key, settings]) => [key.slice('Service '.length), settings]),
      );
    this.transcodePolicies =
      reusable?.transcodePolicies ??
      new TranscodePolicies(policiesOf<TranscodePolicyDocument>(sources, 'TranscodePolicy'));
    this.transcoding = this.transcodePolicies.services;
    this.composites = CompositeTable.of(
      sources.filter((source) => isKind<CompositeRouteDocument>(source, 'CompositeRoute')),
      (id) => this.transcodePolicies.get(id),
      reusable?.composites,
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

  statuses(isKnown: IsKnownService, partFaults: PartFaults = () => []): DocumentStatus[] {
    const byId = new Map(this.sources.map((source) => [source.id, source]));
    return this.sources.map((source, index) => {
      const notUsed = unusedCondition(source.unused);
      const outcome = this.outcomes[index];
      const own = this.conditionsOf(source, outcome, byId, isKnown, partFaults);
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
      const compiled = compileRule(source, rule, index, timeouts);
      const target = this.transcodePolicies.addTo(compiled, rule.name, gateway);
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
      const compiled = compileRule(source, rule, index, timeouts);
      const target = httpTarget(rule, this.transcodePolicies.addTo(compiled, rule.name, gateway));
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
    partFaults: PartFaults,
  ): Condition[] {
    if (isKind<GatewayDocument>(source, 'Gateway')) return this.gatewayConditions(source);
    if (outcome !== undefined) return routeConditions(outcome, isKnown);
    const exists = (key: string): boolean => targetExists(key, byId, isKnown);
    if (isKind<CompositeRouteDocument>(source, 'CompositeRoute'))
      return this.composites?.conditionsOf(source, partFaults) ?? [];
    if (isKind<TranscodePolicyDocument>(source, 'TranscodePolicy'))
      return this.transcodePolicies.conditionsOf(source, exists);
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

function backendNotFound(service: string): Fault {
  return { reason: 'BackendNotFound', message: `${service} has never been registered` };
}

function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}

/** Whether two sets have the same documents that are no routes of any kind. */
function sameOthers(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): boolean {
  const others = (sources: readonly SourcedDocument[]): AnyDocument[] =>
    sources.flatMap((source) =>
      isRoute(source) || source.document.kind === 'CompositeRoute' ? [] : source.document,
    );
  const old = others(before);
  const next = others(after);
  return old.length === next.length && old.every((document, index) => document === next[index]);
}
