import { isGrpcContentType } from '@raftway/http2';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { type Cors } from './cors';
import { type HttpExchange, sendProblem, type WebProtocol } from './http-exchange';

/** Takes every HTTP exchange that is no gRPC call, and finds the protocol that it is of. */
export class WebEntrance {
  /** @param protocols asked in this order */
  constructor(
    private readonly cors: Cors,
    private readonly protocols: readonly WebProtocol[],
  ) {}

  open(given: HttpExchange): void {
    const exchange = this.cors.admit(given);
    if (exchange === undefined) return;
    for (const protocol of this.protocols) if (protocol.open(exchange)) return;
    exchange.stream.setListener(new DiscardingListener(exchange.stream));
    answer(exchange);
  }
}

/** What this port takes, for `accept-post` (https://www.w3.org/TR/ldp/#header-accept-post). */
const acceptPost =
  'application/grpc, application/grpc-web, application/grpc-web-text, application/proto, application/connect+proto, application/json';

function answer(exchange: HttpExchange): void {
  const { stream, method, path, contentType } = exchange;
  if (method === 'GET' && path === '/livez')
    return sendHttpResponse(stream, 200, ['content-type', 'text/plain'], Buffer.from('ok\n'));
  // RFC 9110 §9.3.2: no body, whatever there is to say.
  if (method === 'HEAD') return sendHttpResponse(stream, 405, ['allow', 'POST']);
  if (method !== 'POST')
    return sendProblem(exchange, 405, 'POST is needed', portHint, ['allow', 'POST']);
  if (isGrpcContentType(contentType))
    return sendProblem(
      exchange,
      426,
      'HTTP/2 is needed',
      'gRPC needs HTTP/2 (prior knowledge, or ALPN h2): use a gRPC client, such as grpcurl -plaintext.',
      ['upgrade', 'h2c', 'connection', 'upgrade, close'],
    );
  const detail = `The content type ${JSON.stringify(contentType.slice(0, 128))} is none of ${acceptPost}.`;
  sendProblem(exchange, 415, 'Unknown content type', detail, ['accept-post', acceptPost]);
}

const portHint =
  'This port takes calls of gRPC (over HTTP/2), gRPC-Web and Connect at POST /package.Service/Method.';
