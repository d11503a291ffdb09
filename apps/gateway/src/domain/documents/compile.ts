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
import { changedPart, sameOthers } from './changed-documents';
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
  type RulePolicies,
  unsupportedIn,
} from './compile-route';
import { condition, type Condition, type Fault, unusedCondition } from './conditions';
import { CompositeTable, type PartFaults } from './composites';
import { isKind, type SourcedDocument } from './document-set';
import { type HttpEntry, HttpRouteIndex } from './http-route-index';
import { type GatewayDocument } from './kinds/gateway';
import { type GrpcRouteDocument } from './kinds/grpc-route';
import { type HttpRouteDocument } from './kinds/http-route';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import { type SecurityPolicyDocument } from './kinds/security-policy';
import { combineLimits, unsharedLimits } from './policies/traffic-limits';
import { type TranscodePolicyDocument } from './kinds/transcode-policy';
import { type TranscodeSettings } from './policies/transcoding';
import {
  type BackendSettings,
  partFaults,
  type PolicyIndex,
  type TrafficSettings,
} from './policy-index';
import { backendPolicies, securityPolicies, trafficPolicies } from './policies-in';
import { combineRoutePolicies } from './policies/protection';
import { routeConditions } from './route-conditions';
import { type RouteEntry, RouteIndex } from './route-index';
import {
  entriesIn,
  httpEntriesIn,
  kindsIn,
  limitsIn,
  type RouteOutcome,
  servicesIn,
  withoutConflicts,
} from './route-outcome';
import { type SecuritySettings } from './security-settings';
import { SecurityTable } from './security-table';
import { type RuleLimits } from '../limits/limit-settings';
import { type RoutePolicy } from '../protection';
import {
  gatewaysOf,
  isComposite,
  type IsKnownService,
  isRoute,
  nameOf,
  policiesOf,
  servicePrefix,
  targetExists,
} from './sources';
import { Tally } from './tally';
import { TranscodePolicies } from './transcode-policies';

