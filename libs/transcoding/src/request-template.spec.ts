import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { ServiceError } from '@raftway/errors';
import { Library } from '../test/library';
import { type ExactJson, readExactJson } from './json-body';
import {
  checkTemplate,
  fillTemplate,
  parseRequestTemplate,
  referencesIn,
  referenceText,
  type TemplateSources,
  unusedField,
} from './request-template';

const library = new Library();
const inputOf = (method: string) => library.method(method).input;

interface Given {
  readonly path?: Record<string, string>;
  readonly query?: Record<string, string[]>;
  readonly body?: string;
  readonly parts?: Record<string, JsonValue>;
}

function sourcesOf({ path = {}, query = {}, body, parts = {} }: Given): TemplateSources {
  return {
    path: (name) => path[name],
    query: (name) => query[name] ?? [],
    body: body === undefined ? undefined : readExactJson(body),
    part: (name) => parts[name],
  };
}

/** The request message, as JSON, that a template becomes. */
function fill(method: string, template: JsonValue, given: Given = {}): unknown {
  const input = inputOf(method);
  const bytes = fillTemplate(input, parseRequestTemplate(template), sourcesOf(given));
  return toJson(input, fromBinary(input, bytes));
}

function refusal(method: string, template: JsonValue, given: Given): unknown {
  try {
    fill(method, template, given);
  } catch (error) {
    const { codeName, fieldViolations } = ServiceError.from(error);
    return [codeName, fieldViolations[0]?.field];
  }
  return 'nothing was refused';
}

