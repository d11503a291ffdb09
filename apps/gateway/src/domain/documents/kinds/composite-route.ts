import { type JsonObject } from '@bufbuild/protobuf';
import { parseDuration } from '@raftway/config';
import {
  parsePathTemplate,
  parseRequestTemplate,
  type PathTemplate,
  referencesIn,
  referenceText,
  type RequestTemplate,
  type TemplateReference,
} from '@raftway/transcoding';
import { z } from 'zod';
import { parseGrpcPath } from '../../grpc-path';
import { strict } from '../strict';
import { documentSchema, durationText, hostname, raftwayGroup } from './common';

/** Parts of one route: as many calls come of one request. */
const partsMax = 16;
/** Characters of a request, as JSON. */
const requestCharactersMax = 65_536;

/** Paths that the gateway answers itself. */
const ownPaths = ['/livez', '/openapi.json'];

const headerName = () =>
  z
    .string()
    .max(256)
    .regex(/^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be the name of a header, in lower case');

const cache = strict({
  ttl: z
    .string()
    .refine((text) => {
      const milliseconds = parseDuration(text);
      return milliseconds !== undefined && milliseconds >= 1 && milliseconds <= 3_600_000;
    }, 'must be a duration from 1ms to 1h')
    .describe('How long an answer is given again.'),
  maxBytes: z
    .int()
    .min(1024)
    .max(67_108_864)
    .default(1_048_576)
    .describe('Of all answers that are kept for this part; those that are oldest go first.'),
  keyHeaders: z
    .array(headerName())
    .max(16)
    .optional()
    .describe(
      'Headers by which callers are told apart, beside the request. Left out: all of them but tracing and what browsers say of themselves. An answer that is kept reaches no instance, and no policy.',
    ),
}).describe(
  'Successful answers are given again to the same request; requests at one time are one call.',
);

const part = strict({
  name: z
    .string()
    .max(63)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and "_", not a digit first')
    .refine((name) => name !== 'errors', 'must not be errors, where failed parts are told')
    .refine((name) => name !== '__proto__', 'must not be __proto__')
    .describe('What its answer is called.'),
  call: z
    .string()
    .max(1024)
    .refine((call) => parseGrpcPath(`/${call}`) !== undefined, 'must be package.Service/Method')
    .describe('A unary method, such as helloworld.Greeter/SayHello.'),
  request: z
    .record(z.string(), z.unknown())
    .refine(
      (request) => JSON.stringify(request).length <= requestCharactersMax,
      `must have at most ${requestCharactersMax} characters as JSON`,
    )
    .superRefine((request, context) => {
      try {
        templateOf(request);
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: error instanceof Error ? error.message : String(error),
        });
      }
    })
    .default({})
    .describe(
      'JSON of its request, with ${path.x}, ${query.x}, ${body.x} and ${parts.x} of a part above. What refers to something that is not there is left out.',
    ),
  timeout: durationText('How long it may take. Default: as long as the request.').optional(),
  optional: z
    .boolean()
    .default(false)
    .describe('Whether the answer does without it when it fails: null, with its status in errors.'),
  cache: cache.optional(),
});

type Part = z.output<typeof part>;

/** `CompositeRoute`: one path that several unary methods answer together. */
export const compositeRouteSchema = documentSchema(
  `${raftwayGroup}/v1`,
  'CompositeRoute',
  strict({
    hostnames: z.array(hostname()).max(16).optional().describe('Left out, all of them.'),
    method: z.enum(['GET', 'POST']).default('GET'),
    path: z
      .string()
      .max(1024)
      .superRefine((text, context) => {
        const message = pathProblem(text);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .describe(
        'As in google.api.http: /v1/users/{id}, {name=shelves/*/books/*}, {rest=**}, :verb.',
      ),
    timeout: durationText('How long all parts together may take.').optional(),
    parts: z
      .array(part)
      .min(1)
      .max(partsMax)
      .refine(
        (parts) => new Set(parts.map(({ name }) => name)).size === parts.length,
        'two parts have one name',
      ),
  }).superRefine(({ method, path, parts }, context) => {
    const template = pathOf(path);
    if (template === undefined) return;
    const variables = template.variables.map(({ fieldPath }) => fieldPath.join('.'));
    parts.forEach((one, index) => {
      const before = parts.slice(0, index).map(({ name }) => name);
      for (const reference of referencesOf(one)) {
        const problem = referenceProblem(reference, method, variables, before);
        if (problem !== undefined)
          context.addIssue({
            code: 'custom',
            path: ['parts', index, 'request'],
            message: `\${${referenceText(reference)}} ${problem}`,
          });
      }
    });
  }),
);

/** A validated `CompositeRoute`. */
export type CompositeRouteDocument = z.output<typeof compositeRouteSchema>;
/** One of its parts. */
export type CompositePart = CompositeRouteDocument['spec']['parts'][number];

function pathProblem(text: string): string | undefined {
  let template: PathTemplate;
  try {
    template = parsePathTemplate(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (ownPaths.includes(text)) return `${text} is the gateway's own`;
  return template.segments[0]?.kind === 'literal'
    ? undefined
    : 'must begin with a segment that is written out: other paths would lead here instead of to their services';
}

function pathOf(text: string): PathTemplate | undefined {
  return pathProblem(text) === undefined ? parsePathTemplate(text) : undefined;
}

/** What was YAML or JSON becomes a template. @throws Error that says which reference is wrong */
export function templateOf(request: CompositePart['request']): RequestTemplate {
  return parseRequestTemplate(request as JsonObject);
}

/** None where the request itself is wrong, which is told already. */
function referencesOf({ request }: Part): TemplateReference[] {
  try {
    return referencesIn(templateOf(request));
  } catch {
    return [];
  }
}

function referenceProblem(
  { source, path }: TemplateReference,
  method: 'GET' | 'POST',
  variables: readonly string[],
  before: readonly string[],
): string | undefined {
  switch (source) {
    case 'path':
      return variables.includes(path.join('.')) ? undefined : 'is no variable of the path';
    case 'parts':
      return before.includes(path[0] ?? '') ? undefined : 'is no part above this one';
    case 'body':
      return method === 'POST' ? undefined : 'needs the method POST: a GET has no body';
    case 'query':
      return undefined;
  }
}
