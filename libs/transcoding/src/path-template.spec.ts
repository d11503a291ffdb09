import { parsePathTemplate } from './path-template';

describe('path templates', () => {
  it.each([
    ['/v1/books', ['v1', 'books'], [], ''],
    ['/v1/*/books', ['v1', 'any', 'books'], [], ''],
    ['/v1/{name}', ['v1', 'any'], [['name', 1, 2]], ''],
    ['/v1/{book.name}:read', ['v1', 'any'], [['book.name', 1, 2]], 'read'],
    [
      '/v1/{name=shelves/*/books/*}',
      ['v1', 'shelves', 'any', 'books', 'any'],
      [['name', 1, 5]],
      '',
    ],
    [
      '/v1/{a}/{b=x/*}',
      ['v1', 'any', 'x', 'any'],
      [
        ['a', 1, 2],
        ['b', 2, 4],
      ],
      '',
    ],
    ['/v1/**', ['v1', 'rest'], [], ''],
    ['/v1/{path=**}:get', ['v1', 'rest'], [['path', 1, undefined]], 'get'],
    ['/v1/{path=files/**}', ['v1', 'files', 'rest'], [['path', 1, undefined]], ''],
    ['/caf%C3%A9', ['café'], [], ''],
    ['/v1/a~b@c=$&', ['v1', 'a~b@c=$&'], [], ''],
  ] as const)('%s', (text, segments, variables, verb) => {
    const template = parsePathTemplate(text);
    expect(template.segments.map((one) => (one.kind === 'literal' ? one.text : one.kind))).toEqual(
      segments,
    );
    expect(
      template.variables.map(({ fieldPath, start, end }) => [fieldPath.join('.'), start, end]),
    ).toEqual(variables);
    expect(template.verb).toBe(verb);
  });

  it.each([
    ['v1/books', 'must begin with "/"'],
    ['', 'must begin with "/"'],
    ['/', 'empty segment'],
    ['/v1/books/', 'empty segment'],
    ['/v1//books', 'empty segment'],
    ['/v1/**/books', '"**" before its end'],
    ['/v1/{a=**}/{b}', '"**" before its end'],
    ['/v1/{a=x/{b}}', 'one variable within another'],
    ['/v1/{a', 'not closed'],
    ['/v1/a}', 'braces that do not match'],
    ['/v1/{a}b', 'more than a variable'],
    ['/v1/{}', 'field path ""'],
    ['/v1/{a..b}', 'field path "a..b"'],
    ['/v1/{1a}', 'field path "1a"'],
    ['/v1/{a=}', 'empty segment'],
    ['/v1/{a}/{a}', 'field a twice'],
    ['/v1/books:', 'verb ""'],
    ['/v1/books:a/b', 'verb "a/b"'],
    ['/v1/{a:b}', 'field path "a:b"'],
    ['/v1/***', 'segment "***"'],
    ['/v1/a b', 'segment "a b"'],
    ['/v1/a?b', 'segment "a?b"'],
    ['/v1/%zz', 'segment "%zz"'],
    ['/v1/%ff', 'no UTF-8'],
  ])('refuses %s', (text, why) => {
    expect(() => parsePathTemplate(text)).toThrow(why);
  });
});
