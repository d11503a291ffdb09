import { contractsRegistry } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { type EngineStream, headerValue, type HeaderPairs } from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import {
  answersStream,
  buildRequest,
  grpcPathOf,
  httpStatusOf,
  isHttpBody,
  type JsonWriteSettings,
  type PathValue,
  type RequestSettings,
  streamFormatFor,
  takesStream,
} from '@raftway/transcoding';
import { type ConnectHeaders, grpcHeadersOfConnect } from '../domain/connect-protocol';
import { withoutHeader } from '../domain/header-rules';
import { bodyKindOf, errorBody, grpcHeadersOfJson } from '../domain/json-protocol';
import { type JsonRoute, type JsonRoutes } from '../domain/json-routes';
import * as refusal from '../domain/refusal';
import { type MemoryBudget } from '../proxy/memory-budget';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { type Dispatch, type HttpExchange, type WebProtocol } from './http-exchange';
import { JsonStreamingStream, JsonUnaryStream } from './json-answers';
import { type JsonRequestBody, LinesRequest, RawRequest, WholeRequest } from './json-request';
import { type JsonStream, type JsonStreamSettings } from './json-stream';

/** How a body becomes messages. */
type Form = 'raw' | 'lines' | 'whole';

const openApiPath = '/openapi.json';

/** What {@link Json} needs. */
export interface JsonSettings {
  readonly dispatch: Dispatch;
  readonly memory: MemoryBudget;
  readonly messageBytesMax: number;
  /** The routes of what is known now. */
  readonly routes: () => JsonRoutes;
  readonly request: RequestSettings;
  readonly response: JsonWriteSettings;
  /** Notes a request that is refused before it is dispatched. */
  readonly onRefused: (error: ServiceError, stream: EngineStream) => void;
  /** Whether the client may know all schemas. */
  readonly judgeSchema: (
    exchange: HttpExchange,
    outcomes: {
      readonly pass: () => void;
      readonly refuse: (error: ServiceError, headers: HeaderPairs) => void;
    },
  ) => void;
}

/** Takes HTTP and JSON, as the `google.api.http` rules of the registered services say. */
export class Json implements WebProtocol {
  readonly mediaTypes = ['application/json'];

  constructor(private readonly settings: JsonSettings) {}

  open(exchange: HttpExchange): boolean {
    const { method, path: target } = exchange;
    const question = target.indexOf('?');
    const path = question < 0 ? target : target.slice(0, question);
    const query = question < 0 ? '' : target.slice(question + 1);
    try {
      const routes = this.settings.routes();
      if (path === openApiPath && method === 'GET') return this.sendOpenApi(exchange, routes);
      const match = routes.router.match(method, path);
      if (match.kind === 'found')
        return this.openRoute(exchange, match.target, match.values, query);
      // Of what is no JSON others have more to say.
      if (!couldBeJson(exchange)) return false;
      if (match.kind === 'path-unknown') {
        if (path === '/livez') return false;
        return this.refuse(exchange, refusal.httpPathUnknown(method, path), 404);
      }
      const { allowed } = match;
      const error = refusal.httpMethodUnknown(method, allowed);
      return this.refuse(exchange, error, 405, ['allow', allowed.join(', ')]);
    } catch (error) {
      return this.refuse(exchange, ServiceError.from(error));
    }
  }

  private openRoute(
    exchange: HttpExchange,
    route: JsonRoute,
    values: readonly PathValue[],
    query: string,
  ): boolean {
    const { binding, types } = route;
    const { contentType, requestEnded, headers, stream } = exchange;
    const encoding = headerValue(headers, 'content-encoding') ?? 'identity';
    const isConnect = isConnectCall(exchange, route);
    const takesRaw = binding.body !== undefined && isHttpBody(binding.method.input, binding.body);
    const kind = bodyKindOf(contentType);
    if (binding.body !== undefined && !takesRaw && !requestEnded && kind === 'other') {
      if (!binding.isAnnotated && !couldBeJson(exchange)) return false;
      const error = refusal.mediaTypeUnsupported('content-type', 'application/json', contentType);
      return this.refuse(exchange, error, 415, ['accept-post', 'application/json']);
    }
    if (encoding !== 'identity') {
      const error = refusal.mediaTypeUnsupported('content-encoding', 'identity', encoding);
      return this.refuse(exchange, error, 415, ['accept-encoding', 'identity'], isConnect);
    }
    const call = callHeaders(exchange, route, isConnect);
    if ('field' in call) {
      const error = refusal.parameterInvalid(call.field, call.rule, call.value);
      return this.refuse(exchange, error, httpStatusOf(error.code), [], isConnect);
    }
    const toMessage = (body: Uint8Array): Uint8Array =>
      buildRequest(
        binding,
        { values, query, body, contentType },
        { ...this.settings.request, registry: types },
      );
    const isStream = takesStream(binding.method);
    const form: Form =
      isStream && takesRaw ? 'raw' : isStream && kind === 'lines' ? 'lines' : 'whole';
    const body = this.bodyOf(form, toMessage, isStream);
    const settings = this.streamSettings(
      exchange,
      route,
      body,
      call.headers,
      form !== 'whole',
      isConnect,
    );
    const dressed: JsonStream = answersStream(binding.method)
      ? new JsonStreamingStream(
          stream,
          settings,
          route,
          this.settings.response,
          streamFormatFor(headerValue(headers, 'accept') ?? ''),
        )
      : new JsonUnaryStream(stream, settings, route, this.settings.response);
    dressed.start(requestEnded);
    return true;
  }

