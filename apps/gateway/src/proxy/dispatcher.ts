import { type Socket } from 'node:net';
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
import { isOpenToAll } from '../local/open-methods';
import { type LocalServices } from '../local/local-services';
import { type HttpExchange, type JudgeCaller } from '../web/http-exchange';
import { type Gatekeeper, type Outcomes } from '../security/gatekeeper';
import { type CallRecord, recordOf } from './call-record';
import { callHost, type DocumentRoute, routeByRule, ruleFor } from './document-routing';
import { type HttpRouting, sendRedirect } from './http-routing';
import { type ProxyCallStart } from './call-start';
import { ProxyCall } from './proxy-call';
import { type ProxyContext } from './proxy-context';
import { DiscardingListener, sendRefusal } from './reply';
import { TrafficControl } from './traffic-control';

/** Distinct paths whose parts are remembered. */
const pathsMax = 4096;
/** A call with less time than this, in milliseconds, would be over before an instance could answer: it is not made one to begin and to reset. */
const leastMs = 0.1;

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
  readonly gatekeeper: Gatekeeper;
  /** What tokens of sessions are signed with; undefined for something that no other gateway has. */
  readonly sessionKey: string | undefined;
  readonly httpRouting: HttpRouting;
  /** Takes what came over HTTP/2 and is no gRPC call. */
  readonly onHttp: (exchange: HttpExchange) => void;
}

/** Where a call goes, and what documents say of it. */
type CallRoute = Pick<DocumentRoute, 'route' | 'traffic'> & {
  readonly backend: Partial<
    Pick<RuleBackend, 'requestHeaders' | 'responseHeaders' | 'timeouts' | 'calls'>
  >;
};

/** A call before it is known where it goes. */
type NewCall = Pick<ProxyCallStart, 'headers' | 'requestEnded' | 'clientAddress' | 'identity'> & {
  readonly stream: EngineStream;
  readonly path: GrpcPath;
  /** The caller's time in milliseconds; undefined when it is unlimited. */
  readonly requestedMs: number | undefined;
  readonly socket: Socket | undefined;
  readonly record: CallRecord | undefined;
};

/** Decides for every new stream who answers it: an instance, the gateway itself, or nobody. */
export class Dispatcher {
  /** Mirrors, faults and sessions. */
  readonly traffic: TrafficControl;
  private readonly paths = new Map<string, GrpcPath>();
  /** Made once, and not for each call that is judged. */
  private readonly goOn = (call: NewCall, rule: CompiledRule | undefined): void =>
    this.forward(call, rule);

  constructor(
    private readonly context: ProxyContext,
    private readonly settings: DispatcherSettings,
  ) {
    this.traffic = new TrafficControl(context, settings.sessionKey);
  }

