import { namespaceOf } from './attachment';
import { type Fault } from './conditions';
import { type HeaderChanges } from '../header-changes';
import { type RoutePolicy } from '../protection';
import { compileHeaderChanges, untouchableHeader } from './header-modifiers';
import {
  type BackendRef,
  type Filter,
  type GrpcRouteDocument,
  type GrpcRule,
  type HeaderModifier,
} from './kinds/grpc-route';
import { type HttpRouteDocument, type HttpRule } from './kinds/http-route';
import { type RuleLimits } from '../limits/limit-settings';
import { type FaultInjection } from './policies/fault';
import { combineTimeouts, type Timeouts } from './policies/timeouts';
import { compileMirror, type Mirror } from './request-mirror';
import { type TranscodeSettings } from './policies/transcoding';
import { type HeaderMatch } from './route-index';
import { type RuleSecurity } from './security-table';
import { sessionFault } from './session-persistence';
import { ruleTraffic, type RuleTraffic } from './rule-traffic';

/** Where a share of a rule's calls goes, and with what. Calls keep the one that they began with. */
export interface RuleBackend {
  /** A registered service. */
  readonly service: string;
  /** Share among the weights of its rule; 0 for none. */
  readonly weight: number;
  /** Why its share of calls is refused; undefined for a backend that can be used. */
  readonly fault: Fault | undefined;
  /** Changes of the request's headers, in turn; undefined when there are none. */
  readonly requestHeaders: readonly HeaderChanges[] | undefined;
  readonly responseHeaders: readonly HeaderChanges[] | undefined;
  readonly timeouts: Timeouts | undefined;
  /** When calls are made again or twice; undefined for as their backend has it. */
  readonly calls: RoutePolicy | undefined;
  /** Where copies of its calls go; undefined for nowhere. */
  readonly mirrors?: readonly Mirror[] | undefined;
}

/** A rule, ready for calls. */
export interface CompiledRule {
  /** `kind namespace/name` of its document. */
  readonly document: string;
  /** Its name, or `rules[0]`. */
  readonly name: string;
  readonly backends: readonly RuleBackend[];
  readonly weightSum: number;
  /** Who may call. */
  readonly security: RuleSecurity;
  /** What its calls count against; undefined for nothing. */
  readonly limits: RuleLimits | undefined;
  /** What is done to its calls beside routing them; undefined for nothing. */
  readonly traffic?: RuleTraffic | undefined;
  /** What TranscodePolicies say of it, and of its first backend. */
  readonly transcoding?: TranscodeSettings | undefined;
}

/** What a route's policies give to its rules. */
export interface RulePolicies {
  /** The most specific first. */
  readonly ofRule: (rule: string | undefined) => readonly (Timeouts | undefined)[];
  readonly ofService: (service: string) => Timeouts | undefined;
  /** When its calls are made again or twice; undefined for as their backend has it. */
  readonly callsOf: (rule: string | undefined) => RoutePolicy | undefined;
  readonly securityOf: (rule: string | undefined) => RuleSecurity;
  readonly limitsOf: (rule: string | undefined) => RuleLimits | undefined;
  /** Faults, of the most specific policy that has any. */
  readonly faultOf: (rule: string | undefined) => FaultInjection | undefined;
}

/** One match of a rule, without its host name. */
export interface RuleMatch {
  readonly grpcService: string;
  readonly method: string;
  readonly headers: readonly HeaderMatch[];
}

/** Values that the specification knows, or may know, and this gateway does not: the route is not used. */
export function unsupportedIn({ spec }: GrpcRouteDocument): Fault[] {
  const messages: string[] = [];
  (spec.rules ?? []).forEach((rule, index) => {
    const at = `spec.rules[${index}]`;
    for (const { method, headers = [] } of rule.matches ?? []) {
      for (const type of [method?.type, ...headers.map((header) => header.type)])
        if (type !== undefined && type !== 'Exact')
          messages.push(`${at}: a match of type ${type}; this gateway knows Exact`);
    }
    const lists = [rule.filters ?? [], ...(rule.backendRefs ?? []).map((ref) => ref.filters ?? [])];
    for (const filters of lists)
      for (const text of filterFaults(filters)) messages.push(`${at}: ${text}`);
    const session = rule.sessionPersistence && sessionFault(rule.sessionPersistence);
    if (session !== undefined) messages.push(`${at}: ${session}`);
  });
  return messages.map((message) => ({ reason: 'UnsupportedValue', message }));
}

/** The ways into a rule; none given is one for everything. */
export function matchesOf({ matches = [] }: GrpcRule): RuleMatch[] {
  return (matches.length === 0 ? [{}] : matches).map(
    ({ method, headers = [] }: NonNullable<GrpcRule['matches']>[number]) => ({
      grpcService: method?.service ?? '',
      method: method?.method ?? '',
      headers: firstOfEach(headers),
    }),
  );
}

