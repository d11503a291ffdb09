import { type CompiledDocuments, compileDocuments } from './compile';
import { type HttpTarget } from './compile-http-route';
import { difference } from './difference';
import { documentSet, type ReadText, readText } from './document-set';
import { comparablePath, comparablePrefix, prefixesOf, withPrefix } from './http-path';
import { failedCondition, type HttpEntry } from './http-route-index';
import { readDocument, splitDocuments } from './read-documents';

function texts(text: string): ReadText[] {
  return splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text)));
}

const read = new Map<string, ReadText>();

/** What is read again is what was read before, as of files that have not changed. */
function known(one: ReadText): ReadText {
  const key = JSON.stringify(one.text);
  const before = read.get(key);
  if (before === undefined) read.set(key, one);
  return before ?? one;
}

function compile(text: string, previous?: CompiledDocuments): CompiledDocuments {
  const { documents, problems } = documentSet(texts(text).map(known));
  expect(problems).toEqual([]);
  return compileDocuments(documents, previous);
}

function route(name: string, spec: string, metadata = '', kind = 'HTTPRoute'): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}${metadata} }
spec: { ${spec} }
`;
}

/** A rule of one backend; a match is written as in YAML. */
function rule(backend: string, match = '', more = ''): string {
  const matches = match === '' ? '' : `matches: [{ ${match} }], `;
  return `rules: [{ ${matches}${more}backendRefs: [{ name: ${backend} }] }]`;
}

interface Request {
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

function entryFor(
  { http }: CompiledDocuments,
  path: string,
  { host = 'x.a.org', method = 'GET', headers = {}, query = {} }: Request = {},
): HttpEntry<HttpTarget> | undefined {
  const facts = {
    host,
    path: comparablePath(path),
    httpMethod: method,
    header: (name: string) => headers[name],
    query: (name: string) => query[name],
  };
  for (const entry of http.candidates(facts))
    if (failedCondition(entry, facts) === undefined) return entry;
  return undefined;
}

function backendOf(compiled: CompiledDocuments, path: string, request?: Request) {
  return entryFor(compiled, path, request)?.target.rule.backends[0]?.service;
}

function conditions(compiled: CompiledDocuments, id: string) {
  const status = compiled.statuses(() => true).find(({ source }) => source.id === id);
  return Object.fromEntries(
    (status?.conditions ?? []).map((one) => [one.type, one.status ? true : one.reason]),
  );
}

function messageOf(compiled: CompiledDocuments, id: string, type: string): string | undefined {
  const status = compiled.statuses(() => true).find(({ source }) => source.id === id);
  return status?.conditions.find((one) => one.type === type)?.message;
}

describe('precedence: of two HTTPRoutes the one that comes first in', () => {
  const prefix = (value: string): string => `path: { value: ${value} }`;
  const exact = (value: string): string => `path: { type: Exact, value: ${value} }`;
  const header = 'headers: [{ name: H, value: "1" }]';
  const query = 'queryParams: [{ name: q, value: "1" }]';
  it.each([
    [
      'an exact host name before a wildcard',
      `hostnames: [x.a.org], ${rule('one')}`,
      `hostnames: ['*.a.org'], ${rule('two', exact('/v1/a'))}`,
    ],
    [
      'an exact path before a prefix',
      rule('one', exact('/v1/a')),
      rule('two', `${prefix('/v1/a')}, method: GET, ${header}`),
    ],
    [
      'a longer prefix before a shorter one',
      rule('one', prefix('/v1/a/')),
      rule('two', `${prefix('/v1')}, method: GET, ${header}, ${query}`),
    ],
    ['a method before headers', rule('one', 'method: GET'), rule('two', `${header}, ${query}`)],
    ['headers before query parameters', rule('one', header), rule('two', query)],
    ['query parameters before none', rule('one', query), rule('two')],
  ])('%s', (_what, first, second) => {
    const request = { headers: { h: '1' }, query: { q: '1' } };
    for (const text of [
      route('r', first) + route('s', second),
      route('s', first) + route('r', second),
    ])
      expect(backendOf(compile(text), '/v1/a', request)).toBe('one');
  });

  it('age, then name, then place in the route', () => {
    const old = ', creationTimestamp: 2020-01-01T00:00:00Z';
    const young = ', creationTimestamp: 2021-01-01T00:00:00Z';

    expect(
      backendOf(compile(route('a', rule('one'), young) + route('b', rule('two'), old)), '/'),
    ).toBe('two');
    expect(backendOf(compile(route('b', rule('one')) + route('a', rule('two'))), '/')).toBe('two');
    expect(
      backendOf(
        compile(
          route('a', 'rules: [{ backendRefs: [{ name: one }] }, { backendRefs: [{ name: two }] }]'),
        ),
        '/',
      ),
    ).toBe('one');
  });

  it('goes on with the next when a condition does not hold', () => {
    const compiled = compile(
      route(
        'r',
        `rules: [{ matches: [{ ${exact('/v1/a')}, method: POST }], backendRefs: [{ name: one }] }, { matches: [{ ${prefix('/v1')}, ${header} }], backendRefs: [{ name: two }] }, { backendRefs: [{ name: three }] }]`,
      ),
    );

    expect(backendOf(compiled, '/v1/a', { method: 'POST' })).toBe('one');
    expect(backendOf(compiled, '/v1/a', { headers: { h: '1' } })).toBe('two');
    expect(backendOf(compiled, '/v1/a')).toBe('three');
  });
});

describe('paths', () => {
  it.each([
    ['/v1', '/v1', true],
    ['/v1', '/v1/', true],
    ['/v1', '/v1/a', true],
    ['/v1/', '/v1', true],
    ['/v1', '/v11', false],
    ['/', '/anything/at/all', true],
    ['/v1/secret', '/v1/%73ecret/x', true],
    ['/v1/a%2Cb', '/v1/a,b', true],
    ['/v1', '/v1%2Fa', false],
  ])('prefix %s: %s is %s', (value, path, expected) => {
    const compiled = compile(route('r', rule('one', `path: { value: '${value}' }`)));
    expect(backendOf(compiled, path) !== undefined).toBe(expected);
  });

  it.each([
    ['/v1/a', '/v1/a', true],
    ['/v1/a', '/v1/a/', false],
    ['/v1/a', '/v1/%61', true],
    ['/v1/%c3%bc', '/v1/%C3%BC', true],
  ])('exact %s: %s is %s', (value, path, expected) => {
    const compiled = compile(route('r', rule('one', `path: { type: Exact, value: '${value}' }`)));
    expect(backendOf(compiled, path) !== undefined).toBe(expected);
  });

  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar', '/', '/xyz', '/xyz/foo/bar'],
    ['/%66oo/b%3Aar', '/foo', '/x/y', '/x/y/b%3Aar'],
  ])('%s with %s replaced by "%s" is %s', (path, prefix, replacement, expected) => {
    expect(withPrefix(path, comparablePrefix(prefix), replacement)).toBe(expected);
  });

  it('are looked up by prefixes as long as documents have them, however long the path is', () => {
    expect([...prefixesOf('/a/b/')]).toEqual(['/a/b', '/a', '']);
    expect([...prefixesOf('/')]).toEqual(['']);
    expect([...prefixesOf('/a'.repeat(40_000))].length).toBeLessThan(1024);
  });
});

describe('an HTTPRoute', () => {
  it('without rules is one rule for everything, which leads nowhere', () => {
    const compiled = compile(route('r', 'hostnames: [a.org]'));

    expect(entryFor(compiled, '/x', { host: 'a.org' })?.target.rule.backends).toEqual([]);
    expect(backendOf(compiled, '/x', { host: 'b.org' })).toBeUndefined();
  });

  it('attaches to listeners that take its kind', () => {
    const kinds = 'allowedRoutes: { kinds: [{ kind: GRPCRoute }] }';
    const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP, ${kinds} }, { name: b, port: 81, protocol: HTTP }] }
`;
    const to = (listener: string): string =>
      route('r', `parentRefs: [{ name: edge, sectionName: ${listener} }], ${rule('one')}`);

    expect(conditions(compile(gateway + to('a')), 'HTTPRoute default/r')).toMatchObject({
      Accepted: 'NotAllowedByListeners',
      Programmed: 'Invalid',
    });
    expect(conditions(compile(gateway + to('b')), 'HTTPRoute default/r')).toMatchObject({
      Accepted: true,
      Programmed: true,
    });
  });

  it('takes times from its rules, and from policies for it and its rules', () => {
    const policy = `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: p }
spec: { targetRefs: [{ kind: HTTPRoute, name: r, sectionName: main }], timeouts: { default: 1s, max: 4s } }
`;
    const times = (timeouts: string) =>
      entryFor(
        compile(
          policy + route('r', `rules: [{ name: main, ${timeouts}, backendRefs: [{ name: a }] }]`),
        ),
        '/',
      )?.target.rule.backends[0]?.timeouts;

    expect(times('timeouts: { request: 2s, backendRequest: 1s500ms }')).toEqual({
      defaultMs: 1000,
      maxMs: 1500,
    });
    expect(times('timeouts: { request: 0s }')).toEqual({ defaultMs: 1000, maxMs: 4000 });
    expect(conditions(compile(policy + route('r', rule('a'))), 'TrafficPolicy default/p')).toEqual({
      Accepted: 'TargetNotFound',
    });
  });

  it.each([
    [
      'a filter that is none of ours',
      'filters: [{ type: ExtensionRef, extensionRef: { name: b } }]',
      'ExtensionRef',
    ],
    ['CORS', 'filters: [{ type: CORS, cors: {} }]', 'CORS'],
    [
      'a session in a header that is taken',
      'sessionPersistence: { type: Header, sessionName: te }',
      'sessionPersistence',
    ],
    [
      'a path by regular expression',
      "matches: [{ path: { type: RegularExpression, value: '/a.*' } }]",
      'RegularExpression',
    ],
    [
      'a header by regular expression',
      'matches: [{ headers: [{ type: RegularExpression, name: a, value: b }] }]',
      'RegularExpression',
    ],
    [
      'a query parameter by regular expression',
      'matches: [{ queryParams: [{ type: RegularExpression, name: a, value: b }] }]',
      'RegularExpression',
    ],
    [
      'a rewrite of one backend',
      'backendRefs: [{ name: a, filters: [{ type: URLRewrite, urlRewrite: { hostname: a.org } }] }]',
      'URLRewrite',
    ],
    ['a filter without settings', 'filters: [{ type: URLRewrite }]', 'lacks its settings'],
    [
      'a filter twice',
      'filters: [{ type: URLRewrite, urlRewrite: {} }, { type: URLRewrite, urlRewrite: {} }]',
      'twice',
    ],
  ])('is not used when it has %s', (_what, given, told) => {
    const compiled = compile(route('r', `rules: [{ ${given} }]`));

    expect(conditions(compiled, 'HTTPRoute default/r')).toMatchObject({
      Accepted: 'UnsupportedValue',
      Programmed: 'Invalid',
    });
    expect(messageOf(compiled, 'HTTPRoute default/r', 'Accepted')).toContain(told);
    expect(compiled.httpEntries).toEqual([]);
  });

  it.each([
    ['a path that is not absolute', 'matches: [{ path: { value: v1 } }]', 'absolute path'],
    ['a path with two readings', "matches: [{ path: { value: '/a/../b' } }]", 'absolute path'],
    ['an encoded slash', "matches: [{ path: { value: '/a%2fb' } }]", 'absolute path'],
    [
      'a redirect with backends',
      'filters: [{ type: RequestRedirect, requestRedirect: {} }], backendRefs: [{ name: a }]',
      'no backendRefs',
    ],
    [
      'a redirect and a rewrite',
      'filters: [{ type: RequestRedirect, requestRedirect: {} }, { type: URLRewrite, urlRewrite: {} }]',
      'exclude each other',
    ],
    [
      'a prefix replaced where none is matched',
      'matches: [{ path: { type: Exact, value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }]',
      'PathPrefix',
    ],
    [
      'a replacement without its text',
      'filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath } } }]',
      'its type names',
    ],
    [
      'a backend’s time above the request’s',
      'timeouts: { request: 1s, backendRequest: 2s }',
      'longer than request',
    ],
    ['no duration', 'timeouts: { request: soon }', 'must be a duration'],
    [
      'a status that redirects nobody',
      'filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 304 } }]',
      '',
    ],
    ['a misspelt field', 'matchs: []', 'did you mean matches?'],
  ])('refuses the whole set for %s', (_what, given, told) => {
    const { problems } = documentSet(texts(route('r', `rules: [{ ${given} }]`)));

    expect(problems.map(({ message }) => message).join()).toContain(told);
    expect(problems).not.toEqual([]);
  });

  it('tells which fields mean nothing here', () => {
    const compiled = compile(route('r', 'rules: [{ retry: { attempts: 2 } }]'));

    expect(messageOf(compiled, 'HTTPRoute default/r', 'FieldsNotUsed')).toContain('retry');
  });
});

