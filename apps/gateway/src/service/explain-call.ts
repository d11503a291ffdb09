import { gateway } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { toDuration } from '@raftway/service-kit';
import {
  type CallFacts,
  callTimeoutMs,
  type CompiledRule,
  type DocumentTable,
  explainMatch,
  hostOf,
  type Timeouts,
  transcodingTexts,
} from '../domain/documents';
import { type GrpcPath, parseGrpcPath } from '../domain/grpc-path';
import { hostNotCovered } from '../domain/security/refusals';
import { isOpenToAll } from '../local/open-methods';
import { type Gatekeeper } from '../security/gatekeeper';
import * as refusal from '../domain/refusal';
import { type Route, type RoutingTable } from '../domain/routing-table';
import { routeToBackend, ruleText } from '../proxy/document-routing';
import { isIdentityHeader } from '../domain/security/identity-headers';
import { type HttpRequest, type HttpRouting, type TakenRequest } from '../proxy/http-routing';
import { isMarkedRetryable } from '../proxy/call-retries';
import { noInstance } from '../proxy/instances';
import { explainedBackend, takesCalls } from './backend-message';
import { callLimits } from './call-limits-message';
import { explainTraffic, type TrafficContext } from './explain-traffic';
import { type PartCatalog } from '../adapters/part-catalog';
import { explainComposite } from './explain-composite';
import { httpRuleRoute, registeredRoute, ruleRoute } from './messages';

/** What decides about calls. */
export interface ExplainContext extends TrafficContext {
  readonly table: RoutingTable;
  readonly documents: DocumentTable;
  /** The refusal of all calls of a gRPC service before they are routed; undefined when there is none. */
  readonly refusalOf: (grpcService: string) => ServiceError | undefined;
  readonly isLocal: (grpcService: string) => boolean;
  readonly security: Gatekeeper;
  readonly httpRouting: HttpRouting;
  readonly parts: PartCatalog;
  /** Whether HTTP and JSON reach services where no TranscodePolicy says otherwise. */
  readonly jsonIsOn: boolean;
  /** Undefined for no limit. */
  readonly timeoutMaxMs: number | undefined;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** Rules of HTTPRoutes that are told of one call. */
const consideredMax = 100;

/** What would become of a call: the dispatcher's decisions, told. */
export async function explainCall(
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): Promise<gateway.ExplainCallResponse> {
  const composite = await explainComposite(request, context, (call) => explainCall(call, context));
  if (composite !== undefined) return composite;
  const target = request.method.startsWith('/') ? request.method : `/${request.method}`;
  const http = {
    method: request.httpMethod === '' ? 'POST' : request.httpMethod.toUpperCase(),
    target,
    headers: headersOf(request, target),
  };
  const { answer, taken } = explainHttp(http, context);
  if (answer.redirect !== '') return answer;
  const found = grpcPathFor(request, taken?.target ?? target, context);
  if (found instanceof ServiceError) return refused(answer, found);
  const told =
    request.httpMethod === ''
      ? answer
      : { ...answer, grpcMethod: `${found.grpcService}/${found.method}` };
  if (context.isLocal(found.grpcService)) {
    const local = { ...told, local: true };
    return isOpenToAll(found) ? local : await judged(local, found, undefined, request, context);
  }
  const error = context.refusalOf(found.grpcService);
  if (error !== undefined) return refused(told, error);
  const rule =
    taken?.rule ?? context.documents.active?.routes.find(callFacts(found, request))?.target;
  const routed =
    taken === undefined
      ? explainRouted(told, found, request, context)
      : explainRule(told, taken.rule, found, request, context);
  return await judged(routed, found, rule, request, context);
}

/** What a SecurityPolicy says, which counts before anything that has to do with backends. */
async function judged(
  answer: gateway.ExplainCallResponse,
  path: GrpcPath,
  rule: CompiledRule | undefined,
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): Promise<gateway.ExplainCallResponse> {
  const { authority, headers, certificateNames } = request;
  const host = hostOf(authority);
  const policy = context.documents.active?.security?.ofCall(rule, host) ?? 'none';
  if (policy === 'none') return answer;
  if (policy === 'host-not-covered') return refused(answer, hostNotCovered(host));
  const explained = await context.security.explain(policy, {
    path,
    headers: Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]),
    clientAddress: '',
    certificateNames: () => (certificateNames.length === 0 ? undefined : certificateNames),
    timeoutMs: undefined,
  });
  if (explained === undefined) return answer;
  const { identity, decision, asksAuthorizer, error } = explained;
  const security = {
    policy: policy.id,
    identityType: identity?.type ?? '',
    principal: identity?.principal ?? '',
    rule: decision?.rule ?? '',
    asksAuthorizer,
  };
  return error === undefined ? { ...answer, security } : refused({ ...answer, security }, error);
}

