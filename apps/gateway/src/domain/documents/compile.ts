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
} from './attachment';
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
import { type AnyDocument } from './kinds';
import { type CompositeRouteDocument } from './kinds/composite-route';
import { type GatewayDocument } from './kinds/gateway';
import { type GrpcRouteDocument } from './kinds/grpc-route';
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
import { TranscodePolicies } from './transcode-policies';

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
  /** What BackendPolicies say, by registered service. The same object as before when no policy and no Gateway has changed. */
  readonly backends: ReadonlyMap<string, BackendSettings>;
  /** Undefined when there is none. */
  readonly composites: CompositeTable | undefined;
  /** What TranscodePolicies say, by registered service; undefined when no document is a TranscodePolicy. */
  readonly transcoding: ReadonlyMap<string, TranscodeSettings> | undefined;
  /** Conditions of every document. What depends on the registry, and on schemas, is as they are now. */
  statuses(isKnown: IsKnownService, partFaults?: PartFaults): DocumentStatus[];
}

/** What a route was compiled to. */
interface RouteOutcome {
  readonly source: SourcedDocument<GrpcRouteDocument>;
  readonly faults: readonly Fault[];
  /** Gateways that have taken it. */
  readonly gateways: readonly string[];
  readonly isUsed: boolean;
  readonly entries: readonly RouteEntry<CompiledRule>[];
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
  readonly backends: ReadonlyMap<string, BackendSettings>;
  private readonly gateways: ReadonlyMap<string, GatewaySource>;
  /** Of the source at the same place; undefined for what is no route. */
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
    this.traffic = reusable?.traffic ?? trafficPolicies(sources);
    this.backendPolicies = reusable?.backendPolicies ?? backendPolicies(sources);
    this.backends =
      reusable?.backends ??
      new Map(
        this.backendPolicies
          .entries()
          .map(([key, settings]) => [key.slice('Service '.length), settings]),
      );
    this.transcodePolicies = reusable?.transcodePolicies ?? transcodePolicies(sources);
    this.transcoding = this.transcodePolicies.services;
    this.composites = CompositeTable.of(
      sources.filter((source) => isKind<CompositeRouteDocument>(source, 'CompositeRoute')),
      (id) => this.transcodePolicies.get(id),
      reusable?.composites,
    );
    if (reusable === undefined) {
      this.outcomes = sources.map((source) => this.outcomeOf(source));
      this.routes = RouteIndex.of(entriesIn(this.outcomes));
      return;
    }
    const end = part.start + part.before.length;
    const before = reusable.outcomes.slice(part.start, end);
    const old = new Map(before.map((outcome) => [outcome?.source.id, outcome]));
    const after = part.after.map((source) => this.outcomeOf(source, old.get(source.id)));
    this.outcomes = [
      ...reusable.outcomes.slice(0, part.start),
      ...after,
      ...reusable.outcomes.slice(end),
    ];
    const kept = new Set(after);
    const known = new Set(before);
    this.routes = reusable.routes.changed(
      entriesIn(this.outcomes),
      entriesIn(before.filter((outcome) => !kept.has(outcome))),
      entriesIn(after.filter((outcome) => !known.has(outcome))),
    );
  }

  /** @param old of the document of that name before, with the same Gateways and policies. */
  private outcomeOf(source: SourcedDocument, old?: RouteOutcome): RouteOutcome | undefined {
    if (!isKind<GrpcRouteDocument>(source, 'GRPCRoute')) return undefined;
    return old?.source.document === source.document ? old : this.compileRoute(source);
  }

  statuses(isKnown: IsKnownService, partFaults: PartFaults = () => []): DocumentStatus[] {
    const byId = new Map(this.sources.map((source) => [source.id, source]));
    return this.sources.map((source, index) => {
      const notUsed = unusedCondition(source.unused);
      const own = this.conditionsOf(
        source,
        this.outcomes[index],
        byId,
        isKnown,
        partFaults,
      );
      return { source, conditions: notUsed === undefined ? own : [...own, notUsed] };
    });
  }

  private compileRoute(source: SourcedDocument<GrpcRouteDocument>): RouteOutcome {
    const unsupported = unsupportedIn(source.document);
    const { accepted, faults } = attach(source.document, this.gateways);
    const isUsed = unsupported.length === 0 && accepted.length > 0;
    const used = isUsed ? accepted : [];
    return {
      source,
      faults: [...unsupported, ...faults],
      gateways: used.flatMap(({ gateway }) => (gateway === undefined ? [] : nameOf(gateway))),
      isUsed,
      entries: used.flatMap((attachment) => this.entriesOf(source, attachment)),
    };
  }

  private entriesOf(
    source: SourcedDocument<GrpcRouteDocument>,
    { gateway, hostnames }: Attachment,
  ): RouteEntry<CompiledRule>[] {
    const { id, order } = source;
    const timeouts: RuleTimeouts = {
      ofRule: (rule) => [
        rule === undefined ? undefined : this.traffic.get(`${id}/${rule}`)?.timeouts,
        this.traffic.get(id)?.timeouts,
        gateway && this.traffic.get(gateway.id)?.timeouts,
      ],
      ofService: (service) => this.backends.get(service)?.timeouts,
    };
    return (source.document.spec.rules ?? []).flatMap((rule, index) => {
      const compiled = compileRule(source, rule, index, timeouts);
      const target = this.transcodePolicies.addTo(compiled, rule.name, gateway);
      return matchesOf(rule).flatMap((match) =>
        [...hostnames].map((hostname) => ({ hostname, ...match, order, target })),
      );
    });
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
    const attached = this.outcomes.filter((one) => one?.gateways.includes(name)).length;
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
  if (route === undefined || !isKind<GrpcRouteDocument>(route, 'GRPCRoute')) return false;
  return (route.document.spec.rules ?? []).some(({ name }) => name === key.slice(end + 1));
}

