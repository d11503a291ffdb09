/*
 * Cross-origin calls from pages: what a browser asks before them and has to be told with them.
 * Source: the Fetch standard, "CORS protocol" (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
import { type HeaderPairs, headerValue } from '@raftway/http2/rules';
import { headersWhere } from './header-rules';

/** Whose pages may call. */
export interface CorsRules {
  /** Origins as browsers write them, such as `https://app.example.com`; `*` for all. */
  readonly origins: readonly string[];
  /** Whether pages of origins that are named may send cookies and the like. */
  readonly credentials: boolean;
  /** How long a browser may remember the answer to a preflight, in milliseconds. */
  readonly maxAgeMs: number;
}

/** Whether a request is a preflight, which asks whether another one may be made. */
export function isPreflight(method: string, headers: HeaderPairs): boolean {
  return (
    method === 'OPTIONS' &&
    headerValue(headers, 'origin') !== undefined &&
    headerValue(headers, 'access-control-request-method') !== undefined
  );
}

/** Whether pages of that origin may call. */
export function allowsOrigin({ origins }: CorsRules, origin: string): boolean {
  return origins.includes('*') || origins.includes(origin);
}

/** The headers of the answer to a preflight of an allowed origin: any metadata may be sent. */
export function preflightHeaders(
  rules: CorsRules,
  origin: string,
  headers: HeaderPairs,
): readonly string[] {
  const asked = headerValue(headers, 'access-control-request-headers') ?? '';
  const names = /^[\w!#$%&'*+.^`|~, -]*$/.test(asked) ? asked : '';
  return [
    ...originHeaders(rules, origin),
    ...['access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE'],
    ...(names === '' ? [] : ['access-control-allow-headers', names]),
    ...['access-control-max-age', String(Math.floor(rules.maxAgeMs / 1000))],
  ];
}

/** A response without what an instance says of CORS: the gateway decides, and browsers refuse two answers. */
export function withoutCorsHeaders(headers: HeaderPairs): string[] {
  return headersWhere(headers, (name) => !name.startsWith('access-control-'));
}

/** What is added to a response: the page may read all of its headers. Undefined and other origins get what caches have to know. */
export function responseHeaders(
  rules: CorsRules,
  origin: string | undefined,
  headers: HeaderPairs,
): readonly string[] {
  if (origin === undefined || !allowsOrigin(rules, origin)) return varyOf(rules);
  const names = new Set<string>();
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!name.startsWith(':') && !alwaysReadable.has(name)) names.add(name);
  }
  const exposed = names.size === 0 ? [] : ['access-control-expose-headers', [...names].join(', ')];
  return [...originHeaders(rules, origin), ...exposed];
}

function originHeaders(rules: CorsRules, origin: string): string[] {
  const isNamed = rules.origins.includes(origin);
  const allowed = isNamed ? origin : '*';
  const credentials = isNamed && rules.credentials;
  return [
    ...['access-control-allow-origin', allowed],
    ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
    ...varyOf(rules),
  ];
}

/** The answer depends on the origin, unless all are answered alike. */
function varyOf({ origins }: CorsRules): string[] {
  return origins.every((one) => one === '*') ? [] : ['vary', 'origin'];
}

/** Pages may read these of any response that they may read ("CORS-safelisted response-header name"). */
const alwaysReadable = new Set([
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
]);
