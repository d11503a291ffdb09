import { type DescField, fromBinary, toJson } from '@bufbuild/protobuf';
import { ServiceError } from '@raftway/errors';
import { Library } from '../test/library';
import { bindRule } from './binding';
import { buildRequest, type RequestSettings } from './request';
import { Router } from './router';

const library = new Library();
const router = new Router(library.bindings());

interface Sent {
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly settings?: RequestSettings;
}

/** The request message, as JSON, that `GET /path?query` becomes. */
function build(
  request: string,
  { body = '', contentType = '', settings = {} }: Sent = {},
): unknown {
  const [httpMethod = '', target = ''] = request.split(' ');
  const [path = '', query = ''] = target.split('?');
  const match = router.match(httpMethod, path);
  if (match.kind !== 'found') throw new Error(`${request}: ${match.kind}`);
  const bytes = buildRequest(
    match.target,
    { values: match.values, query, body: Buffer.from(body), contentType },
    { registry: library.registry, ...settings },
  );
  const { input } = match.target.method;
  return toJson(input, fromBinary(input, bytes), { registry: library.registry });
}

function refusal(request: string, sent: Sent = {}): unknown {
  try {
    build(request, sent);
  } catch (error) {
    const { codeName, fieldViolations } = ServiceError.from(error);
    return [codeName, fieldViolations[0]?.field, fieldViolations[0]?.description];
  }
  return 'nothing was refused';
}

describe('requests from path and query', () => {
  it.each<[string, unknown]>([
    ['GET /v1/shelves/a/books/b', { name: 'shelves/a/books/b' }],
    ['GET /v1/books/b', { name: 'b' }],
    ['HEAD /v1/books/b', { name: 'b' }],
    ['GET /v1/books/b?full=true', { name: 'b', full: true }],
    ['GET /v1/books?page_size=5', { pageSize: 5 }],
    ['GET /v1/books?pageSize=5', { pageSize: 5 }],
    ['GET /v1/books?like.author.full_name=a+b%20c', { like: { author: { fullName: 'a b c' } } }],
    ['GET /v1/search?many=1&many=-2', { many: ['1', '-2'] }],
    [
      'GET /v1/search?nested.int32_value=1&nested.boolValue=true',
      { nested: { int32Value: 1, boolValue: true } },
    ],
    ['GET /v1/search?int64_value=-9223372036854775808', { int64Value: '-9223372036854775808' }],
    ['GET /v1/search?uint64_value=18446744073709551615', { uint64Value: '18446744073709551615' }],
    ['GET /v1/search?double_value=NaN', { doubleValue: 'NaN' }],
    ['GET /v1/search?double_value=-Infinity', { doubleValue: '-Infinity' }],
    ['GET /v1/search?float_value=1.5e3', { floatValue: 1500 }],
    ['GET /v1/search?genre=GENRE_NOVEL', { genre: 'GENRE_NOVEL' }],
    ['GET /v1/search?genre=1', { genre: 'GENRE_NOVEL' }],
    ['GET /v1/search?bytes_value=%2B%2F8%3D', { bytesValue: '+/8=' }],
    ['GET /v1/search?bytes_value=-_8', { bytesValue: '+/8=' }],
    ['GET /v1/search?bytes_value=+/8', { bytesValue: '+/8=' }],
    ['GET /v1/search?time=2024-02-29T12:00:00.5Z', { time: '2024-02-29T12:00:00.500Z' }],
    ['GET /v1/search?duration=1.5s', { duration: '1.500s' }],
    ['GET /v1/search?mask=a.bC,d', { mask: 'a.bC,d' }],
    ['GET /v1/search?wrapped_int64=9007199254740993', { wrappedInt64: '9007199254740993' }],
    ['GET /v1/search?wrapped_string=', { wrappedString: '' }],
    ['GET /v1/search?wrapped_bool=false', { wrappedBool: false }],
    ['GET /v1/search?text=', { text: '' }],
    ['GET /v1/search?&string_value=a%26b%3Dc&', { stringValue: 'a&b=c' }],
    ['GET /v1/files/a/b.txt', { path: 'a/b.txt' }],
  ])('%s', (request, expected) => {
    expect(build(request)).toEqual(expected);
  });

  it.each([
    ['GET /v1/books/b?ful=true', 'ful', 'is no field of test.GetBookRequest'],
    ['GET /v1/books?like.x=1', 'like.x', 'is no field of test.ListBooksRequest'],
    ['GET /v1/books?page_size.x=1', 'page_size.x', 'is no field of test.ListBooksRequest'],
    ['GET /v1/books?like=1', 'like', 'is a message or a map, which no parameter can be'],
    ['GET /v1/search?by_name=1', 'by_name', 'is a message or a map, which no parameter can be'],
    ['GET /v1/books?page_size=1&pageSize=2', 'page_size', 'is given 2 times, and is not repeated'],
    ['GET /v1/books/b?name=c', 'name', 'is given by the path and the query'],
    [
      'GET /v1/search?int32_value=2147483648',
      'int32_value',
      'expected number (int32): 2147483648 out of range',
    ],
    [
      'GET /v1/search?uint32_value=-1',
      'uint32_value',
      'must be a whole number of 0 or more, got "-1"',
    ],
    ['GET /v1/search?int32_value=1.5', 'int32_value', 'must be a whole number, got "1.5"'],
    ['GET /v1/search?int32_value=', 'int32_value', 'must be a whole number, got ""'],
    ['GET /v1/search?double_value=1,5', 'double_value', 'must be a number, got "1,5"'],
    ['GET /v1/search?bool_value=1', 'bool_value', 'must be true or false, got "1"'],
    ['GET /v1/search?genre=POEM', 'query', 'is no test.Genre: "POEM"'],
    ['GET /v1/search?text=a&number=1', 'choice', 'oneof set multiple times'],
    ['GET /v1/search?string_value=%ff', 'query', 'must be percent-encoded UTF-8, got "%ff"'],
    ['GET /v1/search?time=yesterday', 'query', 'Timestamp'],
  ])('refuses %s', (request, field, description) => {
    expect(refusal(request)).toEqual([
      'INVALID_ARGUMENT',
      expect.stringContaining(field),
      expect.stringContaining(description),
    ]);
  });

  it('drops unknown parameters where that is wanted', () => {
    const settings = { ignoreUnknownParameters: true };
    expect(build('GET /v1/books/b?x=1&full=true', { settings })).toEqual({ name: 'b', full: true });
  });
});

