import { formatGrpcTimeout, type HeaderPairs } from '@raftway/http2/rules';
import { isIdentityHeader } from './security/identity-headers';

/** Whether an HTTP status ends a request (RFC 9110 §15). Anything else cannot be passed on: node:http2 receives 700, and throws when it is to send it. */
export function isFinalStatus(status: string): boolean {
  return /^[2-5]\d\d$/.test(status);
}

/** How one request's headers are rewritten. */
export interface ForwardRules {
  /** Of the connection to the instance. */
  readonly scheme: 'http' | 'https';
  /** Used when the client sent neither `:authority` nor `host`. */
  readonly authority: string;
  /** What is left of the caller's time, in milliseconds; undefined when it is unlimited. */
  readonly remainingMs: number | undefined;
  /** The client's address, for `x-forwarded-for`. */
  readonly clientAddress: string;
  /** Name the gateway's own span as the caller, in the place of the client's `traceparent` and `tracestate`; undefined when it has none. */
  readonly trace?: HeaderPairs | undefined;
  /** Whether an `x-forwarded-for` that the client sent is kept (and added to) or replaced. */
  readonly trustForwarded: boolean;
  /** Whether the gateway itself has said who calls (`raftway-identity-*`); else such headers are the client's, and dropped. */
  readonly isIdentified?: boolean | undefined;
}

/**
 * The headers that go upstream: all of the client's, in their order and with their repetitions, but for
 * - connection-bound headers (RFC 9113 §8.2.2, RFC 9110 §7.6.1), which speak about the client's own connection;
 * - `grpc-timeout`, which becomes what is left;
 * - `traceparent` and `tracestate`, which name the gateway's span where the gateway records one;
 * - `raftway-identity-*`, which the gateway alone may say;
 * - `x-forwarded-*`, `forwarded` and `x-real-ip`, which a client could forge: replaced by one `x-forwarded-for` of ours.
 */
export function forwardRequestHeaders(headers: HeaderPairs, rules: ForwardRules): string[] {
  let authority: string | undefined;
  let host: string | undefined;
  let path = '';
  let forwardedFor = '';
  const regular: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name.charCodeAt(0) === 58 /* ':' */) {
      if (name === ':authority') authority = value;
      else if (name === ':path') path = value;
    } else if (name === 'host') host ??= value;
    else if (name === 'grpc-timeout' || isConnectionBound(name, value)) continue;
    else if (rules.trace !== undefined && isTraceContext(name)) continue;
    else if (rules.isIdentified !== true && isIdentityHeader(name)) continue;
    else if (isForwarding(name)) {
      if (!rules.trustForwarded) continue;
      if (name === 'x-forwarded-for')
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`;
      else regular.push(name, value);
    } else regular.push(name, value);
  }
  const result = [':method', 'POST', ':scheme', rules.scheme, ':path', path];
  result.push(':authority', authority ?? host ?? rules.authority);
  if (rules.remainingMs !== undefined)
    result.push('grpc-timeout', formatGrpcTimeout(rules.remainingMs));
  for (const text of regular) result.push(text);
  for (const text of rules.trace ?? []) result.push(text);
  if (rules.clientAddress !== '')
    result.push(
      'x-forwarded-for',
      forwardedFor === '' ? rules.clientAddress : `${forwardedFor}, ${rules.clientAddress}`,
    );
  return result;
}

/** The response headers or trailers that go to the client: all but connection-bound ones. Returns the input when nothing is to be removed. */
export function forwardResponseHeaders(headers: HeaderPairs): HeaderPairs {
  for (let index = 0; index < headers.length; index += 2) {
    if (isConnectionBound(headers[index] ?? '', headers[index + 1] ?? ''))
      return headersWhere(headers, (name, value) => !isConnectionBound(name, value));
  }
  return headers;
}

/** The headers that are kept, in their order and with their repetitions. */
export function headersWhere(
  headers: HeaderPairs,
  isKept: (name: string, value: string) => boolean,
): string[] {
  const result: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (isKept(name, value)) result.push(name, value);
  }
  return result;
}

/** The headers but for those of one name. */
export function withoutHeader(headers: HeaderPairs, name: string): string[] {
  return headersWhere(headers, (one) => one !== name);
}

/** Whether a header speaks of the connection that it came on (RFC 9113 §8.2.2, RFC 9110 §7.6.1). */
export function isConnectionBound(name: string, value: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'proxy-authenticate':
    case 'proxy-authorization':
    case 'transfer-encoding':
    case 'upgrade':
    case 'http2-settings':
      return true;
    case 'te':
      return value !== 'trailers';
    default:
      return false;
  }
}

function isForwarding(name: string): boolean {
  return name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip';
}

/** W3C Trace Context, Level 1. */
function isTraceContext(name: string): boolean {
  return name === 'traceparent' || name === 'tracestate';
}