  /** Takes a stream over, as a client opened it. @param socket the connection's, which knows the client's certificate */
  dispatch(
    stream: EngineStream,
    headers: HeaderPairs,
    requestEnded: boolean,
    clientAddress: string,
    socket?: Socket,
  ): void {
    const facts = readCallFacts(headers);
    const { method, path: target, contentType } = facts;
    if (method !== 'POST' || !isGrpcContentType(contentType)) {
      const http = { method, path: target, contentType };
      const from = { clientAddress, socket };
      return this.settings.onHttp({ ...http, stream, headers, requestEnded, ...from });
    }
    if (this.settings.documents.http === undefined)
      return this.dispatchCall(
        stream,
        headers,
        requestEnded,
        clientAddress,
        undefined,
        socket,
        facts,
      );
    const found = this.settings.httpRouting.decide({ method, target, headers });
    if (found?.kind === 'redirect') return sendRedirect(stream, found);
    const goingOn = found?.headers ?? headers;
    this.dispatchCall(stream, goingOn, requestEnded, clientAddress, found?.rule, socket);
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
    taken: CompiledRule | undefined,
    socket: Socket | undefined,
    facts = readCallFacts(headers),
  ): void {
    const path = this.parsePath(facts.path);
    if (path === undefined) return this.refuse(stream, '', refusal.pathNotCanonical(facts.path));
    const record = recordOf(stream);
    record?.noteCall(path.grpcService, path.method);
    // What is malformed is refused below; the gateway's own services never look at it.
    const requestedMs = Number.isNaN(facts.timeoutMs) ? undefined : facts.timeoutMs;
    const call = {
      stream,
      path,
      headers,
      requestEnded,
      clientAddress,
      identity: undefined,
      requestedMs,
      socket,
      record,
    };
    if (this.settings.local.serves(path.grpcService)) return this.openLocal(call);
    const error = this.refusalOf(path.grpcService);
    if (error !== undefined) return this.refuse(stream, path.grpcService, error);
    if (Number.isNaN(facts.timeoutMs)) {
      const malformed = headerValue(headers, 'grpc-timeout') ?? '';
      return this.refuse(stream, path.grpcService, refusal.timeoutMalformed(malformed));
    }
    if (requestedMs !== undefined && requestedMs < leastMs) {
      const late = refusal.deadlineExceeded(requestedMs, 'a connection to an instance');
      return this.refuse(stream, path.grpcService, late);
    }
    const { active } = this.settings.documents;
    const rule = taken ?? (active && ruleFor(active, path, headers));
    if (active?.security === undefined) this.forward(call, rule);
    else this.judge(call, rule, this.goOn);
  }

  /** Whether an exchange that is no call may have what a method of the gateway's own would tell. */
  judgeExchange(
    { stream, headers, clientAddress, socket }: HttpExchange,
    path: GrpcPath,
    outcomes: { readonly pass: () => void; readonly refuse: Outcomes['refuse'] },
  ): void {
    const security = this.settings.documents.active?.security;
    if (security === undefined) return outcomes.pass();
    const host = callHost(headers);
    const call = { path, headers, clientAddress, host, socket, timeoutMs: undefined };
    const held = security.ofCall(undefined, host);
    stream.setListener(new DiscardingListener(stream));
    this.settings.gatekeeper
      .admitExchange(security, held, call, outcomes)
      .catch((error: unknown) => outcomes.refuse(ServiceError.from(error), [], undefined));
  }

  /** {@link JudgeCaller} */
  judgeCaller(...[target, caller, outcomes]: Parameters<JudgeCaller>): boolean {
    const { documents, local, gatekeeper } = this.settings;
    const { active } = documents;
    const path = this.parsePath(target);
    if (active?.security === undefined || path === undefined || isOpenToAll(path)) return false;
    const rule = local.serves(path.grpcService) ? undefined : ruleFor(active, path, caller.headers);
    const host = callHost(caller.headers);
    const held = active.security.ofCall(rule, host);
    if (held === 'none') return false;
    gatekeeper
      .admitExchange(
        active.security,
        held,
        { ...caller, path, host },
        {
          pass: ({ identity }) => outcomes.pass(identity),
          refuse: outcomes.refuse,
        },
      )
      .catch((error: unknown) => outcomes.refuse(ServiceError.from(error), []));
    return true;
  }

  /** Answers a call of the gateway's own services. */
  private openLocal(call: NewCall): void {
    const open = ({ path, stream, headers, requestEnded }: NewCall): void =>
      this.settings.local.open(stream, path.grpcService, path.method, headers, requestEnded);
    const { active } = this.settings.documents;
    if (active?.security === undefined || isOpenToAll(call.path)) open(call);
    else this.judge(call, undefined, open);
  }

