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
  type PathValue,
  streamFormatFor,
  takesStream,
} from '@raftway/transcoding';
import { type ConnectHeaders, grpcHeadersOfConnect } from '../domain/connect-protocol';
import { withoutHeader } from '../domain/header-rules';
import { bodyKindOf, errorBody, grpcHeadersOfJson } from '../domain/json-protocol';
import { type JsonRoute, type JsonRoutes } from '../domain/json-routes';
import * as refusal from '../domain/refusal';
import { openApiComposites } from '../domain/composite-parts';
import { type CompositeTable } from '../domain/documents';
import { type MemoryBudget } from '../proxy/memory-budget';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { type Dispatch, type HttpExchange, pathAndQuery, type WebProtocol } from './http-exchange';
import { JsonStreamingStream, JsonUnaryStream } from './json-answers';
import { type JsonStyle, styleUnder } from './json-defaults';
import { type JsonRequestBody, LinesRequest, RawRequest, WholeRequest } from './json-request';
import { type JsonStream, type JsonStreamSettings } from './json-stream';
import { refuseIfOff } from './web-policies';

/** How a body becomes messages. */
type Form = 'raw' | 'lines' | 'whole';

const openApiPath = '/openapi.json';

/** What {@link Json} needs. */
export interface JsonSettings {
  readonly dispatch: Dispatch;
  readonly memory: MemoryBudget;
  /** Whether JSON is taken where no document says otherwise. */
  readonly isOn: boolean;
  /** The routes of what is known now. */
  readonly routes: () => JsonRoutes;
  /** What documents lead to beside them. */
  readonly composites: () => CompositeTable | undefined;
  /** HTTP methods that others take at the path of an exchange. */
  readonly otherMethods: (exchange: HttpExchange) => readonly string[];
  readonly style: JsonStyle;
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
  readonly mediaTypes: readonly string[];

  constructor(private readonly settings: JsonSettings) {
    this.mediaTypes = settings.isOn ? ['application/json'] : [];
  }

  open(exchange: HttpExchange): boolean {
    const { method, policy } = exchange;
    const { isOn } = this.settings;
    // What is off for all can be on for some by a document.
    if (!isOn && policy === undefined) return false;
    const { path, query } = pathAndQuery(exchange.path);
    try {
      const routes = this.settings.routes();
      if (isOn && path === openApiPath && method === 'GET')
        return this.sendOpenApi(exchange, routes);
      const match = routes.router.match(method, path);
      if (match.kind === 'found')
        return this.openRoute(exchange, match.target, match.values, query);
      // Of what is no JSON others have more to say.
      if (!isOn || !couldBeJson(exchange)) return false;
      const others = this.settings.otherMethods(exchange);
      if (match.kind === 'path-unknown' && others.length === 0) {
        if (path === '/livez') return false;
        return this.refuse(exchange, refusal.httpPathUnknown(method, path), 404);
      }
      const own = match.kind === 'path-unknown' ? [] : match.allowed;
      const allowed = [...new Set([...own, ...others])].sort();
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
    const protocol = isConnect ? 'connect' : 'json';
    if (refuseIfOff(exchange, protocol)) return true;
    if (!this.settings.isOn && exchange.policy?.protocols[protocol] === undefined) return false;
    const style = styleUnder(this.settings.style, exchange.policy);
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
        { ...style.request, registry: types },
      );
    const isStream = takesStream(binding.method);
    const form: Form =
      isStream && takesRaw ? 'raw' : isStream && kind === 'lines' ? 'lines' : 'whole';
    const body = bodyOf(form, toMessage, style, isStream);
    const settings = this.streamSettings(
      exchange,
      route,
      body,
      call.headers,
      form !== 'whole',
      isConnect,
      style,
    );
    const dressed: JsonStream = answersStream(binding.method)
      ? new JsonStreamingStream(
          stream,
          settings,
          route,
          style.response,
          streamFormatFor(headerValue(headers, 'accept') ?? '', style.streams),
        )
      : new JsonUnaryStream(stream, settings, route, style.response);
    dressed.start(requestEnded);
    return true;
  }

  private streamSettings(
    exchange: HttpExchange,
    route: JsonRoute,
    body: JsonRequestBody,
    grpcHeaders: HeaderPairs,
    isStreamingRequest: boolean,
    isConnect: boolean,
    { limit }: JsonStyle,
  ): JsonStreamSettings {
    const { dispatch, memory, onRefused } = this.settings;
    return {
      body,
      isStreamingRequest,
      memory,
      limit,
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
    const composites = this.settings.composites();
    const send = (): void => {
      const document = routes.openApi(
        composites,
        () => composites && openApiComposites(composites, routes),
      );
      sendHttpResponse(stream, 200, ['content-type', 'application/json'], document);
    };
    this.settings.judgeSchema(exchange, {
      pass: send,
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

function bodyOf(
  form: Form,
  toMessage: (body: Uint8Array) => Uint8Array,
  { limit }: JsonStyle,
  isStream: boolean,
): JsonRequestBody {
  if (form === 'raw') return new RawRequest(toMessage);
  if (form === 'lines') return new LinesRequest(toMessage, limit);
  return new WholeRequest(toMessage, limit, isStream);
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
