import { isConnectionBound } from './header-rules';

/** The first line of an HTTP/1.1 request, and how it came. */
export interface Http1Start {
  readonly method: string;
  readonly target: string;
  readonly scheme: 'http' | 'https';
}

/**
 * The headers of an HTTP/1.1 request as those of HTTP/2: names in lower case, behind pseudo-headers, without what is bound to the connection, which
 * the client may extend by way of `connection` (RFC 9113 §8.2.2, RFC 9110 §7.6.1). Undefined when there are several hosts.
 */
export function http1Headers(raw: readonly string[], start: Http1Start): string[] | undefined {
  const bound = new Set(boundInHttp1);
  let host: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (name === 'connection')
      for (const one of value.split(',')) bound.add(one.trim().toLowerCase());
    if (name !== 'host') continue;
    if (host !== undefined) return undefined;
    host = value;
  }
  const { method, target, scheme } = start;
  const result = [':method', method, ':scheme', scheme, ':path', target];
  if (host !== undefined && host !== '') result.push(':authority', host);
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (!bound.has(name) && !isConnectionBound(name, value)) result.push(name, value);
  }
  return result;
}

/** Beside what is bound to any connection: what becomes a pseudo-header, and what HTTP/1.1 uses in other ways. */
const boundInHttp1 = ['host', 'te', 'trailer', 'expect'];