describe('requests with a body', () => {
  it.each<[string, string, unknown]>([
    ['POST /v1/shelves/a/books', '{"title":"t"}', { parent: 'shelves/a', book: { title: 't' } }],
    ['POST /v1/shelves/a/books?request_id=r', '', { parent: 'shelves/a', requestId: 'r' }],
    [
      'PATCH /v1/books/n',
      '{"book":{"title":"t"},"mask":"title"}',
      { book: { name: 'n', title: 't' }, mask: 'title' },
    ],
    ['PATCH /v1/books/n', '{"book":{"name":"n"}}', { book: { name: 'n' } }],
    ['POST /v1/books/n:rename', '"m"', { name: 'n', newName: 'm' }],
    ['POST /v1/books/n:rename', ' "m" ', { name: 'n', newName: 'm' }],
    ['POST /test.Library/Plain', '', {}],
    [
      'POST /test.Library/Plain',
      '{"int32_value":1,"int64Value":"2"}',
      { int32Value: 1, int64Value: '2' },
    ],
    [
      'POST /test.Library/Plain',
      '{"many":[1,"2"],"byName":{"a":3}}',
      { many: ['1', '2'], byName: { a: '3' } },
    ],
    [
      'POST /test.Library/Plain',
      '{"doubleValue":"NaN","floatValue":"Infinity"}',
      { doubleValue: 'NaN', floatValue: 'Infinity' },
    ],
    ['POST /test.Library/Plain', '{"bytesValue":"-_8"}', { bytesValue: '+/8=' }],
    ['POST /test.Library/Plain', '{"anyJson":{"a":[1,null]}}', { anyJson: { a: [1, null] } }],
    [
      'POST /test.Library/Plain',
      '{"any":{"@type":"type.googleapis.com/test.Book","title":"t"}}',
      { any: { '@type': 'type.googleapis.com/test.Book', title: 't' } },
    ],
    ['POST /test.Library/GetBook', '{"name":"x"}', { name: 'x' }],
  ])('%s %s', (request, body, expected) => {
    expect(build(request, { body })).toEqual(expected);
  });

  it.each([
    ['POST /test.Library/Plain', '{', 'body', 'JSON'],
    ['POST /test.Library/Plain', '[]', 'body', 'is no test.Scalars: Array'],
    ['POST /test.Library/Plain', 'null', 'body', 'is no test.Scalars: null'],
    ['POST /test.Library/Plain', '{"int32Value":1,"int32Value":2}', 'body', 'int32Value'],
    [
      'POST /test.Library/Plain',
      '{"int32Value":1,"int32_value":2}',
      'int32_value',
      'set multiple times',
    ],
    ['POST /test.Library/Plain', '{"stringValue":1}', 'string_value', 'expected string'],
    ['POST /test.Library/Plain', '{"nested":{"nope":1}}', 'nope', 'is no field of test.Scalars'],
    ['POST /test.Library/Plain?int32_value=1', '{}', 'int32_value', 'the body has it'],
    ['POST /v1/shelves/a/books?book.title=x', '{}', 'book.title', 'the body has it'],
    ['POST /v1/books/n:rename', '"m","name":"k"', 'body', 'JSON'],
    [
      'PATCH /v1/books/n',
      '{"book":{"name":"other"}}',
      'book.name',
      'given otherwise by the body than by the path',
    ],
    ['GET /v1/books', '{}', 'body', 'must be empty, got 2 bytes'],
  ])('refuses %s %s', (request, body, field, description) => {
    expect(refusal(request, { body })).toEqual([
      'INVALID_ARGUMENT',
      expect.stringContaining(field),
      expect.stringContaining(description),
    ]);
  });

  it('refuses bytes that are no UTF-8', () => {
    const body = new Uint8Array([0x22, 0xff, 0x22]);
    expect(refusal('POST /test.Library/Plain', { body })).toEqual([
      'INVALID_ARGUMENT',
      'body',
      'must be UTF-8',
    ]);
  });

  it('refuses messages that are nested too deeply, and brackets without an end', () => {
    const deep = (depth: number): string => `${'{"nested":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    expect(build('POST /test.Library/Plain', { body: deep(50) })).toBeDefined();
    expect(refusal('POST /test.Library/Plain', { body: deep(200) })).toEqual(
      expect.arrayContaining([expect.stringContaining('maximum recursion depth')]),
    );
    const brackets = `{"anyJson":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect(refusal('POST /test.Library/Plain', { body: brackets })).toEqual(
      expect.arrayContaining(['INVALID_ARGUMENT']),
    );
  });

  it('drops unknown fields where that is wanted', () => {
    const settings = { ignoreUnknownFields: true };
    expect(build('POST /test.Library/Plain', { body: '{"x":1,"int32Value":2}', settings })).toEqual(
      { int32Value: 2 },
    );
  });

  it('takes bytes as they are for an HttpBody', () => {
    const body = new Uint8Array([0, 0xff, 10]);
    expect(build('PUT /v1/files/a/b', { body, contentType: 'image/png' })).toEqual({
      path: 'a/b',
      content: { contentType: 'image/png', data: 'AP8K' },
    });
    expect(build('PUT /v1/files/a')).toEqual({ path: 'a', content: {} });
  });

  it('keeps every digit of 64-bit numbers, and doubles as doubles', () => {
    const body =
      '{"int64Value":9007199254740993,"uint64Value":18446744073709551615,"many":[-9007199254740993],"byName":{"a":9007199254740993},' +
      '"wrappedInt64":9007199254740993,"doubleValue":100000000000000000000,"nested":{"int64Value":9007199254740993},"anyJson":{"a":10000000000000000}}';
    expect(build('POST /test.Library/Plain', { body })).toEqual({
      int64Value: '9007199254740993',
      uint64Value: '18446744073709551615',
      many: ['-9007199254740993'],
      byName: { a: '9007199254740993' },
      wrappedInt64: '9007199254740993',
      doubleValue: 1e20,
      nested: { int64Value: '9007199254740993' },
      anyJson: { a: 1e16 },
    });
    expect(
      refusal('POST /test.Library/Plain', { body: '{"stringValue":9007199254740993}' }),
    ).toEqual(['INVALID_ARGUMENT', 'string_value', expect.stringContaining('expected string')]);
  });
});

describe('what others got wrong', () => {
  it('Envoy #46623: unknown fields of a body are an error, not dropped with 200', () => {
    expect(refusal('POST /test.Library/Plain', { body: '{"int32Valu":1}' })).toEqual([
      'INVALID_ARGUMENT',
      'int32Valu',
      'is no field of test.Scalars',
    ]);
  });

  it('Envoy #9507: an object for a body that is a text makes no malformed message', () => {
    expect(refusal('POST /v1/books/n:rename', { body: '{"new_name":"m"}' })).toEqual([
      'INVALID_ARGUMENT',
      'new_name',
      expect.stringContaining('expected string'),
    ]);
  });

  it.each([1, 4095, 16_384, 1_048_577])(
    'Envoy #16629, #6441: an HttpBody of %d bytes arrives',
    (size) => {
      const built = build('PUT /v1/files/a', { body: new Uint8Array(size), contentType: 'x/y' });
      expect(
        Buffer.from((built as { content: { data: string } }).content.data, 'base64'),
      ).toHaveLength(size);
    },
  );

  it('APISIX #11355: "a" and "10a" are no 64-bit numbers', () => {
    for (const text of ['a', '10a', '0x10', ' 1', ''])
      expect(
        refusal('POST /test.Library/Plain', { body: JSON.stringify({ int64Value: text }) }),
      ).toEqual(['INVALID_ARGUMENT', 'int64_value', expect.anything()]);
    expect(refusal('GET /v1/search?int64_value=a')).toEqual([
      'INVALID_ARGUMENT',
      'int64_value',
      'must be a whole number, got "a"',
    ]);
  });

  it('APISIX PR 13296: a 64-bit number keeps its digits, as a number and as a text', () => {
    for (const body of ['{"int64Value":9007199254740993}', '{"int64Value":"9007199254740993"}'])
      expect(build('POST /test.Library/Plain', { body })).toEqual({
        int64Value: '9007199254740993',
      });
  });

  it('APISIX #2366, #4041: types of imported files are known', () => {
    expect(build('GET /v1/search?time=2024-01-01T00:00:00Z')).toEqual({
      time: '2024-01-01T00:00:00Z',
    });
  });

  it('APISIX #1991: a repeated field of a nested message keeps all values', () => {
    expect(build('GET /v1/books?like.author.awards=a&like.author.awards=b&like.tags=c')).toEqual({
      like: { author: { awards: ['a', 'b'] }, tags: ['c'] },
    });
  });

  it('grpc-gateway #5787: errors of parameters name no internals', () => {
    expect(JSON.stringify(refusal('GET /v1/search?int32_value=x'))).not.toMatch(
      /parse|strconv|SyntaxError|@bufbuild/,
    );
  });
});

describe('rules that do not fit', () => {
  it.each([
    ['/v1/{nope}', '*', '', 'has no field nope'],
    ['/v1/{many}', '', '', 'repeated or a message'],
    ['/v1/{by_name}', '', '', 'repeated or a message'],
    ['/v1/{nested}', '', '', 'repeated or a message'],
    ['/v1/{many.x}', '', '', 'has no field many.x'],
    ['/v1/x', 'nope', '', 'has no field nope'],
    ['/v1/x', 'nested.text', '', 'has no field nested.text'],
    ['/v1/x', '*', 'nope', 'has no field nope'],
    ['/v1/{nested.text}', 'nested', '', 'both in the path and the body'],
  ])('%s with body "%s" and response_body "%s"', (path, body, responseBody, why) => {
    const rule = { httpMethod: 'POST', path, body, responseBody };
    expect(() => bindRule(library.method('Plain'), rule, true)).toThrow(why);
  });
});

describe('schemas of others', () => {
  it('cannot reach what all objects have in common', () => {
    const { input } = library.method('Plain');
    const nested = input.fields.find(({ name }) => name === 'nested');
    const hostile = { ...nested, name: '__proto__', jsonName: '__proto__' } as typeof nested;
    input.fields.push(hostile as DescField);
    try {
      expect(() => build('GET /v1/search?__proto__.text=x')).toThrow();
      expect(({} as { text?: unknown }).text).toBeUndefined();
    } finally {
      input.fields.pop();
    }
  });
});
