import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { Library } from '../test/library';
import { buildAnswer, type JsonWriteSettings } from './response';
import { jsonItems } from './json-items';
import { LineSplitter } from './line-splitter';
import { httpStatusOf, statusJson } from './status';
import { streamFormatFor } from './stream-format';

const library = new Library();

function answer(name: string, json: JsonValue, settings: JsonWriteSettings = {}) {
  const binding = library.bindings().findLast(({ method }) => method.name === name);
  if (binding === undefined) throw new Error(name);
  const { output } = binding.method;
  const bytes = toBinary(output, fromJson(output, json, { registry: library.registry }));
  const { contentType, body } = buildAnswer(binding, bytes, {
    registry: library.registry,
    ...settings,
  });
  return [contentType, Buffer.from(body).toString()];
}

describe('answers', () => {
  it.each<[string, JsonValue, string, JsonWriteSettings]>([
    ['Plain', {}, '{}', {}],
    [
      'Plain',
      { int64Value: '9007199254740993', int32Value: 1 },
      '{"int32Value":1,"int64Value":"9007199254740993"}',
      {},
    ],
    [
      'Plain',
      { doubleValue: 'NaN', floatValue: '-Infinity' },
      '{"floatValue":"-Infinity","doubleValue":"NaN"}',
      {},
    ],
    [
      'Plain',
      { wrappedString: '', wrappedInt64: '1', duration: '3s' },
      '{"duration":"3s","wrappedInt64":"1","wrappedString":""}',
      {},
    ],
    [
      'Plain',
      { any: { '@type': 'x/test.Book', title: 't' } },
      '{"any":{"title":"t","@type":"type.googleapis.com/test.Book"}}',
      {},
    ],
    ['Plain', { genre: 'GENRE_NOVEL' }, '{"genre":1}', { enumsAsIntegers: true }],
    ['Plain', { int32Value: 1 }, '{"int32_value":1}', { protoNames: true }],
    [
      'RenameBook',
      { name: 'a' },
      '{"name":"a","title":"","pages":"0","tags":[],"genre":"GENRE_UNSPECIFIED"}',
      { emitDefaults: true },
    ],
    ['ListBooks', { books: [{ name: 'a' }] }, '[{"name":"a"}]', {}],
    ['ListBooks', {}, '[]', {}],
  ])('%s %j', (name, json, expected, settings) => {
    expect(answer(name, json, settings)).toEqual(['application/json', expected]);
  });

  it('are bytes with their own media type for an HttpBody', () => {
    expect(answer('GetFile', { contentType: 'text/plain', data: 'aGk=' })).toEqual([
      'text/plain',
      'hi',
    ]);
    expect(answer('GetFile', {})).toEqual(['application/octet-stream', '']);
    expect(answer('GetFile', { contentType: 'a/b\r\nx: y' })).toEqual([
      'application/octet-stream',
      '',
    ]);
    expect(answer('PutFile', { content: { contentType: 'a/b', data: 'aGk=' } })).toEqual([
      'a/b',
      'hi',
    ]);
  });

  it('that are no such message are INTERNAL', () => {
    const binding = library.bindings().findLast(({ method }) => method.name === 'Plain');
    expect(() => buildAnswer(binding as never, new Uint8Array([0x0a]))).toThrow(
      'RESPONSE_MALFORMED',
    );
    const any = toBinary(
      library.method('Plain').output,
      fromJson(
        library.method('Plain').output,
        { any: { '@type': 'x/test.Book' } },
        { registry: library.registry },
      ),
    );
    expect(() => buildAnswer(binding as never, any)).toThrow('RESPONSE_MALFORMED');
  });
});

