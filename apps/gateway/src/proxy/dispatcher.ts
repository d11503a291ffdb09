import { ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  isGrpcContentType,
  readCallFacts,
} from '@raftway/http2';
import {
  callTimeoutMs,
  type CompiledRule,
  type DocumentTable,
  type RuleBackend,
  type Timeouts,
} from '../domain/documents';
import { changeHeaders } from '../domain/header-changes';
import { type GrpcPath, parseGrpcPath } from '../domain/grpc-path';
import * as refusal from '../domain/refusal';
import { type RoutingTable } from '../domain/routing-table';
import { type LocalServices } from '../local/local-services';
import { type HttpExchange } from '../web/http-exchange';
import { routeByRule, ruleFor } from './document-routing';
import { type HttpRouting, sendRedirect } from './http-routing';
import { ProxyCall, type ProxyCallStart } from './proxy-call';
import { type ProxyContext } from './proxy-context';
import { DiscardingListener, sendRefusal } from './reply';

/** Distinct paths whose parts are remembered. */
const pathsMax = 4096;

/** What a {@link Dispatcher} decides with. */
export interface DispatcherSettings {
  readonly table: RoutingTable;
  readonly local: LocalServices;
  /** Whether the registry has been heard of at least once. */
  readonly isViewReady: () => boolean;
  readonly isNeverRouted: (grpcService: string) => boolean;
  /** The longest time a call may take, in milliseconds; undefined for no limit. */
  readonly timeoutMaxMs: number | undefined;
  readonly documents: DocumentTable;
  readonly httpRouting: HttpRouting;
  /** Takes what came over HTTP/2 and is no gRPC call. */
  readonly onHttp: (exchange: HttpExchange) => void;
}

/** Where a call goes, and what documents say of it. */
type CallRoute = Pick<ProxyCallStart, 'route' | 'responseHeaders'> &
  Partial<Pick<RuleBackend, 'requestHeaders' | 'timeouts'>>;

/** Decides for every new stream who answers it: an instance, the gateway itself, or nobody. */
export class Dispatcher {
  private readonly paths = new Map<string, GrpcPath>();

  constructor(
    private readonly context: ProxyContext,
    private readonly settings: DispatcherSettings,
  ) {}

  /** Takes a stream over, as a client opened it. */
  dispatch(
    stream: EngineStream,
    headers: HeaderPairs,
    requestEnded: boolean,
    clientAddress: string,
  ): void {
    const facts = readCallFacts(headers);
    const { method, path: target, contentType } = facts;
    if (method !== 'POST' || !isGrpcContentType(contentType)) {
      const http = { method, path: target, contentType };
      return this.settings.onHttp({ ...http, stream, headers, requestEnded, clientAddress });
    }
    if (this.settings.documents.http === undefined)
      return this.dispatchCall(stream, headers, requestEnded, clientAddress, undefined, facts);
    const found = this.settings.httpRouting.decide({ method, target, headers });
    if (found?.kind === 'redirect') return sendRedirect(stream, found);
    const goingOn = found?.headers ?? headers;
    this.dispatchCall(stream, goingOn, requestEnded, clientAddress, found?.rule);
  }

  /**
   * Takes a gRPC call over, whatever it came as.
   * @param taken the rule of an HTTPRoute that has taken it; undefined when other documents, and what is registered, say where it goes.
   */
  dispatchCall(
    stream: EngineStream,
    headers: HeaderPairs,
    requestEnded: boolean,
    clientAddress: string,
    taken?: CompiledRule,
    facts = readCallFacts(headers),
  ): void {
    const path = this.parsePath(facts.path);
    if (path === undefined) return this.refuse(stream, '', refusal.pathNotCanonical(facts.path));
    const { local } = this.settings;
    if (local.serves(path.grpcService))
      return local.open(stream, path.grpcService, path.method, headers, requestEnded);
    const error = this.refusalOf(path.grpcService);
    if (error !== undefined) return this.refuse(stream, path.grpcService, error);
    if (Number.isNaN(facts.timeoutMs)) {
      const malformed = headerValue(headers, 'grpc-timeout') ?? '';
      return this.refuse(stream, path.grpcService, refusal.timeoutMalformed(malformed));
    }
    const found = this.route(path, headers, taken);
    if (found instanceof ServiceError)
      return this.refuse(stream, found.reason === 'SERVICE_UNKNOWN' ? '' : path.grpcService, found);
    const { route, requestHeaders, responseHeaders } = found;
    new ProxyCall(this.context, stream, {
      route,
      method: path.method,
      headers: requestHeaders === undefined ? headers : changeHeaders(headers, requestHeaders),
      requestEnded,
      clientAddress,
      timeoutMs: this.timeoutMs(facts.timeoutMs, found.timeouts),
      responseHeaders,
    });
  }

  /** Where a call goes: by the rule of a document, or else by what instances register. */
  private route(
    path: GrpcPath,
    headers: HeaderPairs,
    taken: CompiledRule | undefined,
  ): CallRoute | ServiceError {
    const { table, documents } = this.settings;
    const { grpcService } = path;
    const { active } = documents;
    const rule = taken ?? (active && ruleFor(active, path, headers));
    if (rule !== undefined) {
      const found = routeByRule(rule, grpcService, table, this.context.random);
      if (found instanceof ServiceError) return found;
      const { requestHeaders, responseHeaders, timeouts } = found.backend;
      return { route: found.route, requestHeaders, responseHeaders, timeouts };
    }
    const route = table.route(grpcService);
    if (route === undefined) return refusal.serviceUnknown(grpcService);
    return { route, timeouts: active?.backends.get(route.service)?.timeouts };
  }

  /** Why no call of a gRPC service is routed now; undefined when they are. */
  refusalOf(grpcService: string): ServiceError | undefined {
    if (this.settings.isNeverRouted(grpcService)) return refusal.serviceNotRouted(grpcService);
    if (this.settings.documents.isAwaited) return refusal.documentsNotLoaded();
    if (!this.settings.isViewReady()) return refusal.registryUnavailable();
    const { memory } = this.context;
    if (memory.isExhausted)
      return refusal.limitReached('GATEWAY_MEMORY_FULL', 'buffered bytes', memory.bytesMax);
    return undefined;
  }

  /** The call's time, at most the maximum of all. */
  private timeoutMs(
    requestedMs: number | undefined,
    timeouts: Timeouts | undefined,
  ): number | undefined {
    const { timeoutMaxMs } = this.settings;
    const wantedMs = callTimeoutMs(requestedMs, timeouts);
    if (wantedMs === undefined) return timeoutMaxMs;
    return timeoutMaxMs === undefined ? wantedMs : Math.min(wantedMs, timeoutMaxMs);
  }

  private parsePath(path: string): GrpcPath | undefined {
    const known = this.paths.get(path);
    if (known !== undefined) return known;
    const parsed = parseGrpcPath(path);
    if (parsed === undefined) return undefined;
    // Clients choose paths. Starting over is cheap, and a service has few methods.
    if (this.paths.size >= pathsMax) this.paths.clear();
    this.paths.set(path, parsed);
    return parsed;
  }

  private refuse(stream: EngineStream, grpcService: string, error: ServiceError): void {
    stream.setListener(new DiscardingListener(stream));
    sendRefusal(stream, error);
    this.context.observer.onCallEnd(grpcService, error.code, 0);
    if (this.context.logger.debugEnabled)
      this.context.logger.debug('call refused', { grpcService, reason: error.reason });
  }
}
