import { headerValue, type HeaderPairs } from '@raftway/http2/rules';
import { type CallIdentity } from '../call-identity';
import { clientNetwork, trustedAddress } from './client-network';
import { type KeyPart } from './limit-settings';

/** What keys of one call are made from. */
export interface KeyFacts {
  readonly grpcService: string;
  readonly method: string;
  readonly headers: HeaderPairs;
  /** The peer's IP address; '' when it is not known. */
  readonly clientAddress: string;
  /** Undefined when nothing was proved. */
  readonly identity: CallIdentity | undefined;
  /** Whether `x-forwarded-for` is to be believed. */
  readonly trustForwarded: boolean;
}

/** The key of a call: equal for calls of which all parts are equal, and for no others. */
export function limitKey(parts: readonly KeyPart[], facts: KeyFacts): string {
  const [first] = parts;
  if (first === undefined) return '';
  if (parts.length === 1) return partOf(first, facts);
  let key = '';
  for (const part of parts) {
    const text = partOf(part, facts);
    // With its length, so that no part can be mistaken for the end of the one before.
    key += `${text.length}:${text}`;
  }
  return key;
}

function partOf({ type, name }: KeyPart, facts: KeyFacts): string {
  const { identity } = facts;
  switch (type) {
    case 'ClientAddress':
      return clientNetwork(
        facts.trustForwarded
          ? trustedAddress(facts.headers, facts.clientAddress)
          : facts.clientAddress,
      );
    case 'Service':
      return facts.grpcService;
    case 'Method':
      return `${facts.grpcService}/${facts.method}`;
    case 'Header':
      return headerValue(facts.headers, name) ?? '';
    case 'Claim':
      return claimText(identity?.claims, name);
    case 'ApiKey':
      return identity?.apiKeyId ?? '';
    case 'Principal':
      return principalText(identity);
  }
}

/** Two issuers may have one name for two callers. */
function principalText(identity: CallIdentity | undefined): string {
  if (identity?.principal === undefined) return '';
  const { type, issuer = '', principal } = identity;
  return JSON.stringify([type, issuer, principal]);
}

function claimText(claims: CallIdentity['claims'], name: string): string {
  if (claims === undefined || !Object.hasOwn(claims, name)) return '';
  const value = claims[name];
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
