import { type HeaderPairs, percentEncode } from '@raftway/http2/rules';
import { type CallIdentity, claimValues } from '../call-identity';

/** What instances are told of a caller begins with this. Such headers of clients go no further. */
export const identityPrefix = 'raftway-identity-';

/** A claim that instances are told in a header. */
export interface ClaimHeader {
  readonly claim: string;
  /** In lower case. */
  readonly header: string;
}

/** Whether only the gateway may say what this header says. @param name in lower case */
export function isIdentityHeader(name: string): boolean {
  return name.startsWith(identityPrefix);
}

/** What instances are told of a caller, names and values in turn. Values that are no header values are percent-encoded. */
export function identityHeaders(
  { type, principal, issuer, claims }: CallIdentity,
  claimHeaders: readonly ClaimHeader[],
): readonly string[] {
  const result = [`${identityPrefix}type`, type];
  if (principal !== undefined) result.push(`${identityPrefix}principal`, percentEncode(principal));
  if (issuer !== undefined) result.push(`${identityPrefix}issuer`, percentEncode(issuer));
  for (const { claim, header } of claimHeaders) {
    const values = claimValues(claims, claim);
    if (values.length > 0) result.push(header, values.map(percentEncode).join(','));
  }
  return result;
}

/**
 * A call's headers without what the client must not say, and with what the gateway says.
 * @param told headers that policies tell instances something in, whichever holds for this call
 * @param credentials headers that end here
 */
export function identified(
  headers: HeaderPairs,
  told: ReadonlySet<string>,
  credentials: ReadonlySet<string>,
  added: readonly string[],
): string[] {
  const result: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (isIdentityHeader(name) || told.has(name) || credentials.has(name)) continue;
    result.push(name, headers[index + 1] ?? '');
  }
  for (const text of added) result.push(text);
  return result;
}
