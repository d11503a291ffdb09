import { type ServiceError } from '@raftway/errors';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { type JwtSettings, type TokenIssuer } from '../domain/documents';
import { type CallIdentity } from '../domain/call-identity';
import { identityHeaders } from '../domain/security/identity-headers';
import {
  securityNotLoaded,
  tokenChecksFull,
  type TokenFault,
  tokenInvalid,
} from '../domain/security/refusals';
import { type KeySet, KeysNotLoadedError } from './key-set';

/** Headers with tokens whose check is remembered, and the length of all of them together. */
const rememberedMax = 10_000;
const rememberedLengthMax = 8 * 1_048_576;
/** Tokens that are being checked. */
const checksMax = 1000;
/** Longer ones are refused unread. */
const tokenLengthMax = 16_384;

/** A caller, and what instances are told of it. */
export interface KnownCaller {
  readonly identity: CallIdentity;
  readonly headers: readonly string[];
}

/** An issuer with its keys. */
export interface TrustedIssuer {
  readonly settings: TokenIssuer;
  readonly keys: KeySet;
}

/** A token that was good. */
interface Remembered {
  readonly caller: KnownCaller;
  /** Until when, in milliseconds since 1970. */
  readonly untilMs: number;
  readonly keys: KeySet;
  readonly generation: number;
}

/**
 * Checks tokens of one policy. What was found out about a token is remembered until it expires or the issuer's keys change. It is found by the header that shows the
 * token, as it stands: a digest, or only the token cut out of it, would cost more than all else that a known caller's call needs here.
 */
export class TokenVerifier {
  private readonly remembered = new Map<string, Remembered>();
  private rememberedLength = 0;
  /** A client that opens a hundred calls with a new token has it checked once. */
  private readonly checks = new Map<string, Promise<KnownCaller | ServiceError>>();
  private readonly issuers: ReadonlyMap<string, TrustedIssuer>;

  /** @param wallMs milliseconds since 1970 */
  constructor(
    private readonly policy: string,
    issuers: readonly TrustedIssuer[],
    private readonly wallMs: () => number,
  ) {
    this.issuers = new Map(issuers.map((one) => [one.settings.issuer, one]));
  }

  /** Who showed a good token with this header, and no other, before; undefined when nobody did, or the token has to be checked again. */
  recall(value: string): KnownCaller | undefined {
    const known = this.remembered.get(value);
    if (known === undefined) return undefined;
    if (known.untilMs > this.wallMs() && known.generation === known.keys.generation)
      return known.caller;
    this.forget(value);
    return undefined;
  }

  /**
   * Who shows the token, at once when it is known, or why it is not taken.
   * @param value of the header, if the token is all that it says.
   */
  verify(
    token: string,
    value = `Bearer ${token}`,
  ): KnownCaller | ServiceError | Promise<KnownCaller | ServiceError> {
    if (token.length > tokenLengthMax) return tokenInvalid(this.policy, 'too_long');
    const known = this.recall(value);
    if (known !== undefined) return known;
    const running = this.checks.get(value);
    if (running !== undefined) return running;
    if (this.checks.size >= checksMax) return tokenChecksFull(this.policy, checksMax);
    const check = this.check(token, value).finally(() => this.checks.delete(value));
    this.checks.set(value, check);
    return check;
  }

  private async check(token: string, value: string): Promise<KnownCaller | ServiceError> {
    try {
      const issuer = this.issuers.get(decodeJwt(token).iss ?? '');
      if (issuer === undefined) return tokenInvalid(this.policy, 'issuer_unknown');
      const { settings, keys } = issuer;
      const { generation } = keys;
      const { payload } = await jwtVerify(token, keys.keyOf, {
        issuer: settings.issuer,
        audience: [...settings.audiences],
        algorithms: [...settings.algorithms],
        clockTolerance: settings.clockSkewMs / 1000,
        requiredClaims: ['exp'],
        currentDate: new Date(this.wallMs()),
      });
      const caller = callerOf(payload, settings);
      const untilMs = (payload.exp ?? 0) * 1000 + settings.clockSkewMs;
      // Keys that came during the check may be those that it was made with: then the token is checked once more.
      this.remember(value, { caller, untilMs, keys, generation });
      return caller;
    } catch (error) {
      if (error instanceof KeysNotLoadedError)
        return securityNotLoaded(this.policy, 'keys of tokens');
      return tokenInvalid(this.policy, faultOf(error));
    }
  }

  private remember(value: string, entry: Remembered): void {
    // A Map keeps the order in which entries came.
    for (const oldest of this.remembered.keys()) {
      const length = this.rememberedLength + value.length;
      if (this.remembered.size < rememberedMax && length <= rememberedLengthMax) break;
      this.forget(oldest);
    }
    this.remembered.set(value, entry);
    this.rememberedLength += value.length;
  }

  private forget(value: string): void {
    if (this.remembered.delete(value)) this.rememberedLength -= value.length;
  }
}

/** The tokens of a call, of which there should be one at most. @param values of the header, in their order */
export function tokensIn(
  { header }: Pick<JwtSettings, 'header'>,
  values: readonly string[],
): readonly string[] {
  const [only = ''] = values;
  // As nearly all write it.
  if (values.length === 1 && only.startsWith('Bearer ')) return [only.slice(7).trim()];
  return values.flatMap((value) => {
    const match = /^bearer(?: (.*))?$/is.exec(value.trim());
    if (match !== null) return match[1]?.trim() ?? '';
    // Of other schemes somebody else may know more; a header of its own has nothing but the token.
    return header === 'authorization' || value === '' ? [] : value.trim();
  });
}

function callerOf(payload: JWTPayload, settings: TokenIssuer): KnownCaller {
  const identity: CallIdentity = {
    type: 'jwt',
    principal: typeof payload.sub === 'string' ? payload.sub : undefined,
    issuer: settings.issuer,
    claims: payload,
  };
  return { identity, headers: identityHeaders(identity, settings.claimHeaders) };
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'audience';
    if (error.claim === 'nbf') return 'not_yet_valid';
    return error.claim === 'exp' ? 'no_expiry' : 'claims';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWKSNoMatchingKey) return 'key_unknown';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'key_ambiguous';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  return 'malformed';
}
