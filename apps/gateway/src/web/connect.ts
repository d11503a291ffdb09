import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import {
  grpcHeadersOfConnect,
  parseConnectGet,
  parseConnectType,
  streamType,
  unaryType,
} from '../domain/connect-protocol';
import { lesserLimit } from '../domain/documents';
import { parseGrpcPath } from '../domain/grpc-path';
import { parameterInvalid } from '../domain/refusal';
import { DiscardingListener, sendRefusal } from '../proxy/reply';
import { ConnectStreamingStream } from './connect-streaming-stream';
import { ConnectUnaryStream, type UnaryLimits } from './connect-unary-stream';
import { type DressedStream } from './dressed-stream';
import { type Dispatch, type HttpExchange, sendProblem, type WebProtocol } from './http-exchange';
import { refuseIfOff } from './web-policies';

/** What {@link Connect} needs. */
export interface ConnectSettings {
  readonly dispatch: Dispatch;
  readonly limits: UnaryLimits;
  /** Whether a method is known to have no side effects, so that GET may call it. */
  readonly isSafe: (grpcService: string, method: string) => boolean;
  /** Notes a call that is refused before it is dispatched. */
  readonly onRefused: (error: ServiceError, stream: EngineStream) => void;
}

/** Takes the Connect protocol with its proto codec: unary calls by POST and GET, and streams. */
export class Connect implements WebProtocol {
  readonly mediaTypes = [unaryType, streamType];

  constructor(private readonly settings: ConnectSettings) {}

  open(exchange: HttpExchange): boolean {
    if (exchange.method === 'GET') return this.openGet(exchange);
    const kind = exchange.method === 'POST' ? parseConnectType(exchange.contentType) : undefined;
    if (kind === undefined) return false;
    if (refuseIfOff(exchange, 'connect')) return true;
    const { stream, headers, requestEnded } = exchange;
    const request = grpcHeadersOfConnect(headers, kind);
    const isCompressed = 'encoding' in request && request.encoding !== 'identity';
    const dressed =
      kind === 'unary'
        ? new ConnectUnaryStream(stream, this.limitsOf(exchange), isCompressed)
        : new ConnectStreamingStream(stream);
    if ('field' in request)
      this.refuse(dressed, parameterInvalid(request.field, request.rule, request.value));
    // A unary request without a body is an empty message, which is still to come for gRPC.
    else if (dressed instanceof ConnectUnaryStream && requestEnded)
      this.dispatchWith(dressed, request.headers, exchange, Buffer.alloc(0));
    else
      this.settings.dispatch(
        dressed,
        request.headers,
        requestEnded,
        exchange.clientAddress,
        exchange.rule,
        exchange.socket,
      );
    return true;
  }

  private openGet(exchange: HttpExchange): boolean {
    const get = parseConnectGet(exchange.path);
    if (get?.codec !== 'proto') return false;
    if (refuseIfOff(exchange, 'connect')) return true;
    const path = parseGrpcPath(get.path);
    if (path !== undefined && !this.settings.isSafe(path.grpcService, path.method)) {
      exchange.stream.setListener(new DiscardingListener(exchange.stream));
      const detail = `${path.grpcService}/${path.method} is not known as a method without side effects (idempotency_level = NO_SIDE_EFFECTS).`;
      sendProblem(exchange, 405, 'POST is needed', detail, ['allow', 'POST']);
      return true;
    }
    const { version, compression, message } = get;
    const encoding = compression === undefined ? [] : ['content-encoding', compression];
    const request = grpcHeadersOfConnect(
      [...withPath(exchange.headers, get.path), ...encoding],
      'unary',
    );
    const isCompressed = 'encoding' in request && request.encoding !== 'identity';
    const dressed = new ConnectUnaryStream(exchange.stream, this.limitsOf(exchange), isCompressed);
    if (version !== undefined && version !== 'v1')
      this.refuse(dressed, parameterInvalid('connect', 'v1', version));
    else if (message === undefined)
      this.refuse(dressed, parameterInvalid('message', 'base64', exchange.path));
    else if ('field' in request)
      this.refuse(dressed, parameterInvalid(request.field, request.rule, request.value));
    else this.dispatchWith(dressed, request.headers, exchange, message);
    return true;
  }

  private limitsOf({ policy }: HttpExchange): UnaryLimits {
    const { limits } = this.settings;
    if (policy?.limit === undefined) return limits;
    return { memory: limits.memory, limit: lesserLimit(policy.limit, limits.limit) };
  }

  private dispatchWith(
    dressed: ConnectUnaryStream,
    headers: HeaderPairs,
    { clientAddress, rule, socket }: HttpExchange,
    message: Uint8Array,
  ): void {
    this.settings.dispatch(dressed, headers, false, clientAddress, rule, socket);
    dressed.deliver(message);
  }

  private refuse(dressed: DressedStream, error: ServiceError): void {
    dressed.setListener(new DiscardingListener(dressed));
    sendRefusal(dressed, error);
    this.settings.onRefused(error, dressed);
  }
}

/** The headers of a GET as those of the POST that it stands for: without body, and with the path alone. */
function withPath(headers: HeaderPairs, path: string): string[] {
  const result: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name === 'content-encoding') continue;
    result.push(name, name === ':path' ? path : name === ':method' ? 'POST' : value);
  }
  return result;
}
