import { type ServiceError } from '@raftway/errors';
import { type EngineStream } from '@raftway/http2';
import { Deadlines } from '@raftway/service-kit';
import { type PartCatalog } from '../adapters/part-catalog';
import { type DocumentTable } from '../domain/documents';
import { type RoutingTable } from '../domain/routing-table';
import { type GatewayOptions } from '../options';
import { recordOf } from '../proxy/call-record';
import { type HttpRouting } from '../proxy/http-routing';
import { type MemoryBudget } from '../proxy/memory-budget';
import { type CallObserver } from '../proxy/proxy-context';
import { nowMs } from '../timing';
import { type CompositeContext, type CompositeObserver } from './composite-call';
import { Composites } from './composites';
import { Connect } from './connect';
import { ConnectionAges } from './connection-ages';
import { Cors } from './cors';
import { GrpcWeb } from './grpc-web';
import { type Dispatch, type HttpExchange } from './http-exchange';
import { Http1Server } from './http1-server';
import { Json, type JsonSettings } from './json';
import { jsonStyleOf, messageLimitOf } from './json-defaults';
import { WebEntrance } from './web-entrance';
import { WebPolicies } from './web-policies';

/** What the protocols of the web need of the gateway. */
export interface WebDependencies {
  readonly dispatch: Dispatch;
  readonly memory: MemoryBudget;
  readonly observer: CallObserver;
  /** Whether a method is known to have no side effects. */
  readonly isSafe: (grpcService: string, method: string) => boolean;
  readonly documents: Pick<DocumentTable, 'web'>;
  readonly table: Pick<RoutingTable, 'route'>;
  readonly judgeSchema: JsonSettings['judgeSchema'];
  readonly judgeCaller: CompositeContext['judgeCaller'];
  readonly httpRouting: HttpRouting;
  /** What is reached by HTTP and JSON, and the parts of composites. */
  readonly parts: PartCatalog;
  readonly composites: CompositeObserver;
}

/** Every protocol but gRPC. */
export function createWeb(options: GatewayOptions, dependencies: WebDependencies): WebEntrance {
  const { dispatch, memory, observer, isSafe, parts, documents, table, httpRouting } = dependencies;
  const { judgeSchema, judgeCaller } = dependencies;
  const cors = new Cors({
    origins: options.corsOrigins,
    credentials: options.corsCredentials,
    maxAgeMs: options.corsMaxAgeMs,
  });
  const onRefused = ({ code, reason }: ServiceError, stream: EngineStream): void => {
    observer.onCallEnd('', code, 0);
    recordOf(stream)?.noteRefusal(code, reason);
  };
  const limits = { memory, limit: messageLimitOf(options) };
  const routes = () => parts.routes();
  const style = jsonStyleOf(options);
  const composites = new Composites({
    ...{ dispatch, memory, nowMs, parts, style, onRefused, judgeCaller },
    table: () => documents.web?.composites,
    deadlines: new Deadlines(nowMs),
    observer: dependencies.composites,
  });
  const protocols = [
    new GrpcWeb(dispatch),
    new Connect({ dispatch, limits, isSafe, onRefused }),
    new Json({
      ...{ dispatch, memory, routes, style, onRefused, judgeSchema },
      isOn: options.jsonTranscoding,
      composites: () => documents.web?.composites,
      otherMethods: (exchange: HttpExchange) => composites.methodsOf(exchange),
    }),
  ];
  const policies = new WebPolicies({ documents, table, routes, httpRouting });
  return new WebEntrance(cors, policies, composites, httpRouting, protocols);
}

/** HTTP/1.1, whose requests go to that entrance. @param onConnectionError a connection was closed by a limit or a protocol error */
export function createHttp1(
  options: GatewayOptions,
  web: Pick<WebEntrance, 'open'>,
  onConnectionError: (detail: string) => void,
): Http1Server {
  return new Http1Server({
    headerBytesMax: options.headerBytesMax,
    headerCountMax: options.headersMax,
    streamBufferBytesMax: options.streamBufferBytesMax,
    connectionIdleMs: options.http1IdleMs,
    keepaliveMs: options.connectionKeepaliveMs,
    headersTimeoutMs: options.prefaceTimeoutMs,
    bodyTimeoutMs: options.http1BodyTimeoutMs,
    ages: new ConnectionAges({
      ageMaxMs: options.connectionAgeMaxMs || Number.POSITIVE_INFINITY,
      graceMs: options.connectionAgeGraceMs,
      random: Math.random,
    }),
    nowMs,
    onExchange: (exchange) => web.open(exchange),
    onConnectionError,
  });
}