describe('statuses', () => {
  it.each([
    [0, 200],
    [1, 499],
    [2, 500],
    [3, 400],
    [4, 504],
    [5, 404],
    [6, 409],
    [7, 403],
    [8, 429],
    [9, 400],
    [10, 409],
    [11, 400],
    [12, 501],
    [13, 500],
    [14, 503],
    [15, 500],
    [16, 401],
    [17, 500],
    [-1, 500],
  ])('code %d is HTTP %d', (code, status) => {
    expect(httpStatusOf(code)).toBe(status);
  });

  it('show details of known types as JSON, and others as base64', () => {
    const info = { reason: 'R', domain: 'd', metadata: { a: 'b' } };
    const message = (type: string, json: JsonValue): Uint8Array => {
      const desc = library.registry.getMessage(type);
      if (desc === undefined) throw new Error(type);
      return toBinary(desc, fromJson(desc, json, { registry: library.registry }));
    };
    const errorInfo = 'type.googleapis.com/google.rpc.ErrorInfo';
    const details = [
      { typeUrl: errorInfo, value: message('google.rpc.ErrorInfo', info) },
      { typeUrl: 'type.googleapis.com/nobody.Knows', value: Buffer.from('hi') },
      { typeUrl: errorInfo, value: Buffer.from([0x0a]) },
    ];
    expect(statusJson({ code: 5, message: 'no', details }, [library.registry])).toEqual({
      code: 5,
      message: 'no',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', ...info },
        { '@type': 'type.googleapis.com/nobody.Knows', value: 'aGk=' },
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', value: 'Cg==' },
      ],
    });
  });
});

describe('streams', () => {
  it.each([
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['Application/X-NDJSON', 'application/x-ndjson'],
    ['application/jsonl', 'application/x-ndjson'],
    ['application/json;q=0.5, text/event-stream;q=0.9', 'text/event-stream'],
    ['application/json, text/event-stream', 'application/json'],
    ['text/event-stream;q=0', 'application/json'],
    ['constructor', 'application/json'],
  ])('Accept: %s', (accept, contentType) => {
    expect(streamFormatFor(accept).contentType).toBe(contentType);
  });

  it.each([
    ['application/json', '[1,\n2]\n', '[]\n', '[1,\n{"error":{"code":5}}]\n'],
    ['application/x-ndjson', '1\n2\n', '', '1\n{"error":{"code":5}}\n'],
    [
      'text/event-stream',
      'data: 1\n\ndata: 2\n\n',
      '',
      'data: 1\n\nevent: error\ndata: {"code":5}\n\n',
    ],
  ])('as %s', (accept, two, none, failed) => {
    const format = streamFormatFor(accept);
    expect(format.message('1', true) + format.message('2', false) + format.end(false)).toBe(two);
    expect(format.end(true)).toBe(none);
    expect(format.message('1', true) + format.failure({ code: 5 }, false)).toBe(failed);
  });
});

describe('items of an array', () => {
  it.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1,"a,]",{"b":[1,2]}]', ['1', '"a,]"', '{"b":[1,2]}']],
    ['["\\"",9007199254740993]', ['"\\""', '9007199254740993']],
    ['{"a":[1,2]}', ['{"a":[1,2]}']],
  ])('%s', (text, items) => {
    expect(jsonItems(text, 3)).toEqual(items);
  });

  it('have to be JSON', () => {
    expect(() => jsonItems('[1,]', 3)).toThrow('INVALID_ARGUMENT');
  });

  it('are bounded', () => {
    expect(() => jsonItems('[1,2,3,4]', 3)).toThrow('must be at most 3 items');
  });
});

describe('lines', () => {
  const splitter = (bytesMax = 100) =>
    new LineSplitter(bytesMax, (bytes) => new Error(`${bytes} bytes`));
  const all = (lines: LineSplitter): string[] => {
    const result: string[] = [];
    for (let line = lines.next(); line !== undefined; line = lines.next())
      result.push(Buffer.from(line).toString());
    return result;
  };

  it.each([1, 2, 3, 100])('come out whatever the chunks are (%d bytes)', (size) => {
    const lines = splitter();
    const bytes = Buffer.from('{"a":1}\n\n  \r\n{"b":"ü"}\r\nlast');
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      lines.push(bytes.subarray(at, at + size));
      found.push(...all(lines));
    }
    lines.finish();
    expect([...found, ...all(lines)]).toEqual(['{"a":1}', '{"b":"ü"}\r', 'last']);
    expect(lines.waitingBytes).toBe(0);
  });

  it('are bounded, complete or not', () => {
    const complete = splitter(3);
    complete.push(Buffer.from('abcd\n'));
    expect(() => complete.next()).toThrow('4 bytes');
    const open = splitter(3);
    open.push(Buffer.from('abc'));
    expect(open.next()).toBeUndefined();
    open.push(Buffer.from('d'));
    expect(() => open.next()).toThrow('4 bytes');
  });
});
