import { ServiceError } from '@raftway/errors';
import { type EngineStream, headerValue, parseGrpcTimeout } from '@raftway/http2';
import { contractsRegistry } from '@raftway/contracts';
import { statusTrailers } from '@raftway/service-kit';
import { httpStatusOf } from '@raftway/transcoding';
import { type CompositeMatch, type CompositeTable } from '../domain/documents';
import { bodyKindOf, errorBody } from '../domain/json-protocol';
import * as refusal from '../domain/refusal';
import { callHost } from '../proxy/document-routing';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { CompositeCall, type CompositeContext } from './composite-call';
import { type HttpExchange, pathAndQuery, type WebProtocol } from './http-exchange';
import { styleUnder } from './json-defaults';
import { refuseIfOff } from './web-policies';

/** What {@link Composites} needs. */
export interface CompositeSettings extends CompositeContext {
  /** Undefined when no document is a CompositeRoute. */
  readonly table: () => CompositeTable | undefined;
  /** Notes a request that is refused before anything is called. */
  readonly onRefused: (error: ServiceError, stream: EngineStream) => void;
}

/** Takes the paths that documents have several methods answer together. */
export class Composites implements WebProtocol {
  readonly mediaTypes = [];

  constructor(private readonly settings: CompositeSettings) {}

  open(exchange: HttpExchange): boolean {
    const table = this.settings.table();
    if (table === undefined) return false;
    try {
      const match = matchIn(table, exchange);
      return match?.kind === 'found' && this.openMatch(exchange, match);
    } catch (error) {
      return this.refuse(exchange, ServiceError.from(error));
    }
  }

  /** The HTTP methods that composites take at the path of an exchange. */
  methodsOf(exchange: HttpExchange): readonly string[] {
    const table = this.settings.table();
    const match = table && matchIn(table, exchange);
    return match?.kind === 'method-unknown' ? match.allowed : [];
  }

  private openMatch(
    exchange: HttpExchange,
    { composite, values }: Extract<CompositeMatch, { kind: 'found' }>,
  ): true {
    if (refuseIfOff(exchange, 'json')) return true;
    const { stream, headers, contentType, requestEnded, path: target } = exchange;
    const { clientAddress, socket } = exchange;
    const encoding = headerValue(headers, 'content-encoding') ?? 'identity';
    if (encoding !== 'identity') {
      const error = refusal.mediaTypeUnsupported('content-encoding', 'identity', encoding);
      return this.refuse(exchange, error, 415);
    }
    if (!requestEnded && composite.httpMethod === 'POST' && bodyKindOf(contentType) !== 'json') {
      const error = refusal.mediaTypeUnsupported('content-type', 'application/json', contentType);
      return this.refuse(exchange, error, 415);
    }
    const timeout = headerValue(headers, 'grpc-timeout');
    const requestedMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    if (timeout !== undefined && requestedMs === undefined)
      return this.refuse(exchange, refusal.timeoutMalformed(timeout));
    const request = {
      ...{ composite, values, headers, clientAddress, socket, requestedMs },
      query: pathAndQuery(target).query,
      style: styleUnder(this.settings.style, composite.transcoding),
    };
    const call = new CompositeCall(stream, request, this.settings, (error) => {
      this.answerRefused(exchange, error);
    });
    call.start(requestEnded);
    return true;
  }

  private refuse(exchange: HttpExchange, error: ServiceError, httpStatus?: number): true {
    exchange.stream.setListener(new DiscardingListener(exchange.stream));
    this.answerRefused(exchange, error, httpStatus);
    return true;
  }

  private answerRefused(
    { stream }: HttpExchange,
    error: ServiceError,
    httpStatus = httpStatusOf(error.code),
  ): void {
    const body = errorBody(statusTrailers(error), false, [contractsRegistry()]);
    sendHttpResponse(stream, httpStatus, ['content-type', 'application/json'], body);
    this.settings.onRefused(error, stream);
  }
}

function matchIn(table: CompositeTable, { method, path, headers }: HttpExchange): CompositeMatch {
  return table.match(callHost(headers), method, pathAndQuery(path).path);
}