/** What is true of a route. */
function routeConditions(
  { faults, isUsed, entries }: RouteOutcome,
  isKnown: IsKnownService,
): Condition[] {
  const rules = new Set(entries.map(({ target }) => target));
  const backends = [...rules].flatMap((rule) => rule.backends);
  const unresolved = backends.flatMap(
    ({ service, fault }) => fault ?? (isKnown(service) ? [] : [backendNotFound(service)]),
  );
  const notUsed = [{ reason: 'Invalid', message: 'it is not accepted' }];
  return [
    condition('Accepted', faults, 'its parents have taken it'),
    condition('ResolvedRefs', distinct(unresolved), 'its backends are registered'),
    condition('Programmed', isUsed ? [] : notUsed, `calls are routed by ${rules.size} rules`),
  ];
}

function entriesIn(outcomes: readonly (RouteOutcome | undefined)[]): RouteEntry<CompiledRule>[] {
  return outcomes.flatMap((outcome) => outcome?.entries ?? []);
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

function transcodePolicies(sources: readonly SourcedDocument[]): TranscodePolicies {
  const policies = sources.filter((source) =>
    isKind<TranscodePolicyDocument>(source, 'TranscodePolicy'),
  );
  return new TranscodePolicies(byOrder(policies));
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

function backendNotFound(service: string): Fault {
  return { reason: 'BackendNotFound', message: `${service} has never been registered` };
}

function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}

function nameOf({ document }: SourcedDocument): string {
  return `${namespaceOf(document)}/${document.metadata.name}`;
}

/** Whether two sets have the same documents that are no routes of any kind. */
function sameOthers(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): boolean {
  const others = (sources: readonly SourcedDocument[]): AnyDocument[] =>
    sources.flatMap(({ document }) =>
      ['GRPCRoute', 'CompositeRoute'].includes(document.kind) ? [] : document,
    );
  const old = others(before);
  const next = others(after);
  return old.length === next.length && old.every((document, index) => document === next[index]);
}

function byOrder<D extends AnyDocument>(
  sources: readonly SourcedDocument<D>[],
): SourcedDocument<D>[] {
  return [...sources].sort((a, b) => (a.order < b.order ? -1 : 1));
}