/** The call that is asked about, as rules see it. */
function callFacts(
  { grpcService, method }: GrpcPath,
  { authority, headers: given }: gateway.ExplainCallRequest,
): CallFacts {
  const headers = new Map(
    Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const header = (name: string): string | undefined =>
    isIdentityHeader(name) ? undefined : headers.get(name);
  return { host: hostOf(authority), grpcService, method, header };
}

/** What HTTPRoutes say. */
function explainHttp(
  request: HttpRequest,
  { table, httpRouting }: ExplainContext,
): { readonly answer: gateway.ExplainCallResponse; readonly taken: TakenRequest | undefined } {
  const answer = gateway.ExplainCallResponse.fromPartial({});
  if (httpRouting.isOwn(request.target)) return { answer, taken: undefined };
  const considered: gateway.ConsideredRule[] = [];
  for (const { entry, why } of httpRouting.considered(request)) {
    const isTaken = why === undefined;
    const route = httpRuleRoute(entry, table);
    if (considered.length < consideredMax || isTaken)
      considered.push({ route, taken: isTaken, why: why ?? `it takes ${route.http}` });
    if (!isTaken) continue;
    const decision = httpRouting.decide(request);
    const told = { ...answer, considered, route };
    if (decision?.kind !== 'redirect') return { answer: told, taken: decision };
    const redirect = `${decision.statusCode} ${decision.location}`;
    return { answer: { ...told, redirect }, taken: undefined };
  }
  return { answer: { ...answer, considered }, taken: undefined };
}

/** The method that is called, or why none is. */
function grpcPathFor(
  { httpMethod }: gateway.ExplainCallRequest,
  target: string,
  { parts, jsonIsOn, documents }: ExplainContext,
): GrpcPath | ServiceError {
  const own = parseGrpcPath(target);
  if (httpMethod === '') return own ?? refusal.pathNotCanonical(target);
  const [path = ''] = target.split('?', 1);
  try {
    const mayBeJson = jsonIsOn || documents.web !== undefined;
    const method = mayBeJson ? parts.methodOf(httpMethod.toUpperCase(), path) : undefined;
    const found = (method === undefined ? undefined : parseGrpcPath(method)) ?? own;
    return found ?? refusal.httpPathUnknown(httpMethod.toUpperCase(), path);
  } catch (error) {
    return ServiceError.from(error);
  }
}

function headersOf(
  { authority, headers }: gateway.ExplainCallRequest,
  target: string,
): HeaderPairs {
  const given = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return [':path', target, ':authority', authority, ...given];
}

function explainRouted(
  answer: gateway.ExplainCallResponse,
  path: GrpcPath,
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  const { table, documents } = context;
  const { grpcService, method } = path;
  const call = callFacts(path, request);
  const { active } = documents;
  const considered = active === undefined ? [] : explainMatch(active.routes, call);
  const told = {
    ...answer,
    considered: [
      ...answer.considered,
      ...considered.map(({ entry, taken, why }) => ({
        route: ruleRoute(entry, table),
        taken,
        why,
      })),
    ],
  };
  const entry = considered.find(({ taken }) => taken)?.entry;
  if (entry === undefined) {
    const route = table.route(grpcService);
    if (route === undefined) return refused(told, refusal.serviceUnknown(grpcService));
    const transcoding = documents.web?.transcoding?.get(route.service);
    const web = {
      ...told,
      transcoding: transcoding === undefined ? [] : transcodingTexts(transcoding),
    };
    const timed = withTimes(web, active?.backends.get(route.service)?.timeouts, context);
    const backends = [explainedBackend(route, undefined, method, isMarked(request), context)];
    return withEndpoints({ ...timed, route: registeredRoute(route), backends }, [route], context);
  }
  const routed = { ...told, route: ruleRoute(entry, table) };
  return explainRule(routed, entry.target, path, request, context);
}

/** What becomes of a call that a rule takes. @param answer names the rule */
function explainRule(
  answer: gateway.ExplainCallResponse,
  rule: CompiledRule,
  path: GrpcPath,
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  const { table } = context;
  const { method } = path;
  const traffic = explainTraffic(rule, path, headersOf(request, ''), context);
  const { backends: usable } = traffic;
  const limits = callLimits(rule.limits, path, request.headers);
  const transcoding = rule.transcoding === undefined ? [] : transcodingTexts(rule.transcoding);
  const routed = withTimes(
    { ...answer, traffic: traffic.message, limits, transcoding },
    usable.length === 1 ? usable[0]?.timeouts : longest(usable.map(({ timeouts }) => timeouts)),
    context,
  );
  if (traffic.error !== undefined) return refused(routed, traffic.error);
  if (usable.length === 0) return refused(routed, refusal.routeWithoutBackend(ruleText(rule)));
  const found = usable.map((backend) => routeToBackend(rule, backend, path.grpcService, table));
  // A share that is refused is shown with its backend; the call is refused for certain when every share is.
  const [firstError] = found.filter((one) => one instanceof ServiceError);
  const routes = found.flatMap((one) => (one instanceof ServiceError ? [] : one.route));
  if (routes.length === 0 && firstError !== undefined) return refused(routed, firstError);
  const backends = found.flatMap((one) =>
    one instanceof ServiceError
      ? []
      : explainedBackend(one.route, one.backend.calls, method, isMarked(request), context),
  );
  return withEndpoints({ ...routed, backends }, routes, context);
}

/** Whether a call says that it may run twice. */
function isMarked(request: gateway.ExplainCallRequest): boolean {
  return isMarkedRetryable(headersOf(request, ''));
}

/** Refused when none of the routes has an instance. */
function withEndpoints(
  answer: gateway.ExplainCallResponse,
  routes: readonly Route[],
  { wallMs }: ExplainContext,
): gateway.ExplainCallResponse {
  const [first] = routes;
  if (first === undefined || routes.some((route) => takesCalls(route))) return answer;
  return refused(answer, noInstance(first, wallMs()));
}

function withTimes(
  answer: gateway.ExplainCallResponse,
  timeouts: Timeouts | undefined,
  { timeoutMaxMs }: ExplainContext,
): gateway.ExplainCallResponse {
  const limits = [timeouts?.maxMs, timeoutMaxMs].filter((limit) => limit !== undefined);
  const maxMs = limits.length === 0 ? undefined : Math.min(...limits);
  const defaultMs = callTimeoutMs(undefined, { defaultMs: timeouts?.defaultMs, maxMs });
  return {
    ...answer,
    timeoutMax: maxMs === undefined ? undefined : toDuration(maxMs),
    timeoutDefault: defaultMs === undefined ? undefined : toDuration(defaultMs),
    timeoutIdle: timeouts?.idleMs === undefined ? undefined : toDuration(timeouts.idleMs),
  };
}

/** Of backends that differ the most that a call may get. */
function longest(all: readonly (Timeouts | undefined)[]): Timeouts {
  const most = (times: readonly (number | undefined)[]): number | undefined => {
    const known = times.filter((time) => time !== undefined);
    return known.length < times.length ? undefined : Math.max(...known);
  };
  return {
    defaultMs: most(all.map((timeouts) => timeouts?.defaultMs)),
    maxMs: most(all.map((timeouts) => timeouts?.maxMs)),
    idleMs: most(all.map((timeouts) => timeouts?.idleMs)),
  };
}

/** The answer for a call that is refused. */
export function refused(
  answer: gateway.ExplainCallResponse,
  { codeName, reason, rawMessage }: ServiceError,
): gateway.ExplainCallResponse {
  return {
    ...answer,
    refusalCode: codeName,
    refusalReason: reason,
    refusalMessage: rawMessage,
  };
}
