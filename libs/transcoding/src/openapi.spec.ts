import { type JsonObject } from '@bufbuild/protobuf';
import { spawnSync } from 'node:child_process';
import { Library } from '../test/library';
import { openApiDocument } from './openapi';
import { parsePathTemplate } from './path-template';
import { parseRequestTemplate } from './request-template';

const library = new Library();
const info = { title: 'Library', version: '1' };

/** Reads documents, an array, from standard input, and writes what the validator says of each. It is an ES module, which Jest does not load. */
const validation = `
  import { Validator } from '@seriousme/openapi-schema-validator';
  import { text } from 'node:stream/consumers';
  const documents = JSON.parse(await text(process.stdin));
  const results = [];
  for (const document of documents) results.push(await new Validator().validate(document));
  console.log(JSON.stringify(results));
`;

function validate(documents: JsonObject[]): unknown {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', validation],
    { cwd: __dirname, input: JSON.stringify(documents), encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const services = [
  'test.Library',
  'helloworld.Greeter',
  'raftway.lock.v1.LockService',
  'raftway.id.v1.IdService',
  'raftway.registry.v1.RegistryService',
];

describe('the OpenAPI document', () => {
  it('is valid', () => {
    const documents = services.map((name) => openApiDocument(info, library.bindings(name)));
    expect(validate(documents)).toEqual(services.map(() => ({ valid: true })));
    expect(validate([{ ...documents[0], paths: { x: {} } }])).toMatchObject([{ valid: false }]);
  });

  it('has paths that several methods answer together', () => {
    const composite = {
      httpMethod: 'POST',
      template: parsePathTemplate('/v1/overview/{id}'),
      operationId: 'overview',
      description: 'Two of them.',
      parts: [
        {
          name: 'books',
          optional: true,
          method: library.method('ListBooks'),
          template: parseRequestTemplate({ page_size: '${query.n}', like: '${body.like}' }),
        },
        {
          name: 'unknown',
          optional: false,
          method: undefined,
          template: parseRequestTemplate({ id: '${path.id} ${body.a.b}' }),
        },
      ],
    };
    const document = openApiDocument(info, library.bindings(), [composite]);

    expect(validate([document])).toEqual([{ valid: true }]);
    expect(document['paths']).toMatchObject({
      '/v1/overview/{id}': {
        post: {
          operationId: 'overview',
          parameters: [
            { name: 'id', in: 'path' },
            { name: 'n', in: 'query', schema: { type: 'integer' } },
          ],
          requestBody: {
            content: {
              'application/json': {
                schema: {
                  properties: {
                    like: { $ref: '#/components/schemas/test.Book' },
                    a: { properties: { b: {} } },
                  },
                },
              },
            },
          },
          responses: {
            200: {
              content: {
                'application/json': {
                  schema: { required: ['books', 'unknown'], properties: { errors: {} } },
                },
              },
            },
          },
        },
      },
    });
  });

  it('says what a method takes and gives', () => {
    const document = openApiDocument(info, library.bindings());
    const paths = document['paths'] as Record<string, Record<string, JsonObject>>;
    expect(Object.keys(paths)).toEqual(
      [
        '/test.Library/Plain',
        '/v1/books',
        '/v1/books/{name}',
        '/v1/books/{name}:rename',
        '/v1/books:upload',
        '/v1/books:watch',
        '/v1/files/{path}',
        '/v1/search',
        '/v1/{name}',
        '/v1/{parent}/books',
      ].sort(),
    );
    expect(paths['/v1/books:watch']?.['get']?.['responses']).toMatchObject({
      200: {
        content: {
          'application/json': {
            schema: { type: 'array', items: { $ref: '#/components/schemas/test.Book' } },
          },
          'text/event-stream': { schema: { $ref: '#/components/schemas/test.Book' } },
        },
      },
    });
    expect(paths['/v1/{parent}/books']?.['post']).toMatchObject({
      operationId: 'Library_CreateBook',
      parameters: [
        { name: 'parent', in: 'path', description: 'Segments as in shelves/*.' },
        { name: 'requestId', in: 'query' },
      ],
      requestBody: {
        content: { 'application/json': { schema: { $ref: '#/components/schemas/test.Book' } } },
      },
    });
    const { schemas } = document['components'] as { schemas: Record<string, JsonObject> };
    expect(schemas['test.Book']).toMatchObject({
      properties: {
        pages: { type: 'string', format: 'int64' },
        author: { $ref: '#/components/schemas/test.Author' },
      },
    });
  });
});
