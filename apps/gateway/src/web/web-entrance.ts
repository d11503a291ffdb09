import { isGrpcContentType } from '@raftway/http2';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { type HttpRouting, sendRedirect } from '../proxy/http-routing';
import { type Cors } from './cors';
import { HeadStream } from './head-stream';
import { type HttpExchange, sendProblem, type WebProtocol } from './http-exchange';
import { type WebPolicies } from './web-policies';

/** Takes every HTTP exchange that is no gRPC call, and finds the protocol that it is of. */
export class WebEntrance {
  /** What this port takes, for `accept-post` (https://www.w3.org/TR/ldp/#header-accept-post). */
  private readonly acceptPost: string;

  /**
   * @param composites asked before HTTPRoutes are
   * @param protocols asked in this order
   */
  constructor(
    private readonly cors: Cors,
    private readonly policies: WebPolicies,
    private readonly composites: WebProtocol,
    private readonly routing: HttpRouting,
    private readonly protocols: readonly WebProtocol[],
  ) {
    const types = protocols.flatMap(({ mediaTypes }) => mediaTypes);
    this.acceptPost = ['application/grpc', ...types].join(', ');
  }

  open(given: HttpExchange): void {
    const { method, stream } = given;
    const policy = this.policies.of(given);
    const known = policy === undefined ? given : { ...given, policy };
    const admitted = this.cors.admit(
      method === 'HEAD' ? { ...known, stream: new HeadStream(stream) } : known,
    );
    if (admitted !== undefined && this.composites.open(admitted)) return;
    const exchange = admitted && this.routed(admitted);
    if (exchange === undefined) return;
    for (const protocol of this.protocols) if (protocol.open(exchange)) return;
    exchange.stream.setListener(new DiscardingListener(exchange.stream));
    answer(exchange, this.acceptPost);
  }

  /** The exchange as the rule of an HTTPRoute lets it go on, or as it is; undefined when it is answered. */
  private routed(exchange: HttpExchange): HttpExchange | undefined {
    const { method, path: target, headers, stream } = exchange;
    const found = this.routing.decide({ method, target, headers });
    if (found === undefined) return exchange;
    if (found.kind === 'taken')
      return { ...exchange, path: found.target, headers: found.headers, rule: found.rule };
    sendRedirect(stream, found);
    return undefined;
  }
}

function answer(exchange: HttpExchange, acceptPost: string): void {
  const { stream, method, path, contentType } = exchange;
  if (method === 'GET' && path === '/livez')
    return sendHttpResponse(stream, 200, ['content-type', 'text/plain'], Buffer.from('ok\n'));
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
