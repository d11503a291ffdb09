import { type DescField, type DescMessage, type JsonObject } from '@bufbuild/protobuf';
import { type SchemaCollector } from './openapi-schema';
import { findField } from './parameter';
import { type RequestTemplate } from './request-template';
import { type Routable } from './router';

/** A path that is answered by several methods at once, each under a name. */
export interface OpenApiComposite extends Routable {
  readonly operationId: string;
  readonly description: string;
  readonly parts: readonly {
    readonly name: string;
    readonly optional: boolean;
    /** Undefined while the method is not known. */
    readonly method: { readonly input: DescMessage; readonly output: DescMessage } | undefined;
    readonly template: RequestTemplate;
  }[];
}

/** What a composite takes and answers, as an OpenAPI operation has it. */
export interface CompositeSchemas {
  readonly query: readonly JsonObject[];
  /** Undefined when it takes none. */
  readonly body: JsonObject | undefined;
  readonly response: JsonObject;
}

/** The body, as far as references lead into it: what is whole, or what is within. */
interface BodyNode {
  schema: JsonObject | undefined;
  readonly members: Map<string, BodyNode>;
}

/** Describes a composite by the fields that its references are for. */
export function compositeSchemas(
  { parts }: OpenApiComposite,
  schemas: SchemaCollector,
  status: JsonObject,
): CompositeSchemas {
  const query = new Map<string, JsonObject>();
  const body: BodyNode = { schema: undefined, members: new Map() };
  let hasBody = false;
  for (const { template, method } of parts)
    visit(template, method?.input, undefined, (source, path, field) => {
      const schema = field === undefined ? undefined : schemas.ofField(field);
      const name = path.join('.');
      if (source === 'query') query.set(name, schema ?? query.get(name) ?? { type: 'string' });
      if (source !== 'body') return;
      hasBody = true;
      const node = path.reduce(memberNode, body);
      node.schema ??= schema ?? {};
    });
  const optional = parts.some((part) => part.optional);
  const properties = parts.map((part) => [part.name, answerSchema(part, schemas)] as const);
  return {
    query: [...query].map(([name, schema]) => ({ name, in: 'query', schema })),
    body: hasBody ? bodySchema(body) : undefined,
    response: {
      type: 'object',
      properties: {
        ...Object.fromEntries(properties),
        ...(optional ? { errors: { type: 'object', additionalProperties: status } } : {}),
      },
      required: parts.map(({ name }) => name),
      additionalProperties: false,
    },
  };
}

function answerSchema(
  { method, optional }: OpenApiComposite['parts'][number],
  schemas: SchemaCollector,
): JsonObject {
  const schema = method === undefined ? {} : schemas.ofMessage(method.output);
  return optional ? { anyOf: [schema, { type: 'null' }] } : schema;
}

function bodySchema({ schema, members }: BodyNode): JsonObject {
  if (schema !== undefined) return schema;
  const properties = [...members].map(([name, node]) => [name, bodySchema(node)] as const);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function memberNode({ members }: BodyNode, name: string): BodyNode {
  let node = members.get(name);
  if (node === undefined) members.set(name, (node = { schema: undefined, members: new Map() }));
  return node;
}

/** Tells of every reference, and of the field that it is all of the value of. */
function visit(
  template: RequestTemplate,
  message: DescMessage | undefined,
  field: DescField | undefined,
  tell: (source: string, path: readonly string[], field: DescField | undefined) => void,
): void {
  switch (template.kind) {
    case 'constant':
      return;
    case 'reference':
      return tell(template.reference.source, template.reference.path, field);
    case 'text':
      for (const piece of template.pieces)
        if (typeof piece !== 'string') tell(piece.source, piece.path, undefined);
      return;
    case 'list':
      for (const item of template.items) visit(item, undefined, undefined, tell);
      return;
    case 'object':
      for (const [key, value] of template.entries) {
        const member = message && findField(message, [key])?.[0];
        const within = member?.fieldKind === 'message' ? member.message : undefined;
        visit(value, within, member, tell);
      }
  }
}
