import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { answersRaw, answersStream, type Binding, isHttpBody, takesStream } from './binding';
import { compositeSchemas, type OpenApiComposite } from './openapi-composite';
import { SchemaCollector } from './openapi-schema';
import { isText, isTextList } from './parameter';
import { type PathTemplate } from './path-template';
import { type Routable } from './router';

/** How deep messages are looked into for query parameters: a message may contain itself. */
const parameterDepthMax = 4;
/** The methods that a path of OpenAPI 3.1 has. */
const openApiMethods = new Set([
  'GET',
  'PUT',
  'POST',
  'DELETE',
  'OPTIONS',
  'HEAD',
  'PATCH',
  'TRACE',
]);

/** What a document is about. */
export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
}

/**
 * An OpenAPI 3.1 document of bindings. Methods without a rule of their own are under POST /package.Service/Method; `*` as an HTTP method
 * has no place in OpenAPI and is left out.
 * @param composites come first: of equal paths the first counts
 */
export function openApiDocument(
  info: OpenApiInfo,
  bindings: readonly Binding[],
  composites: readonly OpenApiComposite[] = [],
): JsonObject {
  const builder = new DocumentBuilder();
  const annotated = new Set(bindings.filter((one) => one.isAnnotated).map(({ method }) => method));
  for (const binding of bindings)
    if (binding.isAnnotated || !annotated.has(binding.method)) builder.add(binding);
  for (const composite of composites.toReversed()) builder.addComposite(composite);
  return {
    openapi: '3.1.0',
    info: { title: info.title, version: info.version },
    ...builder.parts(),
  };
}

class DocumentBuilder {
  private readonly schemas = new SchemaCollector();
  /** By the path with its variables' names left out: OpenAPI takes such paths for the same. */
  private readonly paths = new Map<string, { text: string; names: string[]; item: JsonObject }>();
  private readonly operationIds = new Map<string, number>();
  private readonly tags = new Set<string>();

  parts(): JsonObject {
    const paths = [...this.paths.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
    return {
      tags: [...this.tags].sort().map((name) => ({ name })),
      paths: Object.fromEntries(paths.map(({ text, item }) => [text, item])),
      components: { schemas: { ...this.schemas.components(), 'google.rpc.Status': statusSchema } },
    };
  }

  add(binding: Binding): void {
    if (!openApiMethods.has(binding.httpMethod)) return;
    this.put(binding, (pathParameters) => this.operation(binding, pathParameters));
  }

  addComposite(composite: OpenApiComposite): void {
    this.put(composite, (pathParameters) => this.compositeOperation(composite, pathParameters));
  }

  private put(
    { httpMethod, template }: Routable,
    operation: (pathParameters: JsonObject[]) => JsonObject,
  ): void {
    const named = nameVariables(template);
    let path = this.paths.get(named.shape);
    if (path === undefined) {
      const { text, variables } = named;
      path = { text, names: variables.map(({ name }) => name), item: {} };
      this.paths.set(named.shape, path);
    }
    const { names } = path;
    const pathParameters = named.variables.map(({ segments }, index) =>
      pathParameter(names[index] ?? '', segments),
    );
    path.item[httpMethod.toLowerCase()] = operation(pathParameters);
  }

  private compositeOperation(
    composite: OpenApiComposite,
    pathParameters: JsonObject[],
  ): JsonObject {
    const { query, body, response } = compositeSchemas(composite, this.schemas, statusReference);
    const parameters = [...pathParameters, ...query];
    this.tags.add(compositeTag);
    return {
      operationId: this.operationId(composite.operationId),
      tags: [compositeTag],
      description: composite.description,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body === undefined
        ? {}
        : { requestBody: { content: { 'application/json': { schema: body } } } }),
      responses: responses({ 'application/json': { schema: response } }),
    };
  }

  private operation(binding: Binding, pathParameters: JsonObject[]): JsonObject {
    const { method } = binding;
    const tag = method.parent.typeName;
    this.tags.add(tag);
    const parameters = [...pathParameters, ...this.queryParameters(binding)];
    const requestBody = this.requestBody(binding);
    return {
      operationId: this.operationId(`${method.parent.name}_${method.name}`),
      tags: [tag],
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(requestBody === undefined ? {} : { requestBody }),
      responses: responses(this.responseContent(binding)),
    };
  }

  private operationId(name: string): string {
    const count = (this.operationIds.get(name) ?? 0) + 1;
    this.operationIds.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  }