  /** Has the policy that holds for a call judge it. */
  private judge(
    call: NewCall,
    rule: CompiledRule | undefined,
    pass: (admitted: NewCall, rule: CompiledRule | undefined) => void,
  ): void {
    const { documents, gatekeeper } = this.settings;
    const security = documents.active?.security;
    if (security === undefined) return pass(call, rule);
    const { path, clientAddress, socket } = call;
    const host = callHost(call.headers);
    const timeoutMs = this.timeoutMs(call.requestedMs, undefined);
    const start = { path, headers: call.headers, clientAddress, host, socket, timeoutMs };
    gatekeeper.admit(call.stream, security, security.ofCall(rule, host), start, {
      pass: ({ headers, identity }, stream, waitedMs) => {
        const { path, requestEnded, clientAddress, requestedMs, socket, record } = call;
        record?.noteCaller(identity);
        if (requestedMs !== undefined && waitedMs > 0 && requestedMs <= waitedMs)
          return this.refuse(
            stream,
            path.grpcService,
            refusal.deadlineExceeded(requestedMs, 'the word of a SecurityPolicy'),
          );
        // Written out: a copy with changes would be one of the dearer objects of a call.
        const admitted = {
          stream,
          path,
          headers,
          requestEnded,
          clientAddress,
          identity,
          requestedMs: requestedMs === undefined ? undefined : requestedMs - waitedMs,
          socket,
          record,
        };
        pass(admitted, rule);
      },
      refuse: (error, more, identity) => {
        call.record?.noteCaller(identity);
        if (rule !== undefined) this.context.observer.onRuleCallEnd(rule, '', error.code, 0);
        this.refuse(call.stream, call.path.grpcService, error, more);
      },
    });
  }

  /** Sends a call where it goes. */
  private forward(call: NewCall, rule: CompiledRule | undefined): void {
    const { stream, path, headers, requestEnded, clientAddress, identity } = call;
    const found = this.route(path, headers, rule);
    if (found instanceof ServiceError)
      return this.refuse(stream, found.reason === 'SERVICE_UNKNOWN' ? '' : path.grpcService, found);
    const { route, traffic } = found;
    const { requestHeaders, responseHeaders, timeouts, calls } = found.backend;
    const start: ProxyCallStart = {
      route,
      method: path.method,
      headers: requestHeaders === undefined ? headers : changeHeaders(headers, requestHeaders),
      requestEnded,
      clientAddress,
      timeoutMs: this.timeoutMs(call.requestedMs, timeouts),
      responseHeaders,
      calls,
      identity,
      limits: rule?.limits,
      traffic,
      rule,
      idleMs: timeouts?.idleMs,
      record: call.record,
    };
    new ProxyCall(
      this.context,
      traffic === undefined ? stream : traffic.dress(stream, start),
      start,
    );
  }

  /** Where a call goes: by the rule of a document, or else by what instances register. */
  private route(
    path: GrpcPath,
    headers: HeaderPairs,
    rule: CompiledRule | undefined,
  ): CallRoute | ServiceError {
    const { table, documents } = this.settings;
    const { grpcService } = path;
    if (rule !== undefined) {
      const found =
        rule.traffic === undefined
          ? routeByRule(rule, grpcService, table, this.context.random)
          : this.traffic.route({ rule, path, headers, table }, rule.traffic);
      if (found instanceof ServiceError) {
        this.context.observer.onRuleCallEnd(rule, '', found.code, 0);
        return found;
      }
      return found;
    }
    const route = table.route(grpcService);
    if (route === undefined) return refusal.serviceUnknown(grpcService);
    const timeouts = documents.active?.backends.get(route.service)?.timeouts;
    return { route, backend: { timeouts } };
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

  /** Answers a gRPC call with an error. @param grpcService empty when it is none that is known @param more headers of the answer beside the status */
  refuse(
    stream: EngineStream,
    grpcService: string,
    error: ServiceError,
    more: HeaderPairs = [],
  ): void {
    stream.setListener(new DiscardingListener(stream));
    recordOf(stream)?.noteRefusal(error.code, error.reason);
    sendRefusal(stream, error, more);
    this.context.observer.onCallEnd(grpcService, error.code, 0);
    if (this.context.logger.debugEnabled)
      this.context.logger.debug('call refused', { grpcService, reason: error.reason });
  }
}
