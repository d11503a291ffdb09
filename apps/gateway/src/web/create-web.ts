import { type ServiceError } from '@raftway/errors';
import { type EngineStream } from '@raftway/http2';
import { type GatewayOptions } from '../options';
import { recordOf } from '../proxy/call-record';
import { type HttpRouting } from '../proxy/http-routing';
import { type MemoryBudget } from '../proxy/memory-budget';
import { type CallObserver } from '../proxy/proxy-context';
import { Connect } from './connect';
import { ConnectionAges } from './connection-ages';
import { Cors } from './cors';
import { GrpcWeb } from './grpc-web';
import { type JsonCatalog } from '../adapters/json-catalog';
import { type Dispatch, type WebProtocol } from './http-exchange';
import { Http1Server } from './http1-server';
import { Json, type JsonSettings } from './json';
import { WebEntrance } from './web-entrance';

/** What the protocols of the web need of the gateway. */
export interface WebDependencies {
  readonly dispatch: Dispatch;
  readonly memory: MemoryBudget;
  readonly observer: CallObserver;
  /** Whether a method is known to have no side effects. */
  readonly isSafe: (grpcService: string, method: string) => boolean;
  readonly json: JsonCatalog;
  readonly judgeSchema: JsonSettings['judgeSchema'];
  readonly httpRouting: HttpRouting;
}

/** Every protocol but gRPC. */
export function createWeb(
  options: GatewayOptions,
  { dispatch, memory, observer, isSafe, json, judgeSchema, httpRouting }: WebDependencies,
): WebEntrance {
  const cors = new Cors({
    origins: options.corsOrigins,
    credentials: options.corsCredentials,
    maxAgeMs: options.corsMaxAgeMs,
  });
  const onRefused = ({ code, reason }: ServiceError, stream: EngineStream): void => {
    observer.onCallEnd('', code, 0);
    recordOf(stream)?.noteRefusal(code, reason);
  };
  const messageBytesMax = options.httpMessageBytesMax;
  const limits = { memory, messageBytesMax };
  const connect = new Connect({ dispatch, limits, isSafe, onRefused });
  const protocols: WebProtocol[] = [new GrpcWeb(dispatch), connect];
  if (options.jsonTranscoding) {
    const ignore = options.jsonUnknownFields === 'ignore';
    protocols.push(
      new Json({
        dispatch,
        memory,
        messageBytesMax,
        routes: () => json.routes(),
        request: { ignoreUnknownFields: ignore, ignoreUnknownParameters: ignore },
        response: { emitDefaults: options.jsonEmitDefaults },
        onRefused,
        judgeSchema,
      }),
    );
  }
  return new WebEntrance(cors, httpRouting, protocols);
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
    nowMs: () => performance.now(),
    onExchange: (exchange) => web.open(exchange),
    onConnectionError,
  });
}
