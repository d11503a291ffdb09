import { parseDuration } from '@raftway/config';
import { z } from 'zod';
import { type ClaimHeader } from '../../security/identity-headers';
import { durationText } from '../kinds/common';
import { strict } from '../strict';
import { metadataName, toldName } from './header-names';

/**
 * Algorithms of signatures that are made with a private key. Those with a shared secret (HS256, …) and `none` are not there: a public key
 * must never be taken for a secret (RFC 8725 §2.1).
 */
export const jwtAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** Keys of one issuer. */
export const jwksKeysMax = 256;

const defaultAlgorithms: readonly (typeof jwtAlgorithms)[number][] = ['RS256', 'ES256'];

const publicKey = z
  .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']), kid: z.string().max(256).optional() })
  .refine((key) => !Object.hasOwn(key, 'd'), 'is a private key: give the public one');

const keysSchema = strict({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional()
    .describe('Where the issuer publishes its keys: https, or http on this machine.'),
  allowPlaintext: z
    .boolean()
    .default(false)
    .describe(
      'Whether the URL may be http of another machine: whoever is in between chooses the keys.',
    ),
  file: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('A file with a JSON Web Key Set, read again every 5 s.'),
  inline: strict({ keys: z.array(publicKey).min(1).max(jwksKeysMax) }).optional(),
  refresh: durationText('How often keys are fetched anew from the URL. Default: 10m.').optional(),
  timeout: durationText('How long a fetch may take. Default: 2s.').optional(),
  cooldown: durationText(
    'Time between two fetches that a failure, or a token with an unknown key, is the reason for. Default: 30s.',
  ).optional(),
})
  .refine(
    ({ url, file, inline }) =>
      [url, file, inline].filter((source) => source !== undefined).length === 1,
    'one of url, file and inline must be given',
  )
  .refine(({ url, allowPlaintext }) => url === undefined || allowPlaintext || isPrivate(url), {
    path: ['url'],
    message: 'must be https, or http on this machine: see allowPlaintext',
  });

const issuerSchema = strict({
  issuer: z.string().min(1).max(1024).describe('The `iss` of its tokens, exactly.'),
  audiences: z
    .array(z.string().min(1).max(1024))
    .min(1)
    .max(32)
    .describe('A token must be for one of them (`aud`).'),
  algorithms: z
    .array(z.enum(jwtAlgorithms))
    .min(1)
    .max(jwtAlgorithms.length)
    .optional()
    .describe(`How its tokens may be signed. Default: ${defaultAlgorithms.join(', ')}.`),
  keys: keysSchema,
  clockSkew: durationText('How far its clock may be from this one. Default: 30s.').optional(),
  claimHeaders: z
    .array(strict({ claim: z.string().min(1).max(256), header: toldName() }))
    .max(32)
    .optional()
    .describe('Claims that instances are told in headers.'),
});

/** `jwt` of a SecurityPolicy. */
export const jwtSchema = strict({
  header: metadataName()
    .default('authorization')
    .describe('Where the token is; in authorization behind `Bearer`.'),
  forward: z.boolean().default(false).describe('Whether instances get the token, too.'),
  issuers: z
    .array(issuerSchema)
    .min(1)
    .max(16)
    .refine(
      (issuers) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length,
      'an issuer is there twice',
    ),
}).describe('Callers show a JSON Web Token that one of the issuers has signed.');

/** Where keys come from. */
export type KeySource =
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly refreshMs: number;
      readonly timeoutMs: number;
      readonly cooldownMs: number;
    }
  | { readonly kind: 'file'; readonly path: string; readonly cooldownMs: number }
  | { readonly kind: 'inline'; readonly keys: readonly Readonly<Record<string, unknown>>[] };

/** Whose tokens are taken. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  readonly clockSkewMs: number;
  readonly claimHeaders: readonly ClaimHeader[];
}

/** `jwt`, compiled. */
export interface JwtSettings {
  readonly header: string;
  readonly forward: boolean;
  readonly issuers: readonly TokenIssuer[];
}

/** What a policy says of tokens. */
export function compileJwt({ header, forward, issuers }: z.output<typeof jwtSchema>): JwtSettings {
  return {
    header,
    forward,
    issuers: issuers.map((one) => ({
      issuer: one.issuer,
      audiences: one.audiences,
      algorithms: one.algorithms ?? defaultAlgorithms,
      keys: keySourceOf(one.keys),
      clockSkewMs: inMs(one.clockSkew, 30_000),
      claimHeaders: one.claimHeaders ?? [],
    })),
  };
}

function keySourceOf(keys: z.output<typeof keysSchema>): KeySource {
  const cooldownMs = inMs(keys.cooldown, 30_000);
  if (keys.inline !== undefined) return { kind: 'inline', keys: keys.inline.keys };
  if (keys.file !== undefined) return { kind: 'file', path: keys.file, cooldownMs };
  return {
    kind: 'url',
    url: keys.url ?? '',
    refreshMs: inMs(keys.refresh, 600_000),
    timeoutMs: inMs(keys.timeout, 2000),
    cooldownMs,
  };
}

/** Whether nobody can change what comes from there. */
function isPrivate(url: string): boolean {
  return (
    /^https:/i.test(url) ||
    /^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/]|$)/i.test(url)
  );
}

function inMs(text: string | undefined, otherwiseMs: number): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? otherwiseMs;
}
