import { type EngineStream, type HeaderPairs, type ServerListener } from '@raftway/http2';
import { type Logger } from '@raftway/observability';
import { type AccessLog } from './adapters/access-log';
import { type GatewayMetrics } from './adapters/gateway-metrics';
import { headersTooLarge } from './domain/refusal';
import { type GatewayOptions } from './options';
import { type Dispatcher } from './proxy/dispatcher';
import { refuseHeaders } from './web/refuse-headers';
import { type WebEntrance } from './web/web-entrance';

/** What takes the streams of clients. */
export interface ListenerParts {
  readonly options: GatewayOptions;
  readonly dispatcher: Dispatcher;
  /** Undefined for none, which then costs nothing. */
  readonly accessLog: AccessLog | undefined;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
}

/** Where streams of HTTP/2 come in. */
export function createListener(parts: ListenerParts): ServerListener {
  const { options, dispatcher, accessLog, metrics, logger } = parts;
  const recorded = (stream: EngineStream, headers: HeaderPairs, from: string): EngineStream =>
    accessLog === undefined ? stream : accessLog.record(stream, headers, from, '2');
  const tooLarge = headersTooLarge(options.headerBytesMax, options.headersMax);
  return {
    onStream: (stream, headers, ended, from, _port, socket) =>
      dispatcher.dispatch(recorded(stream, headers, from), headers, ended, from, socket),
    onHeadersTooLarge: (stream, headers, _ended, from) =>
      refuseHeaders(recorded(stream, headers, from), headers, (refused) =>
        dispatcher.refuse(refused, '', tooLarge),
      ),
    onConnectionError: (detail) => {
      metrics.onConnectionBroken();
      logger.debug('client connection broke', { detail });
    },
  };
}

/** Where requests of HTTP/1.1 come in. */
export function recordedEntrance(
  web: WebEntrance,
  accessLog: AccessLog | undefined,
): Pick<WebEntrance, 'open'> {
  if (accessLog === undefined) return web;
  return {
    open: (exchange) => {
      const { stream, headers, clientAddress } = exchange;
      web.open({ ...exchange, stream: accessLog.record(stream, headers, clientAddress, '1.1') });
    },
  };
}