/** What documents need beside themselves, as it is now. What is left out is taken to be there. */
export interface DocumentNeeds {
  /** What of a SecurityPolicy is not there, so that calls that need it are refused. */
  readonly unloaded?: (policy: SecurityPolicyDocument) => readonly Fault[];
  /** Whether there is something to count shared limits in. */
  readonly sharesLimits?: boolean;
  /** Why parts of a CompositeRoute cannot be called. */
  readonly partFaults?: PartFaults;
}

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
  /** All that is in the two, in the order of the documents. Put together when it is asked for: no call and no change needs it. */
  readonly routeEntries: readonly RouteEntry<CompiledRule>[];
  readonly httpEntries: readonly HttpEntry<HttpTarget>[];
  /** What BackendPolicies say, by registered service. The same object as before when no policy and no Gateway has changed. */
  readonly backends: ReadonlyMap<string, BackendSettings>;
  /** Who may call; undefined when no document says anything of it. */
  readonly security: SecurityTable | undefined;
  /** Undefined when there is none. */
  readonly composites: CompositeTable | undefined;
  /** What TranscodePolicies say, by registered service; undefined when no document is a TranscodePolicy. */
  readonly transcoding: ReadonlyMap<string, TranscodeSettings> | undefined;
  /** The registered services that rules send calls to. */
  readonly services: Tally<string>;
  /** What calls of rules count against. */
  readonly limits: Tally<RuleLimits>;
  /** Conditions of every document. What depends on the registry, and on schemas, is as they are now. */
  statuses(isKnown: IsKnownService, needs?: DocumentNeeds): DocumentStatus[];
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
  readonly services: Tally<string>;
  readonly limits: Tally<RuleLimits>;
  readonly backends: ReadonlyMap<string, BackendSettings>;
  readonly security: SecurityTable | undefined;
  private readonly gateways: ReadonlyMap<string, GatewaySource>;
  /** Of the source at the same place, whatever the other routes are; undefined for what is no route. */
  private readonly compiled: readonly (RouteOutcome | undefined)[];
  /** Of the routes among them. */
  private readonly kinds: Tally<string>;
  /** `compiled` without what gives way to a route of the other kind. */
  private readonly outcomes: readonly (RouteOutcome | undefined)[];
  private readonly traffic: PolicyIndex<TrafficPolicyDocument, TrafficSettings>;
  private readonly backendPolicies: PolicyIndex<BackendPolicyDocument, BackendSettings>;
  private readonly securityPolicies: PolicyIndex<SecurityPolicyDocument, SecuritySettings>;
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
    this.securityPolicies = reusable?.securityPolicies ?? securityPolicies(sources);
    this.security = reusable === undefined ? this.securityTable() : reusable.security;
    this.backends =
      reusable?.backends ??
      new Map(
        this.backendPolicies
          .entries()
          .filter(([key]) => key.startsWith(servicePrefix))
          .map(([key, settings]) => [key.slice(servicePrefix.length), settings]),
      );
    this.transcodePolicies =
      reusable?.transcodePolicies ??
      new TranscodePolicies(policiesOf<TranscodePolicyDocument>(sources, 'TranscodePolicy'));
    this.transcoding = this.transcodePolicies.services;
    this.composites =
      reusable !== undefined && ![...part.before, ...part.after].some(isComposite)
        ? reusable.composites
        : CompositeTable.of(
            sources.filter(isComposite),
            (id) => this.transcodePolicies.get(id),
            reusable?.composites,
          );
    if (reusable === undefined) {
      this.compiled = sources.map((source) => this.outcomeOf(source));
      this.kinds = Tally.of(kindsIn(this.compiled));
      this.outcomes = this.withoutConflicts();
      this.routes = RouteIndex.of(entriesIn(this.outcomes));
      this.http = HttpRouteIndex.of(httpEntriesIn(this.outcomes));
      this.services = Tally.of(servicesIn(this.outcomes));
      this.limits = Tally.of(limitsIn(this.outcomes));
      return;
    }
    const before = reusable.compiled.slice(part.start, part.start + part.before.length);
    const old = new Map(before.map((outcome) => [outcome?.source.id, outcome]));
    const after = part.after.map((source) => this.outcomeOf(source, old.get(source.id)));
    this.compiled = reusable.compiled.toSpliced(part.start, before.length, ...after);
    this.kinds = reusable.kinds.changed(kindsIn(before), kindsIn(after));
    this.outcomes = this.withoutConflicts();
    const isPart = this.outcomes === this.compiled && reusable.outcomes === reusable.compiled;
    const kept = new Set(isPart ? after : this.outcomes);
    const known = new Set(isPart ? before : reusable.outcomes);
    const removed = [...known].filter((outcome) => !kept.has(outcome));
    const added = [...kept].filter((outcome) => !known.has(outcome));
    this.routes = reusable.routes.changed(entriesIn(removed), entriesIn(added));
    this.http = reusable.http.changed(httpEntriesIn(removed), httpEntriesIn(added));
    this.services = reusable.services.changed(servicesIn(removed), servicesIn(added));
    this.limits = reusable.limits.changed(limitsIn(removed), limitsIn(added));
  }

  /** What is compiled, less what gives way to the other kind. Where routes are of one kind, as mostly, no look at them is needed. */
  private withoutConflicts(): readonly (RouteOutcome | undefined)[] {
    return this.kinds.size < 2 ? this.compiled : withoutConflicts(this.compiled);
  }

  get routeEntries(): readonly RouteEntry<CompiledRule>[] {
    return entriesIn(this.outcomes);
  }

  get httpEntries(): readonly HttpEntry<HttpTarget>[] {
    return httpEntriesIn(this.outcomes);
  }

  /** @param old of the document of that name before, with the same Gateways and policies. */
  private outcomeOf(source: SourcedDocument, old?: RouteOutcome): RouteOutcome | undefined {
    if (!isRoute(source)) return undefined;
    return old?.source.document === source.document ? old : this.compileRoute(source);
  }

  statuses(isKnown: IsKnownService, needs: DocumentNeeds = {}): DocumentStatus[] {
    const byId = new Map(this.sources.map((source) => [source.id, source]));
    return this.sources.map((source, index) => {
      const unshared = needs.sharesLimits === false ? unsharedLimits(source.document) : [];
      const notUsed = unusedCondition([...source.unused, ...unshared]);
      const own = this.conditionsOf(source, this.outcomes[index], byId, isKnown, needs);
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
    const policies = this.policiesFor(id, gateway);
    return (source.document.spec.rules ?? []).flatMap((rule, index) => {
      const compiled = compileRule(source, rule, index, policies);
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
    const all = this.policiesFor(id, gateway);
    return rulesOf(source.document).flatMap((rule, index) => {
      const policies = {
        ...all,
        ofRule: (name: string | undefined) => [timeoutsOf(rule), ...all.ofRule(name)],
      };
      const compiled = compileRule(source, rule, index, policies);
      const target = httpTarget(rule, this.transcodePolicies.addTo(compiled, rule.name, gateway));
      return httpMatchesOf(rule).flatMap((match) =>
        [...hostnames].map((hostname) => ({ hostname, ...match, order, target })),
      );
    });
  }

  /** What policies give to the rules of a route. */
  private policiesFor(id: string, gateway: GatewaySource | undefined): RulePolicies {
    // The most specific first.
    const trafficOf = (rule: string | undefined): (TrafficSettings | undefined)[] => [
      rule === undefined ? undefined : this.traffic.get(`${id}/${rule}`),
      this.traffic.get(id),
      gateway && this.traffic.get(gateway.id),
    ];
    return {
      ofRule: (rule) => trafficOf(rule).map((settings) => settings?.timeouts),
      ofService: (service) => this.backends.get(service)?.timeouts,
      callsOf: (rule) => this.callsFor(id, rule),
      securityOf: (rule) => this.security?.ofRule(id, rule, gateway) ?? 'none',
      limitsOf: (rule) =>
        combineLimits(
          [rule === undefined ? '' : `${id}/${rule}`, id, gateway?.id ?? ''],
          (target) => this.traffic.get(target)?.limits,
        ),
      faultOf: (rule) => trafficOf(rule).find((settings) => settings?.fault)?.fault,
    };
  }

  /** What policies say of the calls of a rule, or else of its route. */
  private callsFor(id: string, rule: string | undefined): RoutePolicy | undefined {
    const ofRule =
      rule === undefined ? undefined : this.backendPolicies.get(`${id}/${rule}`)?.route;
    return combineRoutePolicies(ofRule, this.backendPolicies.get(id)?.route);
  }

  private conditionsOf(
    source: SourcedDocument,
    outcome: RouteOutcome | undefined,
    byId: ReadonlyMap<string, SourcedDocument>,
    isKnown: IsKnownService,
    needs: DocumentNeeds,
  ): Condition[] {
    if (isKind<GatewayDocument>(source, 'Gateway')) return this.gatewayConditions(source);
    if (outcome !== undefined) return routeConditions(outcome, isKnown);
    const exists = (key: string): boolean => targetExists(key, byId, isKnown);
    if (isKind<SecurityPolicyDocument>(source, 'SecurityPolicy'))
      return [
        condition(
          'Accepted',
          this.securityPolicies.faultsOf(source, exists),
          'it holds for all of its targets',
        ),
        condition('Programmed', needs.unloaded?.(source.document) ?? [], 'calls are judged by it'),
      ];
    if (isComposite(source))
      return this.composites?.conditionsOf(source, needs.partFaults ?? (() => [])) ?? [];
    if (isKind<TranscodePolicyDocument>(source, 'TranscodePolicy'))
      return this.transcodePolicies.conditionsOf(source, exists);
    const policy = source as SourcedDocument<BackendPolicyDocument | TrafficPolicyDocument>;
    const faults = isKind<BackendPolicyDocument>(policy, 'BackendPolicy')
      ? [...partFaults(policy.document), ...this.backendPolicies.faultsOf(policy, exists)]
      : this.traffic.faultsOf(policy as SourcedDocument<TrafficPolicyDocument>, exists);
    return [condition('Accepted', faults, 'it holds for all of its targets')];
  }

  private securityTable(): SecurityTable | undefined {
    if (this.securityPolicies.entries().length === 0) return undefined;
    return new SecurityTable(this.securityPolicies, this.gateways.values());
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
