import { type DescMethod } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { httpRulesOf } from './http-rule';

/** Fields of one HttpRule: numbers with texts, or with the bytes of messages. */
type Fields = readonly (readonly [number, string | Uint8Array])[];

function encode(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    writer.tag(number, WireType.LengthDelimited);
    if (typeof value === 'string') writer.string(value);
    else writer.bytes(value);
  }
  return writer.finish();
}

/** A method with such options, each a part of `google.api.http`. */
function method(...options: Fields[]): DescMethod {
  const $unknown = options.map((fields) => ({
    no: 72_295_728,
    wireType: WireType.LengthDelimited,
    data: new BinaryWriter().bytes(encode(fields)).finish(),
  }));
  return { proto: { options: { $unknown } } } as unknown as DescMethod;
}

const rule = (httpMethod: string, path: string, body = '', responseBody = '') => ({
  httpMethod,
  path,
  body,
  responseBody,
});

describe('HTTP rules', () => {
  it.each([
    [2, 'GET'],
    [3, 'PUT'],
    [4, 'POST'],
    [5, 'DELETE'],
    [6, 'PATCH'],
  ])('field %d is %s', (field, httpMethod) => {
    expect(
      httpRulesOf(
        method([
          [field, '/a'],
          [7, '*'],
          [12, 'b'],
        ]),
      ),
    ).toEqual([rule(httpMethod, '/a', '*', 'b')]);
  });

  it('have custom methods, and more bindings of one level', () => {
    const custom = encode([
      [1, 'head'],
      [2, '/b'],
    ]);
    const more = encode([[8, custom]]);
    expect(
      httpRulesOf(
        method([
          [2, '/a'],
          [11, more],
          [99, 'later'],
        ]),
      ),
    ).toEqual([rule('GET', '/a'), rule('HEAD', '/b')]);
    const nested = encode([
      [2, '/c'],
      [11, more],
    ]);
    expect(() =>
      httpRulesOf(
        method([
          [2, '/a'],
          [11, nested],
        ]),
      ),
    ).toThrow('additional_bindings have');
  });

  it('may come in parts', () => {
    expect(httpRulesOf(method([[4, '/a']], [[7, '*']]))).toEqual([rule('POST', '/a', '*')]);
  });

  it('may be none', () => {
    expect(httpRulesOf(method())).toEqual([]);
    expect(httpRulesOf({ proto: {} } as DescMethod)).toEqual([]);
  });

  it('need a path, and a method that can stand in a header', () => {
    expect(() => httpRulesOf(method([[7, '*']]))).toThrow('HTTP method ""');
    expect(() => httpRulesOf(method([[2, '']]))).toThrow('without a path');
    const custom = encode([
      [1, 'A\r\nx: y'],
      [2, '/b'],
    ]);
    expect(() => httpRulesOf(method([[8, custom]]))).toThrow('HTTP method');
  });
});