describe('a template of a request', () => {
  it.each<[string, string, JsonValue, Given, unknown]>([
    ['constants', 'GetBook', { name: 'a', full: true }, {}, { name: 'a', full: true }],
    [
      'the path',
      'GetBook',
      { name: '${path.book.name}' },
      { path: { 'book.name': 'x/y' } },
      { name: 'x/y' },
    ],
    [
      'a query, as what the field is',
      'GetBook',
      { full: '${query.full}' },
      { query: { full: ['true'] } },
      { full: true },
    ],
    ['numbers', 'ListBooks', { page_size: '${query.n}' }, { query: { n: ['5'] } }, { pageSize: 5 }],
    [
      'enums and times',
      'ListBooks',
      { like: { genre: '${query.g}', published: '${query.p}' } },
      { query: { g: ['1'], p: ['2020-01-01T00:00:00Z'] } },
      { like: { genre: 'GENRE_NOVEL', published: '2020-01-01T00:00:00Z' } },
    ],
    [
      'all values of a parameter, where the field is repeated',
      'ListBooks',
      { like: { tags: '${query.tag}' } },
      { query: { tag: ['a', 'b'] } },
      { like: { tags: ['a', 'b'] } },
    ],
    [
      'lists that are written out',
      'ListBooks',
      { like: { tags: ['x', '${query.tag}', '${query.none}'] } },
      { query: { tag: ['a'] } },
      { like: { tags: ['x', 'a'] } },
    ],
    [
      'values of the body, whole and within',
      'ListBooks',
      { page_size: '${body.size}', like: '${body.like}' },
      { body: '{"size": 3, "like": {"author": {"full_name": "a"}}}' },
      { pageSize: 3, like: { author: { fullName: 'a' } } },
    ],
    ['all of the body', 'GetBook', '${body}', { body: '{"name": "a"}' }, { name: 'a' }],
    [
      'an item of a list',
      'GetBook',
      { name: '${body.books.1}' },
      { body: '{"books": ["a", "b"]}' },
      { name: 'b' },
    ],
    [
      'every digit of a number',
      'ListBooks',
      { like: { pages: '${body.n}', title: 'no ${body.n}' } },
      { body: '{"n": 9007199254740993}' },
      { like: { pages: '9007199254740993', title: 'no 9007199254740993' } },
    ],
    [
      'another part',
      'GetBook',
      { name: 'shelves/${parts.shelf.id}/books/${path.b}' },
      { parts: { shelf: { id: 7 } }, path: { b: 'x' } },
      { name: 'shelves/7/books/x' },
    ],
    [
      'what is not there: nothing',
      'GetBook',
      { name: 'a ${parts.x.y}', full: '${query.f}' },
      {},
      {},
    ],
    [
      'a dollar',
      'GetBook',
      { name: '$5 $${a} ${path.b}' },
      { path: { b: 'x' } },
      { name: '$5 ${a} x' },
    ],
    ['an escape alone', 'GetBook', { name: '$${a}' }, {}, { name: '${a}' }],
    ['no prototype', 'GetBook', { name: '${body.constructor.name}' }, { body: '{}' }, {}],
  ])('takes %s', (_what, method, template, given, message) => {
    expect(fill(method, template, given)).toEqual(message);
  });

  it.each<[string, string, JsonValue, Given, string]>([
    [
      'a text that is no truth value',
      'GetBook',
      { full: '${query.f}' },
      { query: { f: ['x'] } },
      'query.f',
    ],
    [
      'a parameter twice',
      'GetBook',
      { name: '${query.n}' },
      { query: { n: ['a', 'b'] } },
      'query.n',
    ],
    ['… in a text', 'GetBook', { name: 'a ${query.n}' }, { query: { n: ['a', 'b'] } }, 'query.n'],
    [
      'an object within a text',
      'GetBook',
      { name: 'a ${body.n}' },
      { body: '{"n": {}}' },
      'body.n',
    ],
    ['a field that is unknown', 'ListBooks', { like: '${body}' }, { body: '{"x": 1}' }, 'x'],
    [
      'a text for a message',
      'ListBooks',
      { like: '${query.n}' },
      { query: { n: ['a'] } },
      'query.n',
    ],
  ])('refuses %s', (_what, method, template, given, field) => {
    expect(refusal(method, template, given)).toEqual(['INVALID_ARGUMENT', field]);
  });

  it.each(['${', '${x.y}', '${path}', '${path.}', '${query.a b}', '${}', '${parts.x', '${body.}'])(
    'cannot have %s',
    (text) => {
      expect(() => parseRequestTemplate({ a: [text] })).toThrow(JSON.stringify(text.slice(0, 64)));
    },
  );

  it('says what it refers to', () => {
    const template = parseRequestTemplate({ a: '${body}', b: ['${path.x} ${query.y}', 1], c: 'd' });

    expect(referencesIn(template).map(referenceText)).toEqual(['body', 'path.x', 'query.y']);
  });

  it.each<[string, JsonValue, string | undefined]>([
    ['GetBook', { name: '${path.x}', full: '${query.y}' }, undefined],
    ['ListBooks', { like: { tags: ['${query.x}'], author: { full_name: 'a' } } }, undefined],
    ['GetBook', { nmae: '${path.x}' }, 'nmae is no field of test.GetBookRequest'],
    ['GetBook', { full: 'yes' }, expect.stringContaining('full') as string],
    [
      'ListBooks',
      { like: '${query.x}' },
      '${query.x} is a text, which a message or a map cannot be',
    ],
    ['ListBooks', { like: { author: { name: 1 } } }, expect.stringContaining('name') as string],
  ])('is checked against a message: %s %j', (method, template, problem) => {
    expect(checkTemplate(inputOf(method), parseRequestTemplate(template))).toEqual(problem);
  });

  it.each<[string, ExactJson, string | undefined]>([
    ['${body}', { a: 1, b: [2] }, undefined],
    ['${body.a} ${body.b.c}', { a: { x: 1 }, b: { c: 2 } }, undefined],
    ['${body.b.c}', { b: { c: 2, d: 3 } }, 'b.d'],
    ['${body.a}', { a: 1, z: 2 }, 'z'],
    ['${body.a}', { a: 1, z: {} }, 'z'],
    ['${body.a}', { a: 1, y: { z: 2 } }, 'y'],
    ['${path.a}', {}, undefined],
    ['${path.a}', { a: 1 }, 'a'],
    ['${body.a}', [], undefined],
    ['${body.a}', 5, 'body'],
  ])('takes of a body what %s names', (template, body, unused) => {
    expect(unusedField(body, referencesIn(parseRequestTemplate(template)))).toBe(unused);
  });
});