describe('an HTTPRoute and a GRPCRoute', () => {
  const old = ', creationTimestamp: 2020-01-01T00:00:00Z';
  const grpc = (name: string, spec: string, metadata = ''): string =>
    route(name, spec, metadata, 'GRPCRoute');

  it.each([
    ['the same host', '[a.org]', '[a.org]', true],
    ['one of several', '[b.org, a.org]', '[a.org, c.org]', true],
    ['a wildcard and a host below it', "['*.a.org']", '[x.a.org]', true],
    ['a host below a wildcard', '[x.y.a.org]', "['*.a.org']", true],
    ['a wildcard below a wildcard', "['*.b.a.org']", "['*.a.org']", true],
    ['a wildcard above a wildcard', "['*.a.org']", "['*.b.a.org']", true],
    ['any host and one', '[]', '[a.org]', true],
    ['one and any host', '[a.org]', '[]', true],
    ['any host twice', '[]', '[]', true],
    ['two hosts', '[a.org]', '[b.org]', false],
    ['a wildcard and its own domain', "['*.a.org']", '[a.org]', false],
    ['two wildcards side by side', "['*.a.org']", "['*.b.org']", false],
  ])('with %s: exactly one is accepted, if they meet', (_what, one, other, meet) => {
    const spec = (hostnames: string): string => `hostnames: ${hostnames}, ${rule('s')}`;
    const compiled = compile(grpc('younger', spec(one)) + route('older', spec(other), old));

    expect(conditions(compiled, 'HTTPRoute default/older')).toMatchObject({ Accepted: true });
    expect(conditions(compiled, 'GRPCRoute default/younger')).toMatchObject(
      meet
        ? { Accepted: 'HostnameConflict', Programmed: 'Invalid' }
        : { Accepted: true, Programmed: true },
    );
    expect(compiled.routeEntries.length > 0).toBe(!meet);
  });

  it('without ages: the first by namespace and name, whatever their kinds', () => {
    const compiled = compile(route('b', rule('s')) + grpc('a', rule('s')));

    expect(conditions(compiled, 'GRPCRoute default/a')).toMatchObject({ Accepted: true });
    expect(conditions(compiled, 'HTTPRoute default/b')).toMatchObject({
      Accepted: 'HostnameConflict',
    });
    expect(messageOf(compiled, 'HTTPRoute default/b', 'Accepted')).toContain('GRPCRoute default/a');
  });

  it.each(['GRPCRoute', 'HTTPRoute'])(
    'among more of kind %s: one that gives way keeps no host from a third',
    (kind) => {
      const others = Array.from({ length: 5 }, (_, number) =>
        route(`r${number}`, `hostnames: [h${number}.org], ${rule('s')}`, '', kind),
      ).join('');
      const aged = (year: number): string => `, creationTimestamp: ${year}-01-01T00:00:00Z`;
      const compiled = compile(
        others +
          grpc('first', `hostnames: [x.org], ${rule('s')}`, aged(2020)) +
          route('second', `hostnames: [x.org, y.org], ${rule('s')}`, aged(2021)) +
          grpc('third', `hostnames: [y.org], ${rule('s')}`, aged(2022)),
      );

      expect(
        ['GRPCRoute default/first', 'HTTPRoute default/second', 'GRPCRoute default/third'].map(
          (id) => conditions(compiled, id)['Accepted'],
        ),
      ).toEqual([true, 'HostnameConflict', true]);
    },
  );

  it('one that gave way holds once the other has gone, and the index is that of a new compilation', () => {
    const others = Array.from({ length: 5 }, (_, number) =>
      route(`r${number}`, `hostnames: [h${number}.org], ${rule('s')}`),
    ).join('');
    const grpcRoute = grpc('a', `hostnames: [x.org], ${rule('s')}`);
    const httpRoute = route('b', `hostnames: [x.org], ${rule('t')}`);
    const texts = [
      others,
      others + httpRoute,
      others + httpRoute + grpcRoute,
      others + grpcRoute,
      others + httpRoute + grpcRoute,
      others + httpRoute,
    ];

    let previous: CompiledDocuments | undefined;
    for (const text of texts) {
      previous = compile(text, previous);
      const fresh = compile(text);
      expect(difference(fresh, previous)).toMatchObject({ addedRoutes: [], removedRoutes: [] });
      expect(backendOf(previous, '/', { host: 'x.org' })).toBe(
        backendOf(fresh, '/', { host: 'x.org' }),
      );
      expect([...previous.services.items()].sort()).toEqual([...fresh.services.items()].sort());
      expect(previous.routeEntries.length).toBe(text.includes('GRPCRoute') ? 1 : 0);
    }
    expect(backendOf(previous as CompiledDocuments, '/', { host: 'x.org' })).toBe('t');
    expect(compile(grpcRoute, previous).http.isEmpty).toBe(true);
  });
});

it('says on one line what an HTTPRoute does', () => {
  const compiled = compile(
    route(
      'r',
      `hostnames: [a.org], rules: [
        { matches: [{ path: { value: /api }, method: GET, headers: [{ name: h, value: "1" }], queryParams: [{ name: q, value: "1" }] }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /v1 } } }], backendRefs: [{ name: s }] },
        { matches: [{ path: { type: Exact, value: /old } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, statusCode: 301 } }] }]`,
    ),
  );

  expect(difference(undefined, compiled).addedRoutes).toEqual([
    'a.org GET /api/* ?q=1 [h: 1] → rewrite prefix to /v1 → s (HTTPRoute default/r, rules[0])',
    'a.org * /old → redirect 301 https (HTTPRoute default/r, rules[1])',
  ]);
});
