import { gateway } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { toDuration } from '@raftway/service-kit';
import {
  callTimeoutMs,
  type CompiledRule,
  type DocumentTable,
  explainMatch,
  hostOf,
  type Timeouts,
  transcodingTexts,
} from '../domain/documents';
import { type GrpcPath, parseGrpcPath } from '../domain/grpc-path';
import * as refusal from '../domain/refusal';
import { type Route, type RoutingTable } from '../domain/routing-table';
import { routeToBackend, ruleText } from '../proxy/document-routing';
import { type HttpRequest, type HttpRouting, type TakenRequest } from '../proxy/http-routing';
import { type PartCatalog } from '../adapters/part-catalog';
import { explainComposite } from './explain-composite';
import { httpRuleRoute, registeredRoute, ruleRoute } from './messages';

/** What decides about calls. */
export interface ExplainContext {
  readonly table: RoutingTable;
  readonly documents: DocumentTable;
  /** The refusal of all calls of a gRPC service before they are routed; undefined when there is none. */
  readonly refusalOf: (grpcService: string) => ServiceError | undefined;
  readonly isLocal: (grpcService: string) => boolean;
  readonly httpRouting: HttpRouting;
  readonly parts: PartCatalog;
  /** Whether HTTP and JSON reach services where no TranscodePolicy says otherwise. */
  readonly jsonIsOn: boolean;
  /** Undefined for no limit. */
  readonly timeoutMaxMs: number | undefined;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** Rules of HTTPRoutes that are told of one call. */
const consideredMax = 100;

/** What would become of a call: the dispatcher's decisions, told. */
export function explainCall(
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  const composite = explainComposite(request, context, (call) => explainCall(call, context));
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
  if (context.isLocal(found.grpcService)) return { ...told, local: true };
  const error = context.refusalOf(found.grpcService);
  if (error !== undefined) return refused(told, error);
  if (taken !== undefined) return explainRule(told, taken.rule, found.grpcService, context);
  return explainRouted(told, found, request, context);
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
  { authority, headers: given }: gateway.ExplainCallRequest,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  const { table, documents } = context;
  const { grpcService, method } = path;
  const headers = new Map(
    Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const call = {
    host: hostOf(authority),
    grpcService,
    method,
    header: (name: string) => headers.get(name),
  };
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
    return withEndpoints({ ...timed, route: registeredRoute(route) }, [route], context);
  }
  const routed = { ...told, route: ruleRoute(entry, table) };
  return explainRule(routed, entry.target, grpcService, context);
}

/** What becomes of a call that a rule takes. @param answer names the rule */
function explainRule(
  answer: gateway.ExplainCallResponse,
  rule: CompiledRule,
  grpcService: string,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  const { table } = context;
  const usable = rule.backends.filter(({ weight }) => weight > 0);
  const { transcoding } = rule;
  const routed = withTimes(
    { ...answer, transcoding: transcoding === undefined ? [] : transcodingTexts(transcoding) },
    usable.length === 1 ? usable[0]?.timeouts : longest(usable.map(({ timeouts }) => timeouts)),
    context,
  );
  if (usable.length === 0) return refused(routed, refusal.routeWithoutBackend(ruleText(rule)));
  const found = usable.map((backend) => routeToBackend(rule, backend, grpcService, table));
  // A share that is refused is shown with its backend; the call is refused for certain when every share is.
  const [firstError] = found.filter((one) => one instanceof ServiceError);
  const routes = found.flatMap((one) => (one instanceof ServiceError ? [] : one.route));
  if (routes.length === 0 && firstError !== undefined) return refused(routed, firstError);
  return withEndpoints(routed, routes, context);
}

/** Refused when none of the routes has an instance. */
function withEndpoints(
  answer: gateway.ExplainCallResponse,
  routes: readonly Route[],
  { wallMs }: ExplainContext,
): gateway.ExplainCallResponse {
  const [first] = routes;
  if (first === undefined || routes.some(({ endpoints }) => endpoints.size > 0)) return answer;
  const { grpcService, service, emptySinceMs = wallMs() } = first;
  return refused(answer, refusal.noLiveInstance(grpcService, service, emptySinceMs, wallMs()));
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
