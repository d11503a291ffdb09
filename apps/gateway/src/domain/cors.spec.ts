import { allowsOrigin, isPreflight, preflightHeaders, responseHeaders } from './cors';

const page = 'https://app.example.com';
const rules = { origins: [page], credentials: false, maxAgeMs: 7_200_000 };

describe('CORS', () => {
  it('a preflight has an origin and asks for a method', () => {
    const asked = ['origin', page, 'access-control-request-method', 'POST'];

    expect(isPreflight('OPTIONS', asked)).toBe(true);
    expect(isPreflight('POST', asked)).toBe(false);
    expect(isPreflight('OPTIONS', asked.slice(2))).toBe(false);
    expect(isPreflight('OPTIONS', asked.slice(0, 2))).toBe(false);
  });

  it.each([
    [[], page, false],
    [[page], page, true],
    [[page], 'https://app.example.com:8443', false],
    [[page], 'http://app.example.com', false],
    [[page], 'null', false],
    [['*'], 'null', true],
  ])('with %j, %s may call: %s', (origins, origin, allowed) => {
    expect(allowsOrigin({ ...rules, origins }, origin)).toBe(allowed);
  });

  it('a preflight is answered with what was asked for', () => {
    const asked = ['access-control-request-headers', 'content-type, x-grpc-web'];

    expect(preflightHeaders(rules, page, asked)).toEqual([
      ...['access-control-allow-origin', page, 'vary', 'origin'],
      ...['access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE'],
      ...['access-control-allow-headers', 'content-type, x-grpc-web'],
      ...['access-control-max-age', '7200'],
    ]);
    expect(
      preflightHeaders(rules, page, ['access-control-request-headers', 'a"b']).includes(
        'access-control-allow-headers',
      ),
    ).toBe(false);
  });

  it('a page may read every header of its response', () => {
    const response = [
      ':status',
      '200',
      'content-type',
      'a/b',
      'x-one',
      '1',
      'x-one',
      '2',
      'y',
      '3',
    ];

    expect(responseHeaders(rules, page, response)).toEqual([
      ...['access-control-allow-origin', page, 'vary', 'origin'],
      ...['access-control-expose-headers', 'x-one, y'],
    ]);
  });

  it('others are told nothing, and caches that it depends', () => {
    expect(responseHeaders(rules, 'https://evil.example', [])).toEqual(['vary', 'origin']);
    expect(responseHeaders(rules, undefined, [])).toEqual(['vary', 'origin']);
  });

  it('cookies are for origins that are named, never for all', () => {
    const lax = { ...rules, origins: [page, '*'], credentials: true };

    expect(responseHeaders(lax, page, [])).toContain('access-control-allow-credentials');
    expect(responseHeaders(lax, 'https://other.example', [])).toEqual([
      ...['access-control-allow-origin', '*', 'vary', 'origin'],
    ]);
    expect(responseHeaders({ ...rules, origins: ['*'] }, page, [])).toEqual([
      ...['access-control-allow-origin', '*'],
    ]);
  });
});