  private bodyOf(
    form: Form,
    toMessage: (body: Uint8Array) => Uint8Array,
    isStream: boolean,
  ): JsonRequestBody {
    const { messageBytesMax } = this.settings;
    if (form === 'raw') return new RawRequest(toMessage);
    if (form === 'lines') return new LinesRequest(toMessage, messageBytesMax);
    return new WholeRequest(toMessage, messageBytesMax, isStream);
  }

  private streamSettings(
    exchange: HttpExchange,
    route: JsonRoute,
    body: JsonRequestBody,
    grpcHeaders: HeaderPairs,
    isStreamingRequest: boolean,
    isConnect: boolean,
  ): JsonStreamSettings {
    const { dispatch, memory, messageBytesMax, onRefused } = this.settings;
    return {
      body,
      isStreamingRequest,
      memory,
      messageBytesMax,
      detailTypes: [route.types, contractsRegistry()],
      isConnect,
      dispatch: (stream) =>
        dispatch(
          stream,
          grpcHeaders,
          false,
          exchange.clientAddress,
          exchange.rule,
          exchange.socket,
        ),
      onRefused,
    };
  }

  private sendOpenApi(exchange: HttpExchange, routes: JsonRoutes): true {
    const { stream } = exchange;
    stream.setListener(new DiscardingListener(stream));
    this.settings.judgeSchema(exchange, {
      pass: () =>
        sendHttpResponse(stream, 200, ['content-type', 'application/json'], routes.openApi()),
      refuse: (error, more) => this.refuse(exchange, error, httpStatusOf(error.code), more),
    });
    return true;
  }

  private refuse(
    { stream }: HttpExchange,
    error: ServiceError,
    httpStatus = httpStatusOf(error.code),
    more: HeaderPairs = [],
    isConnect = false,
  ): true {
    stream.setListener(new DiscardingListener(stream));
    const body = errorBody(statusTrailers(error), isConnect, [contractsRegistry()]);
    sendHttpResponse(stream, httpStatus, ['content-type', 'application/json', ...more], body);
    this.settings.onRefused(error, stream);
    return true;
  }
}

/** A unary call of the Connect protocol with its JSON codec is such a call, too, with other headers and errors. */
function isConnectCall({ headers }: HttpExchange, { binding }: JsonRoute): boolean {
  return !binding.isAnnotated && headerValue(headers, 'connect-protocol-version') !== undefined;
}

/** The headers of the gRPC call, or what is wrong with those of the request. */
function callHeaders(
  { headers }: HttpExchange,
  route: JsonRoute,
  isConnect: boolean,
): ConnectHeaders {
  const path = grpcPathOf(route.binding.method);
  if (!isConnect) return { headers: grpcHeadersOfJson(headers, path), encoding: 'identity' };
  const call = grpcHeadersOfConnect(headers, 'unary');
  if ('field' in call) return call;
  // Messages are read here, and nobody here decompresses them.
  return { ...call, headers: withoutHeader(call.headers, 'grpc-accept-encoding') };
}

/** Whether the exchange names no media type of another protocol. */
function couldBeJson({ contentType }: HttpExchange): boolean {
  return contentType === '' || bodyKindOf(contentType) !== 'other' || isForm(contentType);
}

/** What curl says when it is told nothing. */
function isForm(contentType: string): boolean {
  return contentType.startsWith('application/x-www-form-urlencoded');
}
