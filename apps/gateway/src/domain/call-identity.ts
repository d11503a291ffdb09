/** How a caller has shown who it is. */
export type IdentityType = 'jwt' | 'api-key' | 'certificate' | 'anonymous';

/** Who makes a call, as far as a SecurityPolicy has found out. */
export interface CallIdentity {
  readonly type: IdentityType;
  /** The token's `sub`, the key's id, or the name of the certificate that a pattern takes; undefined for callers that have shown nothing. */
  readonly principal: string | undefined;
  /** The name of an API key; never the key. */
  readonly apiKeyId?: string | undefined;
  /** Whose word that is: a token's `iss`. */
  readonly issuer?: string | undefined;
  /** Of a token. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** A caller that has shown nothing. */
export const anonymous: CallIdentity = { type: 'anonymous', principal: undefined };

/** Values of one claim: a list has several, `scope` separates them by spaces (RFC 8693 §4.2), and other things have none. */
export function claimValues(
  claims: Readonly<Record<string, unknown>> | undefined,
  name: string,
): readonly string[] {
  const value = claims === undefined ? undefined : claimOf(claims, name);
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = items.flatMap((item) => textOf(item) ?? []);
  return name === 'scope' ? texts.flatMap((text) => text.split(' ')) : texts;
}

/** A claim by its name, or by a path of names with dots between them, such as `realm_access.roles`. */
function claimOf(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function textOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}
