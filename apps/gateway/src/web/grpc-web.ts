import { headerValue } from '@raftway/http2';
import { grpcHeadersOfWeb, parseGrpcWebType, wantsText } from '../domain/grpc-web';
import { GrpcWebStream } from './grpc-web-stream';
import { type Dispatch, type HttpExchange, type WebProtocol } from './http-exchange';
import { refuseIfOff } from './web-policies';

/** Takes gRPC-Web, binary and text. */
export class GrpcWeb implements WebProtocol {
  readonly mediaTypes = ['application/grpc-web', 'application/grpc-web-text'];

  constructor(private readonly dispatch: Dispatch) {}

  open(exchange: HttpExchange): boolean {
    const { stream, headers, method, requestEnded, clientAddress, rule, socket } = exchange;
    const type = method === 'POST' ? parseGrpcWebType(exchange.contentType) : undefined;
    if (type === undefined) return false;
    if (refuseIfOff(exchange, 'grpcWeb')) return true;
    const dressed = new GrpcWebStream(stream, {
      requestIsText: type.isText,
      responseIsText: wantsText(headerValue(headers, 'accept'), type),
      suffix: type.suffix,
    });
    const call = grpcHeadersOfWeb(headers, type);
    this.dispatch(dressed, call, requestEnded, clientAddress, rule, socket);
    return true;
  }
}
