import { parsePathTemplate } from './path-template';
import { type Routable, Router } from './router';

interface Target extends Routable {
  readonly name: string;
}

function target(httpMethod: string, path: string, name = `${httpMethod} ${path}`): Target {
  return { httpMethod, template: parsePathTemplate(path), name };
}

const router = new Router<Target>([
  target('GET', '/v1/books'),
  target('POST', '/v1/books'),
  target('GET', '/v1/books/{name}'),
  target('GET', '/v1/books/special'),
  target('DELETE', '/v1/books/{name}'),
  target('POST', '/v1/books/{name}:rename'),
  target('GET', '/v1/{name=shelves/*/books/*}'),
  target('GET', '/v1/files/{path=**}'),
  target('POST', '/v1/files/{path=**}:copy'),
  target('*', '/v1/any'),
  target('GET', '/v2/*/x/{rest=**}'),
  target('GET', '/v2/a/y'),
  target('GET', '/caf%C3%A9/{name}'),
]);

function look(request: string): unknown {
  const [method = '', path = ''] = request.split(' ');
  const match = router.match(method, path);
  if (match.kind === 'method-unknown') return match.allowed;
  if (match.kind === 'path-unknown') return 404;
  return [match.target.name, ...match.values.map(({ text }) => text)];
}

describe('the router', () => {
  it.each<[string, unknown]>([
    ['GET /v1/books', ['GET /v1/books']],
    ['POST /v1/books', ['POST /v1/books']],
    // Literals go before wildcards, unless their methods do not fit.
    ['GET /v1/books/special', ['GET /v1/books/special']],
    ['DELETE /v1/books/special', ['DELETE /v1/books/{name}', 'special']],
    // 404 and 405.
    ['PUT /v1/books', ['GET', 'POST']],
    ['PATCH /v1/books/special', ['DELETE', 'GET']],
    ['GET /v1/books/a:rename', ['GET /v1/books/{name}', 'a:rename']],
    ['PUT /v1/books/a:rename', ['DELETE', 'GET', 'POST']],
    ['GET /v1', 404],
    ['GET /v1/books/a/b', 404],
    ['GET books', 404],
    ['BREW /v1/any', ['* /v1/any']],
    // Trailing and doubled slashes are other paths.
    ['GET /v1/books/', 404],
    ['GET //v1/books', 404],
    ['GET /v1//books', 404],
    // Verbs.
    ['POST /v1/books/a:rename', ['POST /v1/books/{name}:rename', 'a']],
    ['POST /v1/books/a%3Arename', ['DELETE', 'GET']],
    ['GET /v1/books/a:unknown', ['GET /v1/books/{name}', 'a:unknown']],
    ['GET /v1/books/a:', ['GET /v1/books/{name}', 'a:']],
    ['POST /v1/books/a:b:rename', ['POST /v1/books/{name}:rename', 'a:b']],
    ['POST /v1/books/a:ren%61me', ['POST /v1/books/{name}:rename', 'a']],
    ['POST /v1/books/:rename', ['DELETE', 'GET']],
    // Percent-encoding: one segment decodes all, several keep the slashes that are none of the path's.
    ['GET /v1/books/a%2Fb%20c', ['GET /v1/books/{name}', 'a/b c']],
    ['GET /v1/books/a+b', ['GET /v1/books/{name}', 'a+b']],
    [
      'GET /v1/shelves/a%20b/books/c%2Fd%2fe',
      ['GET /v1/{name=shelves/*/books/*}', 'shelves/a b/books/c%2Fd%2fe'],
    ],
    ['GET /v1/%62ooks', ['GET /v1/books']],
    ['GET /caf%C3%A9/x', ['GET /caf%C3%A9/{name}', 'x']],
    ['GET /v1/books/%E2%82%AC', ['GET /v1/books/{name}', '€']],
    // ** takes none, one or many segments.
    ['GET /v1/files', ['GET /v1/files/{path=**}', '']],
    ['GET /v1/files/a', ['GET /v1/files/{path=**}', 'a']],
    ['GET /v1/files/a/b//c%2F', ['GET /v1/files/{path=**}', 'a/b//c%2F']],
    ['POST /v1/files/a/b:copy', ['POST /v1/files/{path=**}:copy', 'a/b']],
    // Steps back from a literal that leads nowhere.
    ['GET /v2/a/x/y/z', ['GET /v2/*/x/{rest=**}', 'y/z']],
    ['GET /v2/a/y', ['GET /v2/a/y']],
    ['GET /v2/a/z', 404],
  ])('%s', (request, expected) => {
    expect(look(request)).toEqual(expected);
  });

  it('takes the last of two rules for the same path and method', () => {
    const twice = new Router([target('GET', '/{a}', 'first'), target('GET', '/{b}', 'second')]);
    expect(twice.match('GET', '/x')).toMatchObject({ target: { name: 'second' } });
  });

  it('decodes all of several segments where that is wanted', () => {
    const full = new Router([target('GET', '/{a=**}')], true);
    expect(full.match('GET', '/x%2Fy')).toMatchObject({ values: [{ text: 'x/y' }] });
  });

  it.each(['/v1/books/%', '/v1/books/%zz', '/v1/books/%ff', '/%c3/a'])('refuses %s', (path) => {
    expect(() => router.match('GET', path)).toThrow('must be percent-encoded UTF-8');
  });

  it('does not look a path of very many segments up', () => {
    expect(router.match('GET', `/v1/files/${'a/'.repeat(300)}`)).toEqual({ kind: 'path-unknown' });
  });
});
