import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  type StreamListener,
} from '@raftway/http2';
import {
  allowsOrigin,
  type CorsRules,
  isPreflight,
  preflightHeaders,
  responseHeaders,
  withoutCorsHeaders,
} from '../domain/cors';
import { DiscardingListener, sendHttpResponse } from '../proxy/reply';
import { type HttpExchange, sendProblem } from './http-exchange';

/** Lets pages of other origins call, whatever protocol they speak. */
export class Cors {
  constructor(private readonly rules: CorsRules) {}

  /** The exchange, whose response will say what the browser has to know; undefined when it was a preflight, which is answered. */
  admit(exchange: HttpExchange): HttpExchange | undefined {
    const { headers, stream } = exchange;
    const origin = headerValue(headers, 'origin');
    if (origin !== undefined && isPreflight(exchange.method, headers)) {
      stream.setListener(new DiscardingListener(stream));
      this.answerPreflight(exchange, origin);
      return undefined;
    }
    if (this.rules.origins.length === 0) return exchange;
    return { ...exchange, stream: new CorsStream(stream, this.rules, origin) };
  }

  private answerPreflight(exchange: HttpExchange, origin: string): void {
    if (allowsOrigin(this.rules, origin))
      return sendHttpResponse(
        exchange.stream,
        204,
        preflightHeaders(this.rules, origin, exchange.headers),
      );
    const detail = `Pages of ${JSON.stringify(origin.slice(0, 128))} may not call this gateway: RAFTWAY_CORS_ORIGINS does not list it.`;
    sendProblem(exchange, 403, 'The origin is not allowed', detail);
  }
}

/** Adds to the response's headers; everything else passes. */
class CorsStream implements EngineStream {
  constructor(
    private readonly stream: EngineStream,
    private readonly rules: CorsRules,
    private readonly origin: string | undefined,
  ) {}

  setListener(listener: StreamListener): void {
    this.stream.setListener(listener);
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    const own = withoutCorsHeaders(headers);
    const more = responseHeaders(this.rules, this.origin, own);
    this.stream.sendHeaders([...own, ...more], endOfStream);
  }

  sendData(chunk: Uint8Array): void {
    this.stream.sendData(chunk);
  }

  sendEnd(trailers?: HeaderPairs): void {
    this.stream.sendEnd(trailers);
  }

  release(bytes: number): void {
    this.stream.release(bytes);
  }

  reset(code: number): void {
    this.stream.reset(code);
  }
}
