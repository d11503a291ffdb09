import { Code, ServiceError } from '@raftway/errors';

// What a SecurityPolicy refuses. Texts and metadata name the policy, never a credential, a claim or a file.

const retryDelayMs = 1000;

/** What is wrong with a token, in one word. */
export type TokenFault =
  | 'malformed'
  | 'several'
  | 'too_long'
  | 'issuer_unknown'
  | 'audience'
  | 'algorithm'
  | 'key_unknown'
  | 'key_ambiguous'
  | 'signature'
  | 'expired'
  | 'not_yet_valid'
  | 'no_expiry'
  | 'claims';

const tokenFaults: Readonly<Record<TokenFault, string>> = {
  malformed: 'it is no JSON Web Token that is signed',
  several: 'there are several',
  too_long: 'it is too long',
  issuer_unknown: 'its issuer is none of those that are trusted',
  audience: 'it is for another audience',
  algorithm: 'its algorithm is not one of those that its issuer may use',
  key_unknown: 'its issuer has no such key',
  key_ambiguous: 'it does not name its key, and several fit',
  signature: 'its signature is wrong',
  expired: 'it has expired',
  not_yet_valid: 'it is not valid yet',
  no_expiry: 'it does not say when it expires',
  claims: 'one of its claims is not as it has to be',
};

/** UNAUTHENTICATED `CREDENTIALS_MISSING`. @param wanted what would do, in words */
export function credentialsMissing(policy: string, wanted: string): ServiceError {
  return new ServiceError({
    code: Code.unauthenticated,
    reason: 'CREDENTIALS_MISSING',
    message: `${policy} wants ${wanted}`,
    metadata: { policy },
  });
}

/** UNAUTHENTICATED `TOKEN_INVALID`. */
export function tokenInvalid(policy: string, why: TokenFault): ServiceError {
  return new ServiceError({
    code: Code.unauthenticated,
    reason: 'TOKEN_INVALID',
    message: `${policy} does not take the token: ${tokenFaults[why]}`,
    metadata: { policy, why },
  });
}

/** UNAUTHENTICATED `API_KEY_UNKNOWN`. */
export function apiKeyUnknown(policy: string): ServiceError {
  return new ServiceError({
    code: Code.unauthenticated,
    reason: 'API_KEY_UNKNOWN',
    message: `${policy} does not know the API key`,
    metadata: { policy },
  });
}

/** UNAUTHENTICATED `CERTIFICATE_NOT_ACCEPTED`: it is good, and for nobody that is meant. */
export function certificateNotAccepted(policy: string): ServiceError {
  return new ServiceError({
    code: Code.unauthenticated,
    reason: 'CERTIFICATE_NOT_ACCEPTED',
    message: `${policy} takes none of the names of the client’s certificate`,
    metadata: { policy },
  });
}

/** PERMISSION_DENIED `ACCESS_DENIED`: by a rule, or because no rule allows it. */
export function accessDenied(
  policy: string,
  rule: string | undefined,
  method: string,
): ServiceError {
  const why = rule === undefined ? 'no rule allows it' : `its rule ${rule} denies it`;
  return new ServiceError({
    code: Code.permissionDenied,
    reason: 'ACCESS_DENIED',
    message: `${policy} does not let this caller call ${method}: ${why}`,
    metadata: { policy, method, ...(rule === undefined ? {} : { rule }) },
  });
}

/** PERMISSION_DENIED `HOST_NOT_COVERED`: Gateways have policies, and the call is for a host of none of them. */
export function hostNotCovered(host: string): ServiceError {
  const shown = host.slice(0, 128);
  return new ServiceError({
    code: Code.permissionDenied,
    reason: 'HOST_NOT_COVERED',
    message: `${shown === '' ? 'no host' : JSON.stringify(shown)} is a host of no Gateway, and Gateways say who may call`,
    metadata: { host: shown },
  });
}

/** What the external authorization says, with its own reason. @param code UNAUTHENTICATED, PERMISSION_DENIED or RESOURCE_EXHAUSTED */
export function deniedByAuthorizer(
  policy: string,
  code: Code,
  why: string,
  message: string,
): ServiceError {
  return new ServiceError({
    code,
    reason: 'AUTHORIZER_DENIED',
    message: `the external authorization of ${policy} denies this call${message === '' ? '' : `: ${message}`}`,
    metadata: { policy, ...(why === '' ? {} : { why }) },
  });
}

/** UNAVAILABLE `AUTHORIZER_UNAVAILABLE`: it could not be asked, and nothing is let through without its word. */
export function authorizerUnavailable(policy: string, why: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'AUTHORIZER_UNAVAILABLE',
    message: `the external authorization of ${policy} could not be asked (${why}); nothing was sent`,
    metadata: { policy, why },
    retryDelayMs,
  });
}

/** UNAVAILABLE `SECURITY_NOT_LOADED`: the keys by which a policy judges have not been read yet. */
export function securityNotLoaded(policy: string, what: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'SECURITY_NOT_LOADED',
    message: `${policy} cannot judge this call: its ${what} could not be loaded; nothing was sent`,
    metadata: { policy, what },
    retryDelayMs,
  });
}

/** RESOURCE_EXHAUSTED `TOKEN_CHECKS_FULL`: so many new tokens are being checked that this one has to come again. */
export function tokenChecksFull(policy: string, limit: number): ServiceError {
  return new ServiceError({
    code: Code.resourceExhausted,
    reason: 'TOKEN_CHECKS_FULL',
    message: `${policy} checks ${limit} tokens at the moment, as many as may be; nothing was sent`,
    metadata: {
      ...{ policy, field: 'tokens being checked', limit: String(limit) },
      owner: 'the gateway',
    },
    retryDelayMs,
  });
}