/** Compiles a rule. @param index its place in the route. @param calls what policies of the rule and its route say of its calls. */
export function compileRule(
  route: { readonly id: string; readonly document: GrpcRouteDocument | HttpRouteDocument },
  rule: GrpcRule | HttpRule,
  index: number,
  policies: RulePolicies,
): CompiledRule {
  const ofRule = policies.ofRule(rule.name);
  const calls = policies.callsOf(rule.name);
  const backends = (rule.backendRefs ?? []).map((ref): RuleBackend => {
    const filters = [...(rule.filters ?? []), ...(ref.filters ?? [])];
    return {
      service: ref.name,
      weight: ref.weight,
      fault: backendFault(ref, namespaceOf(route.document)),
      requestHeaders: changesIn(filters, 'requestHeaderModifier'),
      responseHeaders: changesIn(filters, 'responseHeaderModifier'),
      mirrors: mirrorsIn(filters, namespaceOf(route.document)),
      timeouts: combineTimeouts([...ofRule, policies.ofService(ref.name)]),
      calls,
    };
  });
  const name = rule.name ?? `rules[${index}]`;
  return {
    document: route.id,
    name,
    backends,
    weightSum: backends.reduce((sum, { weight }) => sum + weight, 0),
    security: policies.securityOf(rule.name),
    limits: policies.limitsOf(rule.name),
    traffic: ruleTraffic({
      scope: `${route.id} ${name}`,
      session: rule.sessionPersistence,
      fault: policies.faultOf(rule.name),
      hasMirrors: backends.some(({ mirrors }) => mirrors !== undefined),
    }),
  };
}

/** The backend of one call. Undefined when no backend has a weight. @param random from 0 (included) to 1 (excluded). */
export function pickBackend(rule: CompiledRule, random: () => number): RuleBackend | undefined {
  const { backends, weightSum } = rule;
  if (weightSum === 0) return undefined;
  if (backends.length === 1) return backends[0];
  let left = random() * weightSum;
  for (const backend of backends) {
    left -= backend.weight;
    if (left < 0) return backend;
  }
  return backends.findLast(({ weight }) => weight > 0);
}

function backendFault(
  { group, kind, namespace, name }: Pick<BackendRef, 'group' | 'kind' | 'namespace' | 'name'>,
  own: string,
): Fault | undefined {
  if (group !== '' || kind !== 'Service')
    return {
      reason: 'InvalidKind',
      message: `backend ${name}: ${group === '' ? '' : `${group}/`}${kind} is no backend; Service is`,
    };
  if (namespace !== undefined && namespace !== own)
    return {
      reason: 'RefNotPermitted',
      message: `backend ${name}: it is in namespace ${namespace}, and no grant lets a route of ${own} use it`,
    };
  return undefined;
}

const filterFields = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
} as const;

/** What is wrong with filters. @param more types that are known besides, and looked at elsewhere. */
export function filterFaults(filters: readonly Filter[], more: readonly string[] = []): string[] {
  const seen = new Set<string>();
  return filters.flatMap((filter) => {
    const { type, requestHeaderModifier, responseHeaderModifier } = filter;
    // Calls may be copied to several services.
    if (seen.has(type) && type !== 'RequestMirror') return [`filter ${type} is there twice`];
    seen.add(type);
    if (more.includes(type)) return [];
    if (!Object.hasOwn(filterFields, type))
      return [
        `a filter of type ${type}; this gateway knows ${[...Object.keys(filterFields), ...more].join(', ')}`,
      ];
    if (filter[filterFields[type as keyof typeof filterFields]] === undefined)
      return [`filter ${type} lacks its settings`];
    const modifiers: Readonly<Record<string, HeaderModifier | undefined>> = {
      RequestHeaderModifier: requestHeaderModifier,
      ResponseHeaderModifier: responseHeaderModifier,
    };
    const modifier = modifiers[type];
    const name = modifier && untouchableHeader(modifier);
    return name === undefined
      ? []
      : [`filter ${type}: ${name} carries the call and stays as it is`];
  });
}

function mirrorsIn(filters: readonly Filter[], namespace: string): readonly Mirror[] | undefined {
  const mirrors = filters.flatMap(({ type, requestMirror }) => {
    if (type !== 'RequestMirror' || requestMirror === undefined) return [];
    return [compileMirror(requestMirror, backendFault(requestMirror.backendRef, namespace))];
  });
  return mirrors.length === 0 ? undefined : mirrors;
}

function changesIn(
  filters: readonly Filter[],
  field: 'requestHeaderModifier' | 'responseHeaderModifier',
): readonly HeaderChanges[] | undefined {
  const changes = filters.flatMap((filter) => {
    const modifier = filter[field];
    return modifier === undefined ? [] : [compileHeaderChanges(modifier)];
  });
  return changes.length === 0 ? undefined : changes;
}

/** Of several conditions on one header the first counts, as the Gateway API has it. */
export function firstOfEach(headers: readonly { name: string; value: string }[]): HeaderMatch[] {
  const byName = new Map<string, HeaderMatch>();
  for (const { name, value } of headers) {
    const lower = name.toLowerCase();
    if (!byName.has(lower)) byName.set(lower, { name: lower, value });
  }
  return [...byName.values()];
}
