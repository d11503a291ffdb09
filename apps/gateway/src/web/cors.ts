import { type EngineStream, type HeaderPairs, headerValue } from '@raftway/http2';
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
import { PassingStream } from './passing-stream';

/** Lets pages of other origins call, whatever protocol they speak. */
export class Cors {
  constructor(private readonly rules: CorsRules) {}

  /** The exchange, whose response will say what the browser has to know; undefined when it was a preflight, which is answered. */
  admit(exchange: HttpExchange): HttpExchange | undefined {
    const { headers, stream } = exchange;
    const rules = exchange.policy?.cors ?? this.rules;
    const origin = headerValue(headers, 'origin');
    if (origin !== undefined && isPreflight(exchange.method, headers)) {
      stream.setListener(new DiscardingListener(stream));
      answerPreflight(exchange, rules, origin);
      return undefined;
    }
    if (rules.origins.length === 0) return exchange;
    return { ...exchange, stream: new CorsStream(stream, rules, origin) };
  }
}

function answerPreflight(exchange: HttpExchange, rules: CorsRules, origin: string): void {
  const { stream, headers, policy } = exchange;
  if (allowsOrigin(rules, origin))
    return sendHttpResponse(stream, 204, preflightHeaders(rules, origin, headers));
  const owner = policy?.cors?.owner ?? 'RAFTWAY_CORS_ORIGINS';
  const detail = `Pages of ${JSON.stringify(origin.slice(0, 128))} may not call this gateway: ${owner} does not list it.`;
  sendProblem(exchange, 403, 'The origin is not allowed', detail);
}

/** Adds to the response's headers; everything else passes. */
class CorsStream extends PassingStream {
  constructor(
    outside: EngineStream,
    private readonly rules: CorsRules,
    private readonly origin: string | undefined,
  ) {
    super(outside);
  }

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    const own = withoutCorsHeaders(headers);
    const more = responseHeaders(this.rules, this.origin, own);
    super.sendHeaders([...own, ...more], endOfStream);
  }
}
