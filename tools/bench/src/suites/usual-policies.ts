import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workbench } from '../workbench';

const ISSUER = 'https://bench.invalid';
const AUDIENCE = 'raftway-bench';
const TOKEN_SECONDS = 24 * 3600;
const SCHEMA = join('docs', 'reference', 'gateway-documents.schema.json');

/** What a gateway with the usual policies is started with, and how it is called. */
export interface UsualPolicies {
  /** Its options. */
  readonly options: Readonly<Record<string, string>>;
  /** Headers of each call, `name: value`. */
  readonly headers: readonly string[];
  /** What is on, for people. */
  readonly names: readonly string[];
}

/**
 * The policies that an edge usually has, on for each call: a rule, timeouts, retries, limits, a breaker and metrics by rule, without an access log, as the others
 * have none; JSON Web Tokens and a rate limit as soon as the documents' schema has them.
 *
 * @param service registered, and what it serves
 */
export function usualPolicies(
  bench: Workbench,
  service: string,
  grpcService: string,
): UsualPolicies {
  const schema = readFileSync(join(bench.root, SCHEMA), 'utf8');
  const hasLimits = schema.includes('"rateLimits"');
  const token = schema.includes('"SecurityPolicy"') ? bearerToken() : undefined;
  const documents: unknown[] = [route(service, grpcService), traffic(hasLimits)];
  if (token !== undefined) documents.push(security(token.publicKey));
  const directory = join(bench.directory, 'documents');
  mkdirSync(directory, { recursive: true });
  documents.forEach((document, at) =>
    writeFileSync(join(directory, `${at}.json`), JSON.stringify(document)),
  );
  return {
    options: {
      RAFTWAY_DOCUMENTS: directory,
      RAFTWAY_RETRY_METHODS: `${grpcService}/*`,
      RAFTWAY_RETRY_PER_TRY_TIMEOUT: '5s',
      RAFTWAY_BREAKER_ERROR_PERCENT: '50',
      RAFTWAY_BACKEND_REQUESTS_MAX: '4096',
      RAFTWAY_BACKEND_PENDING_MAX: '1024',
    },
    headers: token === undefined ? [] : [`authorization: Bearer ${token.text}`],
    names: [
      ...['a rule of a GRPCRoute', 'timeouts', 'retries under a budget with a time per attempt'],
      ...['a limit of calls under way with a queue', 'a breaker', 'metrics by rule'],
      ...(token === undefined ? [] : ['JSON Web Tokens (ES256)']),
      ...(hasLimits ? ['a rate limit'] : []),
    ],
  };
}

const api = 'gateway.raftway.dev/v1';
const targetRefs = [{ kind: 'GRPCRoute', name: 'bench' }];

function route(service: string, grpcService: string): unknown {
  const rule = {
    name: 'all',
    matches: [{ method: { service: grpcService } }],
    backendRefs: [{ name: service }],
  };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: { name: 'bench' },
    spec: { rules: [rule] },
  };
}

function traffic(hasLimits: boolean): unknown {
  const timeouts = { default: '30s', max: '1m', streamIdle: '5m' };
  // Far above what is reached: what a limit costs is wanted, and not what it refuses.
  const rateLimits = [{ name: 'all', requests: 10_000_000, per: '1s' }];
  return {
    apiVersion: api,
    kind: 'TrafficPolicy',
    metadata: { name: 'bench' },
    spec: { targetRefs, timeouts, ...(hasLimits ? { rateLimits } : {}) },
  };
}

function security(publicKey: Readonly<Record<string, unknown>>): unknown {
  const issuer = {
    issuer: ISSUER,
    audiences: [AUDIENCE],
    algorithms: ['ES256'],
    keys: { inline: { keys: [publicKey] } },
  };
  return {
    apiVersion: api,
    kind: 'SecurityPolicy',
    metadata: { name: 'bench' },
    spec: { targetRefs, jwt: { issuers: [issuer] } },
  };
}

/** A token, and the key that it is checked with. */
function bearerToken() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = 'bench';
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ iss: ISSUER, aud: AUDIENCE, sub: 'bench' },
    ...{ iat: nowSeconds, exp: nowSeconds + TOKEN_SECONDS },
  };
  const signed = `${encoded({ alg: 'ES256', kid })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return {
    text: `${signed}.${signature.toString('base64url')}`,
    publicKey: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' },
  };
}

function encoded(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