  private requestBody(binding: Binding): JsonObject | undefined {
    const { body, method } = binding;
    if (body === undefined) return undefined;
    if (isHttpBody(method.input, body)) return { content: { '*/*': {} } };
    const schema = body === '*' ? this.schemas.ofMessage(method.input) : this.schemas.ofField(body);
    if (!takesStream(method)) return { content: { 'application/json': { schema } } };
    return {
      content: {
        'application/json': { schema: { type: 'array', items: schema } },
        'application/x-ndjson': { schema },
      },
    };
  }

  private responseContent(binding: Binding): JsonObject {
    const { method, responseBody } = binding;
    if (answersRaw(binding)) return { '*/*': {} };
    const schema =
      responseBody === undefined
        ? this.schemas.ofMessage(method.output)
        : this.schemas.ofField(responseBody);
    if (!answersStream(method)) return { 'application/json': { schema } };
    return {
      'application/json': { schema: { type: 'array', items: schema } },
      'application/x-ndjson': { schema },
      'text/event-stream': { schema },
    };
  }

  private queryParameters(binding: Binding): JsonObject[] {
    if (binding.body === '*') return [];
    const taken = new Set<string>();
    for (const fields of binding.pathFields.values())
      taken.add(fields.map(({ name }) => name).join('.'));
    const result: JsonObject[] = [];
    const visit = (
      message: DescMessage,
      prefix: string,
      jsonPrefix: string,
      depth: number,
    ): void => {
      for (const field of message.fields) {
        const name = `${prefix}${field.name}`;
        const jsonName = `${jsonPrefix}${field.jsonName}`;
        if (taken.has(name) || field === binding.body) continue;
        if (isText(field) || isTextList(field)) result.push(this.queryParameter(field, jsonName));
        else if (field.fieldKind === 'message' && depth < parameterDepthMax)
          visit(field.message, `${name}.`, `${jsonName}.`, depth + 1);
      }
    };
    visit(binding.method.input, '', '', 1);
    return result;
  }

  private queryParameter(field: DescField, name: string): JsonObject {
    const schema = this.schemas.ofField(field);
    return { name, in: 'query', schema };
  }
}

/** The tag of paths that several methods answer together. */
const compositeTag = 'composite';

function responses(content: JsonObject): JsonObject {
  return {
    '200': { description: 'OK', content },
    default: {
      description: 'The gRPC status of a call that failed.',
      content: { 'application/json': { schema: statusReference } },
    },
  };
}

interface NamedVariable {
  readonly name: string;
  /** As in the template, such as `shelves/*`. */
  readonly segments: string;
}

/** The template in OpenAPI's spelling. */
function nameVariables(template: PathTemplate): {
  text: string;
  shape: string;
  variables: NamedVariable[];
} {
  const variables: NamedVariable[] = [];
  const texts: string[] = [];
  const shapes: string[] = [];
  const add = (name: string, segments: string): void => {
    variables.push({ name, segments });
    texts.push(`{${name}}`);
    shapes.push('{}');
  };
  const { segments } = template;
  for (let index = 0; index < segments.length; index += 1) {
    const variable = template.variables.find(({ start }) => start === index);
    if (variable !== undefined) {
      const end = variable.end ?? segments.length;
      add(variable.fieldPath.join('.'), segments.slice(index, end).map(segmentText).join('/'));
      index = end - 1;
      continue;
    }
    const segment = segments[index];
    if (segment?.kind === 'literal') {
      texts.push(encodeURIComponent(segment.text));
      shapes.push(encodeURIComponent(segment.text));
    } else add(`segment${index + 1}`, segment === undefined ? '*' : segmentText(segment));
  }
  const verb = template.verb === '' ? '' : `:${encodeURIComponent(template.verb)}`;
  return { text: `/${texts.join('/')}${verb}`, shape: `/${shapes.join('/')}${verb}`, variables };
}

function segmentText(segment: PathTemplate['segments'][number]): string {
  if (segment.kind === 'literal') return segment.text;
  return segment.kind === 'any' ? '*' : '**';
}

function pathParameter(name: string, segments: string): JsonObject {
  const description = segments === '*' ? {} : { description: `Segments as in ${segments}.` };
  return { name, in: 'path', required: true, schema: { type: 'string' }, ...description };
}

const statusReference: JsonObject = { $ref: '#/components/schemas/google.rpc.Status' };

const statusSchema: JsonValue = {
  type: 'object',
  properties: {
    code: { type: 'integer', format: 'int32', description: 'A gRPC status code.' },
    message: { type: 'string' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        properties: { '@type': { type: 'string' } },
        required: ['@type'],
        additionalProperties: true,
      },
    },
  },
};
