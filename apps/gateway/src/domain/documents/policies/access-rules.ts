import { z } from 'zod';
import { type GrpcPath } from '../../grpc-path';
import { type AccessRule, AccessRules } from '../../security/access-rules';
import { type CallIdentity, claimValues } from '../../call-identity';
import { namePattern, wildcardsMax } from '../../security/name-pattern';
import { sectionName } from '../kinds/common';
import { strict } from '../strict';
import { certificateName } from './client-certificates';

const pattern = (meaning: string) =>
  z
    .string()
    .min(1)
    .max(512)
    .refine(
      (text) => (text.match(/\*+/g) ?? []).length <= wildcardsMax && !text.includes('***'),
      `may have ${wildcardsMax} wildcards, * or **`,
    )
    .describe(`${meaning} * stands for one part of a name (between slashes), ** for anything.`);

const principal = strict({
  jwt: strict({
    issuer: z.string().min(1).max(1024).optional(),
    subject: pattern('The `sub`.').optional(),
    claims: z
      .record(z.string().min(1).max(256), z.array(z.string().max(1024)).min(1).max(64))
      .optional()
      .describe('Each claim must have one of its values; paths have dots (realm_access.roles).'),
  }).optional(),
  apiKey: strict({ id: pattern('The id of the key.').optional() }).optional(),
  certificate: strict({ name: certificateName().optional() }).optional(),
  authenticated: z.literal(true).optional().describe('Whoever has shown who it is.'),
  anonymous: z.literal(true).optional().describe('Whoever has shown nothing.'),
  anyone: z.literal(true).optional(),
}).refine(
  (fields) => Object.values(fields).filter((field) => field !== undefined).length === 1,
  'one of jwt, apiKey, certificate, authenticated, anonymous and anyone must be given',
);

const identifier = '[A-Za-z_][A-Za-z0-9_]*';
const methodText = new RegExp(
  `^(?:\\*|(?:${identifier}\\.)+\\*|${identifier}(?:\\.${identifier})*/(?:\\*|${identifier}))$`,
);

const rule = strict({
  name: sectionName().describe('What refusals call it.'),
  action: z.enum(['ALLOW', 'DENY']).default('ALLOW'),
  principals: z.array(principal).min(1).max(64),
  methods: z
    .array(
      z
        .string()
        .max(1024)
        .regex(methodText, 'must be package.Service/Method, package.Service/*, package.* or *'),
    )
    .min(1)
    .max(256)
    .default(['*'])
    .describe('package.Service/Method, package.Service/*, package.* with what is below it, or *.'),
});

/** `rules` of a SecurityPolicy. */
export const accessRulesSchema = z
  .array(rule)
  .min(1)
  .max(256)
  .refine(
    (rules) => new Set(rules.map(({ name }) => name)).size === rules.length,
    'two rules have one name',
  )
  .refine(
    (rules) => rules.some(({ action }) => action === 'ALLOW'),
    'no rule allows anything: what none allows is denied',
  )
  .describe('Who may call what. A DENY wins over any ALLOW; what no rule allows is denied.');

type Rules = z.output<typeof accessRulesSchema>;
type Principal = z.output<typeof principal>;

/** What a policy says of who may call what. */
export function compileAccessRules(rules: Rules): AccessRules {
  return new AccessRules(rules.map(compileRule));
}

/** Ways to show who one is that rules count on. */
export function principalTypes(rules: Rules): ReadonlySet<'jwt' | 'apiKey' | 'certificate'> {
  const types = (['jwt', 'apiKey', 'certificate'] as const).filter((type) =>
    rules.some(({ principals }) => principals.some((one) => one[type] !== undefined)),
  );
  return new Set(types);
}

function compileRule({ name, action, principals, methods }: Rules[number]): AccessRule {
  const callers = principals.map(callerTest);
  const paths = methods.map(methodTest);
  return {
    name,
    isAllowed: action === 'ALLOW',
    isForMethod: (path) => paths.some((test) => test(path)),
    isForCaller: (identity) => callers.some((test) => test(identity)),
  };
}

function methodTest(text: string): (path: GrpcPath) => boolean {
  if (text === '*') return () => true;
  const [service = '', method] = text.split('/');
  if (method === undefined) {
    const prefix = service.slice(0, -1);
    return ({ grpcService }) => grpcService.startsWith(prefix);
  }
  if (method === '*') return ({ grpcService }) => grpcService === service;
  return (path) => path.grpcService === service && path.method === method;
}

function callerTest({ jwt, apiKey, certificate, authenticated, anyone }: Principal) {
  if (jwt !== undefined) return tokenTest(jwt);
  if (apiKey !== undefined) return nameTest('api-key', apiKey.id);
  if (certificate !== undefined) return nameTest('certificate', certificate.name);
  if (anyone) return () => true;
  if (authenticated) return ({ type }: CallIdentity) => type !== 'anonymous';
  return ({ type }: CallIdentity) => type === 'anonymous';
}

function tokenTest({ issuer, subject, claims = {} }: NonNullable<Principal['jwt']>) {
  const isSubject = subject === undefined ? () => true : namePattern(subject);
  const wanted = Object.entries(claims);
  return (identity: CallIdentity): boolean =>
    identity.type === 'jwt' &&
    (issuer === undefined || identity.issuer === issuer) &&
    isSubject(identity.principal ?? '') &&
    wanted.every(([name, values]) =>
      claimValues(identity.claims, name).some((value) => values.includes(value)),
    );
}

function nameTest(type: CallIdentity['type'], text: string | undefined) {
  const isName = text === undefined ? () => true : namePattern(text);
  return (identity: CallIdentity): boolean =>
    identity.type === type && isName(identity.principal ?? '');
}
