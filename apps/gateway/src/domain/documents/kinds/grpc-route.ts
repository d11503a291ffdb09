import { z } from 'zod';
import { requestMirrorSchema } from '../request-mirror';
import { sessionPersistenceSchema } from '../session-persistence';
import { strict, unused } from '../strict';
import {
  documentSchema,
  gatewayApiGroup,
  hostname,
  namespaceName,
  objectName,
  sectionName,
} from './common';

/** Matches of all rules of one route, as the Gateway API has it. */
const matchesMax = 128;

/** The name of a header in a document. */
export const headerName = () =>
  z
    .string()
    .max(256)
    .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be the name of an HTTP header');
/** The value of a header in a document. */
export const headerValue = () => z.string().min(1).max(4096);

/** How something is compared. */
export const matchType = () =>
  z.string().default('Exact').describe('Exact is what this gateway knows.');

const methodMatch = strict({
  type: matchType(),
  service: z.string().max(1024).optional().describe('Full name, such as helloworld.Greeter.'),
  method: z.string().max(1024).optional(),
}).refine(({ service, method }) => (service ?? '') !== '' || (method ?? '') !== '', {
  message: 'one of service and method must be given',
});

const match = strict({
  method: methodMatch.optional(),
  headers: z
    .array(strict({ type: matchType(), name: headerName(), value: headerValue() }))
    .max(16)
    .optional(),
});

const header = strict({ name: headerName(), value: headerValue() });

const headerModifier = strict({
  set: z.array(header).max(16).optional(),
  add: z.array(header).max(16).optional(),
  remove: z.array(headerName()).max(16).optional(),
});

/** A filter; an HTTPRoute has further ones. */
export const filter = strict({
  type: z.string().describe('RequestHeaderModifier, ResponseHeaderModifier or RequestMirror.'),
  requestHeaderModifier: headerModifier.optional(),
  responseHeaderModifier: headerModifier.optional(),
  requestMirror: requestMirrorSchema.optional(),
  extensionRef: z.unknown().optional(),
});

const filters = () => z.array(filter).max(16).optional();

/** Where a rule sends calls. */
export const backendRef = strict({
  group: z.string().max(253).default(''),
  kind: z.string().min(1).max(63).default('Service'),
  name: z.string().min(1).max(253).describe('Of a registered service.'),
  namespace: namespaceName().optional(),
  port: unused('instances register their own addresses'),
  weight: z.int().min(0).max(1_000_000).default(1),
  filters: filters(),
});

/** What rules of all kinds of routes have. */
export const rule = strict({
  name: sectionName().optional(),
  matches: z.array(match).max(64).optional(),
  filters: filters(),
  backendRefs: z.array(backendRef).max(16).optional(),
  sessionPersistence: sessionPersistenceSchema.optional(),
});

/** What routes of all kinds attach to. */
const parentRef = strict({
  group: z.string().max(253).default(gatewayApiGroup),
  kind: z.string().min(1).max(63).default('Gateway'),
  namespace: namespaceName().optional(),
  name: objectName(),
  sectionName: sectionName().optional().describe('One listener; left out, all of them.'),
  port: unused('the gateway has one port'),
});

/** A rule of any kind of route, as far as all of them are looked at together. */
interface NamedRule {
  readonly name?: string | undefined;
  readonly matches?: readonly unknown[] | undefined;
}

/** The spec of a route of any kind, with the rules of its kind. */
export function routeSpec<Rule extends z.ZodType<NamedRule>>(rules: z.ZodArray<Rule>) {
  return strict({
    parentRefs: z.array(parentRef).max(32).optional(),
    hostnames: z.array(hostname()).max(16).optional(),
    rules: rules
      .max(16)
      .refine(
        (rules) => rules.reduce((sum, { matches = [] }) => sum + matches.length, 0) <= matchesMax,
        `all rules together may have ${matchesMax} matches`,
      )
      .refine((rules) => {
        const names = rules.flatMap(({ name }) => name ?? []);
        return new Set(names).size === names.length;
      }, 'two rules have one name')
      .optional(),
    useDefaultGateways: unused('a route without parentRefs is attached to the gateway'),
  });
}

/** `GRPCRoute` of the Gateway API. */
export const grpcRouteSchema = documentSchema(
  `${gatewayApiGroup}/v1`,
  'GRPCRoute',
  routeSpec(z.array(rule)),
);

/** A validated `GRPCRoute`. */
export type GrpcRouteDocument = z.output<typeof grpcRouteSchema>;
/** One of its rules. */
export type GrpcRule = NonNullable<GrpcRouteDocument['spec']['rules']>[number];
/** One of a rule's filters. */
export type Filter = NonNullable<GrpcRule['filters']>[number];
/** Where a rule sends calls. */
export type BackendRef = NonNullable<GrpcRule['backendRefs']>[number];
/** What a route attaches to. */
export type ParentRef = NonNullable<GrpcRouteDocument['spec']['parentRefs']>[number];
/** Changes of headers, as documents spell them. */
export type HeaderModifier = z.output<typeof headerModifier>;
