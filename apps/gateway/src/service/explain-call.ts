import { gateway } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { toDuration } from '@raftway/service-kit';
import {
  callTimeoutMs,
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
import { type PartCatalog } from '../adapters/part-catalog';
import { explainHttp, isHttpRequest } from './explain-http';
import { registeredRoute, ruleRoute } from './messages';

/** What decides about calls. */
export interface ExplainContext {
  readonly table: RoutingTable;
  readonly documents: DocumentTable;
  /** The refusal of all calls of a gRPC service before they are routed; undefined when there is none. */
  readonly refusalOf: (grpcService: string) => ServiceError | undefined;
  readonly isLocal: (grpcService: string) => boolean;
  readonly parts: PartCatalog;
  /** Undefined for no limit. */
  readonly timeoutMaxMs: number | undefined;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** What would become of a call: the dispatcher's decisions, told. */
export function explainCall(
  request: gateway.ExplainCallRequest,
  context: ExplainContext,
): gateway.ExplainCallResponse {
  if (isHttpRequest(request.method))
    return explainHttp(request, context, (call) => explainCall(call, context));
  const answer = gateway.ExplainCallResponse.fromPartial({});
  const text = request.method.startsWith('/') ? request.method : `/${request.method}`;
  const path = parseGrpcPath(text);
  if (path === undefined) return refused(answer, refusal.pathNotCanonical(text));
  if (context.isLocal(path.grpcService)) return { ...answer, local: true };
  const error = context.refusalOf(path.grpcService);
  if (error !== undefined) return refused(answer, error);
  return explainRouted(answer, path, request, context);
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
    considered: considered.map(({ entry, taken, why }) => ({
      route: ruleRoute(entry, table),
      taken,
      why,
    })),
  };
  const entry = considered.find(({ taken }) => taken)?.entry;
  if (entry === undefined) {
    const route = table.route(grpcService);
    if (route === undefined) return refused(told, refusal.serviceUnknown(grpcService));
    const transcoding = documents.web?.transcoding?.get(route.service);
    const timed = withTimes(
      { ...told, transcoding: transcoding === undefined ? [] : transcodingTexts(transcoding) },
      active?.backends.get(route.service)?.timeouts,
      context,
    );
    return withEndpoints({ ...timed, route: registeredRoute(route) }, [route], context);
  }
  const rule = entry.target;
  const usable = rule.backends.filter(({ weight }) => weight > 0);
  const routed = withTimes(
    {
      ...told,
      route: ruleRoute(entry, table),
      transcoding: rule.transcoding === undefined ? [] : transcodingTexts(rule.transcoding),
    },
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
