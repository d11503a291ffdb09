import { type HeaderPairs } from '@raftway/http2/rules';
import { type CallIdentity } from './call-identity';
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

/** Who makes a request. */
export interface KeyCaller {
  readonly clientAddress: string;
  /** Undefined where no SecurityPolicy holds. */
  readonly identity: CallIdentity | undefined;
}

/**
 * What tells one request of a part from another, beside its message: its host, who makes it as a SecurityPolicy has found out, and the headers that
 * count or else whatever may matter.
 *
 * @param headers of the gRPC call
 * @param keyHeaders undefined for all that may matter
 */
export function partKeyTexts(
  headers: HeaderPairs,
  { clientAddress, identity }: KeyCaller,
  keyHeaders: readonly string[] | undefined,
): string[] {
  const counts =
    keyHeaders === undefined
      ? (name: string): boolean => !irrelevant.has(name) && !name.startsWith('sec-')
      : (name: string): boolean => name === ':authority' || keyHeaders.includes(name);
  const texts = [...identityTexts(identity), ...headersWhere(headers, counts)];
  return keyHeaders === undefined ? [clientAddress, ...texts] : texts;
}

/** Two issuers may have one name for two callers. What is not there is told from what is empty by the number of texts. */
function identityTexts(identity: CallIdentity | undefined): string[] {
  if (identity === undefined) return [];
  const { type, issuer = '', principal = '' } = identity;
  return [type, issuer, principal];
}
