import { z } from 'zod';
import { parseGatewayDuration } from '../gateway-duration';
import { strict, unused } from '../strict';
import { documentSchema, gatewayApiGroup, hostname } from './common';
import {
  backendRef,
  filter,
  headerName,
  headerValue,
  matchType,
  routeSpec,
  rule,
} from './grpc-route';

/** Characters of a path in a document (RFC 3986 §3.3); what could be read in two ways is refused, as the Gateway API has it. */
const pathText = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;
const ambiguous = /\/\/|\/\.\.?(?:\/|$)|%2f/i;

const pathMatch = strict({
  type: z.string().default('PathPrefix').describe('Exact or PathPrefix.'),
  value: z
    .string()
    .max(1024)
    .default('/')
    .refine(
      (path) => path.startsWith('/') && pathText.test(path) && !ambiguous.test(path),
      'must be an absolute path without "//", "/./", "/../", "%2F" and characters that paths do not have',
    ),
});

const queryMatch = strict({
  type: matchType(),
  name: headerName().describe('Of the query parameter; upper and lower case differ.'),
  value: z.string().min(1).max(1024),
});

const match = strict({
  path: pathMatch.optional(),
  headers: z
    .array(strict({ type: matchType(), name: headerName(), value: headerValue() }))
    .max(16)
    .optional(),
  queryParams: z.array(queryMatch).max(16).optional(),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])
    .optional(),
});

const pathModifier = strict({
  type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
  replaceFullPath: z.string().max(1024).optional(),
  replacePrefixMatch: z.string().max(1024).optional(),
}).refine(
  ({ type, replaceFullPath, replacePrefixMatch }) =>
    type === 'ReplaceFullPath'
      ? replaceFullPath !== undefined && replacePrefixMatch === undefined
      : replacePrefixMatch !== undefined && replaceFullPath === undefined,
  'must have the field that its type names, and not the other',
);

const preciseHostname = () =>
  hostname().refine((name) => !name.startsWith('*'), 'must not have a wildcard');

const urlRewrite = strict({
  hostname: preciseHostname().optional(),
  path: pathModifier.optional(),
});

const requestRedirect = strict({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: preciseHostname().optional(),
  path: pathModifier.optional(),
  port: z.int().min(1).max(65_535).optional(),
  statusCode: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
    .default(302),
});

const httpFilter = strict({
  ...filter.shape,
  type: z
    .string()
    .describe(
      'RequestHeaderModifier, ResponseHeaderModifier, RequestMirror, RequestRedirect or URLRewrite; the last two of rules only.',
    ),
  requestRedirect: requestRedirect.optional(),
  urlRewrite: urlRewrite.optional(),
  cors: z.unknown().optional(),
  externalAuth: z.unknown().optional(),
});

const filters = () => z.array(httpFilter).max(16).optional();

const gatewayDuration = (meaning: string) =>
  z
    .string()
    .refine(
      (text) => parseGatewayDuration(text) !== undefined,
      'must be a duration such as 250ms, 10s, 1m30s or 1h',
    )
    .describe(meaning);

const timeouts = strict({
  request: gatewayDuration('The longest time of a call; 0s for no limit.').optional(),
  backendRequest: gatewayDuration(
    'The same here, where all attempts of a call are counted together; the shorter one holds.',
  ).optional(),
}).refine(({ request = '0s', backendRequest = '0s' }) => {
  const requestMs = parseGatewayDuration(request) ?? 0;
  return requestMs === 0 || (parseGatewayDuration(backendRequest) ?? 0) <= requestMs;
}, 'backendRequest must not be longer than request');

const httpRule = strict({
  ...rule.shape,
  matches: z.array(match).max(64).optional(),
  filters: filters(),
  backendRefs: z
    .array(strict({ ...backendRef.shape, filters: filters() }))
    .max(16)
    .optional(),
  timeouts: timeouts.optional(),
  retry: unused('calls are made again as the options and BackendPolicy say'),
})
  .refine(
    (one) => !(has(one, 'URLRewrite') && has(one, 'RequestRedirect')),
    'URLRewrite and RequestRedirect exclude each other',
  )
  .refine(
    (one) => !(has(one, 'RequestRedirect') && (one.backendRefs ?? []).length > 0),
    'RequestRedirect answers by itself: there must be no backendRefs beside it',
  )
  .refine(
    ({ filters: own = [], matches = [] }) =>
      !own.some(replacesPrefix) || (matches.length <= 1 && isPrefix(matches[0])),
    'ReplacePrefixMatch needs a rule with one match, whose path is of type PathPrefix',
  );

function has(
  { filters: own = [] }: { readonly filters?: readonly { readonly type: string }[] | undefined },
  type: string,
): boolean {
  return own.some((one) => one.type === type);
}

function replacesPrefix({ urlRewrite: rewrite, requestRedirect: redirect }: HttpFilter): boolean {
  return [rewrite, redirect].some((one) => one?.path?.type === 'ReplacePrefixMatch');
}

function isPrefix(only: z.output<typeof match> | undefined): boolean {
  return (only?.path?.type ?? 'PathPrefix') === 'PathPrefix';
}

/** `HTTPRoute` of the Gateway API. */
export const httpRouteSchema = documentSchema(
  `${gatewayApiGroup}/v1`,
  'HTTPRoute',
  routeSpec(z.array(httpRule).min(1)),
);

/** A validated `HTTPRoute`. */
export type HttpRouteDocument = z.output<typeof httpRouteSchema>;
/** One of its rules. */
export type HttpRule = NonNullable<HttpRouteDocument['spec']['rules']>[number];
/** One of a rule's filters. */
export type HttpFilter = z.output<typeof httpFilter>;
/** One way into a rule. */
export type HttpMatch = z.output<typeof match>;
/** What becomes of a path. */
export type PathModifier = z.output<typeof pathModifier>;
