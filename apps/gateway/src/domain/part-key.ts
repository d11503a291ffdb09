import { type HeaderPairs } from '@raftway/http2/rules';
import { headersWhere } from './header-rules';

/** Headers that neither tell callers apart nor change an answer: of the call itself, of tracing, and what browsers say of themselves. */
const irrelevant = new Set([
  ':method',
  ':path',
  ':scheme',
  'accept',
  'accept-encoding',
  'baggage',
  'cache-control',
  'connection',
  'content-type',
  'dnt',
  'grpc-timeout',
  'pragma',
  'priority',
  'referer',
  'te',
  'traceparent',
  'tracestate',
  'upgrade-insecure-requests',
  'user-agent',
  'x-request-id',
]);

/**
 * What tells one request of a part from another, beside its message: its host, and the headers that count or else whatever may matter.
 *
 * @param headers of the gRPC call
 * @param keyHeaders undefined for all that may matter
 */
export function partKeyTexts(
  headers: HeaderPairs,
  clientAddress: string,
  keyHeaders: readonly string[] | undefined,
): string[] {
  const counts =
    keyHeaders === undefined
      ? (name: string): boolean => !irrelevant.has(name) && !name.startsWith('sec-')
      : (name: string): boolean => name === ':authority' || keyHeaders.includes(name);
  const texts = headersWhere(headers, counts);
  return keyHeaders === undefined ? [clientAddress, ...texts] : texts;
}
