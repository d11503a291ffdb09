import fc from 'fast-check';
import { type CompiledDocuments, compileDocuments } from './compile';
import { pickBackend } from './compile-route';
import { documentSet, type ReadText, readText } from './document-set';
import { difference } from './difference';
import { readDocument, splitDocuments } from './read-documents';
import { explainMatch } from './explanation';

function texts(text: string): ReadText[] {
  return splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text)));
}

function compile(text: string, previous?: CompiledDocuments): CompiledDocuments {
  const { documents, problems } = documentSet(texts(text));
  expect(problems).toEqual([]);
  return compileDocuments(documents, previous);
}

/** A route, in short. */
function route(name: string, spec: string, metadata = ''): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name}${metadata} }
spec: { ${spec} }
`;
}

function gateway(listener: string, metadata = ''): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge${metadata} }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP${listener} }] }
`;
}

function policy(kind: string, name: string, spec: string): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: ${kind}
metadata: { name: ${name} }
spec: { ${spec} }
`;
}

/** A rule of one backend; a match is written as in YAML. */
function rule(backend: string, match = ''): string {
  const matches = match === '' ? '' : `matches: [{ ${match} }], `;
  return `rules: [{ ${matches}backendRefs: [{ name: ${backend} }] }]`;
}

function backendOf(
  compiled: CompiledDocuments,
  host: string,
  path: string,
  headers: Record<string, string> = {},
): string | undefined {
  const [grpcService = '', method = ''] = path.split('/');
  const header = (name: string): string | undefined => headers[name];
  return compiled.routes.find({ host, grpcService, method, header })?.target.backends[0]?.service;
}

function conditions(compiled: CompiledDocuments, id: string, known: readonly string[] = []) {
  const status = compiled
    .statuses((name) => known.includes(name))
    .find(({ source }) => source.id === id);
  return Object.fromEntries(
    (status?.conditions ?? []).map((one) => [one.type, one.status ? true : one.reason]),
  );
}

describe('precedence: of two routes the one that comes first in', () => {
  const service = 'method: { service: a.B }';
  const method = 'method: { service: a.B, method: C }';
  const header = 'headers: [{ name: h, value: "1" }]';
  it.each([
    [
      'an exact host name before a wildcard',
      `hostnames: [x.a.org], ${rule('one')}`,
      `hostnames: ['*.a.org'], ${rule('two', `${method}, ${header}`)}`,
    ],
    [
      'a longer wildcard before a shorter one',
      `hostnames: ['*.a.org'], ${rule('one')}`,
      `hostnames: ['*.org'], ${rule('two', method)}`,
    ],
    ['any host name before none', `hostnames: ['*.org'], ${rule('one')}`, rule('two', method)],
    [
      'a service before a method of any service',
      rule('one', service),
      rule('two', 'method: { method: C }'),
    ],
    ['a service before headers', rule('one', service), rule('two', header)],
    ['a method before more headers', rule('one', method), rule('two', `${service}, ${header}`)],
    [
      'a method of any service before headers',
      rule('one', 'method: { method: C }'),
      rule('two', header),
    ],
    ['a header before none', rule('one', `${service}, ${header}`), rule('two', service)],
    ['a header before everything else alike', rule('one', header), rule('two')],
  ])('%s', (_what, first, second) => {
    for (const text of [
      route('r', first) + route('s', second),
      route('s', first) + route('r', second),
    ])
      expect(backendOf(compile(text), 'x.a.org', 'a.B/C', { h: '1' })).toBe('one');
  });

  it('age, then namespace and name, then its place', () => {
    const at = (year: number): string => `, creationTimestamp: "${year}-01-01T00:00:00Z"`;
    const old = route('z', rule('old'), at(2020));
    const young = route('b', rule('young'), at(2021));
    const ageless = route('a', rule('ageless'));
    const other = route('a', rule('other'), ', namespace: zoo');
    const places = route(
      'p',
      'rules: [{ backendRefs: [{ name: first }] }, { backendRefs: [{ name: second }] }]',
    );

    expect(backendOf(compile(young + ageless + old), '', 'a.B/C')).toBe('old');
    expect(backendOf(compile(ageless + young), '', 'a.B/C')).toBe('young');
    expect(backendOf(compile(other + ageless), '', 'a.B/C')).toBe('ageless');
    expect(backendOf(compile(route('b', rule('b')) + route('a', rule('a'))), '', 'a.B/C')).toBe(
      'a',
    );
    expect(backendOf(compile(places), '', 'a.B/C')).toBe('first');
  });

  it('falls through to a less specific one when a header is missing, also to another host name', () => {
    const compiled = compile(
      route('a', `hostnames: [x.org], ${rule('canary', 'headers: [{ name: h, value: "1" }]')}`) +
        route('b', rule('main')),
    );

    expect(backendOf(compiled, 'x.org', 'a.B/C', { h: '1' })).toBe('canary');
    expect(backendOf(compiled, 'x.org', 'a.B/C', { h: '2' })).toBe('main');
    const why = explainMatch(compiled.routes, {
      host: 'x.org',
      grpcService: 'a.B',
      method: 'C',
      header: () => undefined,
    });
    expect(why.map(({ taken, why: text }) => [taken, text])).toEqual([
      [false, 'header h must be "1", and there is none'],
      [true, 'the most specific that matches: any host, any service, any method'],
    ]);
  });
});

describe('conditions', () => {
  const parent = 'parentRefs: [{ name: edge }]';
  const good = { Accepted: true, ResolvedRefs: true, Programmed: true };
  it.each([
    ['a route of a Gateway', gateway('') + route('r', `${parent}, ${rule('known')}`), good],
    ['a route without parent', route('r', rule('known')), good],
    [
      'no such Gateway',
      route('r', `${parent}, ${rule('known')}`),
      { ...good, Accepted: 'NoMatchingParent', Programmed: 'Invalid' },
    ],
    [
      'no such listener',
      gateway('') + route('r', `parentRefs: [{ name: edge, sectionName: b }], ${rule('known')}`),
      { ...good, Accepted: 'NoMatchingParent', Programmed: 'Invalid' },
    ],
    [
      'another namespace',
      gateway('') +
        route(
          'r',
          `parentRefs: [{ name: edge, namespace: default }], ${rule('known')}`,
          ', namespace: zoo',
        ),
      { ...good, Accepted: 'NotAllowedByListeners', Programmed: 'Invalid' },
      'GRPCRoute zoo/r',
    ],
    [
      'another namespace that is allowed',
      gateway(', allowedRoutes: { namespaces: { from: All } }') +
        route(
          'r',
          `parentRefs: [{ name: edge, namespace: default }], ${rule('known')}`,
          ', namespace: zoo',
        ),
      good,
      'GRPCRoute zoo/r',
    ],
    [
      'a kind that is not allowed',
      gateway(', allowedRoutes: { kinds: [{ kind: HTTPRoute }] }') +
        route('r', `${parent}, ${rule('known')}`),
      { ...good, Accepted: 'NotAllowedByListeners', Programmed: 'Invalid' },
    ],
    [
      'no host name in common',
      gateway(', hostname: a.org') + route('r', `${parent}, hostnames: [b.org], ${rule('known')}`),
      { ...good, Accepted: 'NoMatchingListenerHostname', Programmed: 'Invalid' },
    ],
    [
      'a match that is not known',
      route('r', rule('known', 'method: { type: RegularExpression, service: ".*" }')),
      { ...good, Accepted: 'UnsupportedValue', Programmed: 'Invalid' },
    ],
    [
      'a filter that is not known',
      route('r', 'rules: [{ filters: [{ type: ExtensionRef, extensionRef: {} }] }]'),
      { ...good, Accepted: 'UnsupportedValue', Programmed: 'Invalid' },
    ],
    [
      'a filter twice',
      route(
        'r',
        'rules: [{ filters: [{ type: RequestHeaderModifier, requestHeaderModifier: {} }, { type: RequestHeaderModifier, requestHeaderModifier: {} }] }]',
      ),
      { ...good, Accepted: 'UnsupportedValue', Programmed: 'Invalid' },
    ],
    [
      'a change of a header that carries the call',
      route(
        'r',
        'rules: [{ filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [TE] } }] }]',
      ),
      { ...good, Accepted: 'UnsupportedValue', Programmed: 'Invalid' },
    ],
    [
      'a backend that is not registered',
      route('r', rule('unknown')),
      { ...good, ResolvedRefs: 'BackendNotFound' },
    ],
    [
      'a backend of another kind',
      route('r', 'rules: [{ backendRefs: [{ kind: Bucket, name: known }] }]'),
      { ...good, ResolvedRefs: 'InvalidKind' },
    ],
    [
      'a backend of another namespace',
      route('r', 'rules: [{ backendRefs: [{ namespace: zoo, name: known }] }]'),
      { ...good, ResolvedRefs: 'RefNotPermitted' },
    ],
    [
      'a port that is not acted on',
      route('r', 'rules: [{ backendRefs: [{ name: known, port: 80 }] }]'),
      { ...good, FieldsNotUsed: true },
    ],
    ['a Gateway', gateway(''), { Accepted: true, Programmed: true }, 'Gateway default/edge'],
    [
      'a listener of UDP',
      gateway('').replace('HTTP', 'UDP'),
      { Accepted: 'UnsupportedProtocol', Programmed: 'UnsupportedProtocol' },
      'Gateway default/edge',
    ],
    [
      'a policy',
      policy('BackendPolicy', 'p', 'targetRefs: [{ kind: Service, name: known }]'),
      { Accepted: true },
      'BackendPolicy default/p',
    ],
    [
      'a policy of a Gateway, of a route and of a rule',
      policy(
        'TrafficPolicy',
        'p',
        'targetRefs: [{ kind: Gateway, name: edge }, { kind: GRPCRoute, name: r }, { kind: GRPCRoute, name: r, sectionName: main }]',
      ) +
        gateway('') +
        route('r', 'rules: [{ name: main, backendRefs: [{ name: known }] }]'),
      { Accepted: true },
      'TrafficPolicy default/p',
    ],
    [
      'a policy of nothing',
      policy('TrafficPolicy', 'p', 'targetRefs: [{ kind: GRPCRoute, name: r, sectionName: x }]') +
        route('r', rule('known')),
      { Accepted: 'TargetNotFound' },
      'TrafficPolicy default/p',
    ],
    [
      'a policy of a service that was never registered',
      policy('BackendPolicy', 'p', 'targetRefs: [{ kind: Service, name: unknown }]'),
      { Accepted: 'TargetNotFound' },
      'BackendPolicy default/p',
    ],
    [
      'a second policy of one target',
      ['q', 'p']
        .map((name) =>
          policy('BackendPolicy', name, 'targetRefs: [{ kind: Service, name: known }]'),
        )
        .join(''),
      { Accepted: 'Conflicted' },
      'BackendPolicy default/q',
    ],
  ])('of %s', (_what, text, expected, id = 'GRPCRoute default/r') => {
    expect(conditions(compile(text), id, ['known'])).toEqual(expected);
  });

  it('a route that is not accepted routes nothing', () => {
    const compiled = compile(
      route('r', rule('x', 'headers: [{ type: RegularExpression, name: a, value: b }]')),
    );

    expect(compiled.routeEntries).toEqual([]);
  });
});

describe('timeouts', () => {
  const timeouts = (text: string): string => `timeouts: ${text}`;
  const named = 'rules: [{ name: main, backendRefs: [{ name: greeter }] }]';

  it('take the most specific default and the shortest maximum', () => {
    const compiled = compile(
      gateway('') +
        route('r', `parentRefs: [{ name: edge }], ${named}`) +
        policy(
          'TrafficPolicy',
          'a',
          `targetRefs: [{ kind: Gateway, name: edge }], ${timeouts('{ default: 1s, max: 9s }')}`,
        ) +
        policy(
          'TrafficPolicy',
          'b',
          `targetRefs: [{ kind: GRPCRoute, name: r }], ${timeouts('{ default: 2s, max: 20s }')}`,
        ) +
        policy(
          'TrafficPolicy',
          'c',
          `targetRefs: [{ kind: GRPCRoute, name: r, sectionName: main }], ${timeouts('{ max: 30s }')}`,
        ) +
        policy(
          'BackendPolicy',
          'd',
          `targetRefs: [{ kind: Service, name: greeter }], ${timeouts('{ default: 5s, max: 8s }')}`,
        ),
    );

    expect(compiled.routeEntries[0]?.target.backends[0]?.timeouts).toEqual({
      defaultMs: 2000,
      maxMs: 8000,
    });
    expect(compiled.backends.get('greeter')?.timeouts).toEqual({ defaultMs: 5000, maxMs: 8000 });
  });
});

describe('shares', () => {
  it('follow the weights over the whole range of a draw', () => {
    const compiled = compile(
      route(
        'r',
        'rules: [{ backendRefs: [{ name: a, weight: 3 }, { name: none, weight: 0 }, { name: b, weight: 1 }] }]',
      ),
    );
    const target = compiled.routeEntries[0]?.target;
    const at = (draw: number) => target && pickBackend(target, () => draw)?.service;

    expect([0, 0.5, 0.7499, 0.75, 0.9999].map(at)).toEqual(['a', 'a', 'a', 'b', 'b']);
  });

  it('of weights that are all 0 are none', () => {
    const compiled = compile(route('r', 'rules: [{ backendRefs: [{ name: a, weight: 0 }] }]'));
    const target = compiled.routeEntries[0]?.target;

    expect(target && pickBackend(target, () => 0)).toBeUndefined();
  });
});

describe('what one set changes of another', () => {
  it('is told by document and by route', () => {
    const before = compile(
      route('r', rule('a', 'method: { service: a.B }')) +
        route('gone', `hostnames: [x.org], ${rule('b')}`),
    );
    const after = compile(
      route(
        'r',
        'rules: [{ matches: [{ method: { service: a.B } }], backendRefs: [{ name: a, weight: 9 }, { name: b }] }]',
      ) + route('new', rule('c', 'headers: [{ name: H, value: "1" }]')),
    );

    expect(difference(before, after)).toEqual({
      documents: [
        { id: 'GRPCRoute default/gone', change: 'removed' },
        { id: 'GRPCRoute default/new', change: 'added' },
        { id: 'GRPCRoute default/r', change: 'changed' },
      ],
      removedRoutes: [
        '* a.B/* → a (GRPCRoute default/r, rules[0])',
        'x.org */* → b (GRPCRoute default/gone, rules[0])',
      ],
      addedRoutes: [
        '* a.B/* → a 9, b 1 (GRPCRoute default/r, rules[0])',
        '* */* [h: 1] → c (GRPCRoute default/new, rules[0])',
      ],
    });
  });

  it('is nothing for the same texts, read twice', () => {
    const text = gateway('') + route('r', rule('a'));

    expect(difference(compile(text), compile(text)).documents).toEqual([]);
  });
});

describe('compiling after a change', () => {
  it('takes over what has not changed, and only as long as Gateways and policies are the same', () => {
    const kept = texts(route('kept', `parentRefs: [{ name: edge }], ${rule('a')}`));
    const listener = texts(gateway(''));
    const compileTexts = (parts: ReadText[], previous?: CompiledDocuments): CompiledDocuments =>
      compileDocuments(documentSet(parts).documents, previous);
    const before = compileTexts([...listener, ...kept]);

    const more = compileTexts([...listener, ...kept, ...texts(route('r', rule('b')))], before);
    const other = compileTexts([...texts(gateway(', hostname: x.org')), ...kept], more);

    expect(more.routeEntries[0]).toBe(before.routeEntries[0]);
    expect(conditions(more, 'Gateway default/edge')).toEqual({ Accepted: true, Programmed: true });
    expect(other.routeEntries.map(({ hostname }) => hostname)).toEqual(['x.org']);
  });

  it('finds for every call what a table that was made anew finds', () => {
    const all = ['r0', 'r1', 'r2', 'r3'].flatMap((name, index) =>
      [
        { host: 'a.org', match: '' },
        { host: ['', '*.org', 'b.a.org', 'a.org'][index] ?? '', match: 'method: { service: a.B }' },
        { host: '', match: 'headers: [{ name: h, value: "1" }]' },
      ].map((part) => ({ name, ...part })),
    );
    // Parts stay in their order, so that sets have beginnings and ends in common.
    const set = fc
      .subarray(all)
      .map((parts) => parts.filter(({ name }, at) => parts[at - 1]?.name !== name));
    // The same part is the same object, as in files that have not changed.
    const known = new Map<string, readonly ReadText[]>();
    const textsOf = ({ name, host, match }: { name: string; host: string; match: string }) => {
      const hostnames = host === '' ? '' : `hostnames: ['${host}'], `;
      const text = route(name, `${hostnames}${rule(`${name}-${host.length}`, match)}`);
      const read = known.get(text) ?? texts(text);
      known.set(text, read);
      return read;
    };
    fc.assert(
      fc.property(fc.array(set, { minLength: 2, maxLength: 5 }), (sets) => {
        let compiled: CompiledDocuments | undefined;
        for (const parts of sets) {
          const { documents } = documentSet(parts.flatMap(textsOf));
          compiled = compileDocuments(documents, compiled);
          const fresh = compileDocuments(documents);
          expect(compiled.statuses(() => true)).toEqual(fresh.statuses(() => true));
          expect(compiled.routeEntries).toEqual(fresh.routeEntries);
          expect(compiled.routes.isEmpty).toBe(documents.length === 0);
          expect([...compiled.services.items()].sort()).toEqual([...fresh.services.items()].sort());
          for (const host of ['a.org', 'b.a.org', 'c.org', 'x.y'])
            for (const headers of [{}, { h: '1' }])
              for (const path of ['a.B/C', 'x.Y/C'])
                expect(backendOf(compiled, host, path, headers)).toBe(
                  backendOf(fresh, host, path, headers),
                );
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a BackendPolicy', () => {
  const callsOf = (compiled: CompiledDocuments) =>
    compiled.routeEntries.map(({ target }) => target.backends[0]?.calls);
  const toRoute = (section: string): string =>
    `targetRefs: [{ kind: GRPCRoute, name: r${section === '' ? '' : `, sectionName: ${section}`} }]`;
  const routes = route(
    'r',
    'rules: [{ name: one, backendRefs: [{ name: a }] }, { name: two, matches: [{ method: { service: x.Y } }], backendRefs: [{ name: a }] }]',
  );

  it('of a rule counts before that of its route, in retry field by field', () => {
    const compiled = compile(
      routes +
        policy(
          'BackendPolicy',
          'route',
          `${toRoute('')}, retry: { attempts: 5, codes: [ABORTED] }, hedging: { after: 30ms, max: 2 }`,
        ) +
        policy('BackendPolicy', 'rule', `${toRoute('one')}, retry: { attempts: 2 }`),
    );

    const hedging = { after: { delayMs: 30 }, attemptsMax: 3 };
    const codes = new Set([10]);
    expect(callsOf(compiled)).toEqual(
      expect.arrayContaining([
        { retry: { attemptsMax: 2, codes }, hedging: expect.objectContaining(hedging) as object },
        { retry: { attemptsMax: 5, codes }, hedging: expect.objectContaining(hedging) as object },
      ]),
    );
    expect(conditions(compiled, 'BackendPolicy default/rule')).toEqual({ Accepted: true });
    expect(difference(undefined, compiled).addedRoutes.join('\n')).toContain(
      '{2 attempts after ABORTED 2 hedged after 30ms}',
    );
    expect([...compiled.backends.keys()]).toEqual([]);
  });

  it('of a service says what its protection is, with itself as the owner', () => {
    const compiled = compile(
      policy(
        'BackendPolicy',
        'b',
        `targetRefs: [{ kind: Service, name: a }], limits: { requests: 3 }, hedging: { after: p99.9 }, healthCheck: { service: x.Y }`,
      ),
    );

    expect(compiled.backends.get('a')?.protection).toMatchObject({
      owner: 'BackendPolicy default/b',
      limits: { requestsMax: 3, pendingMax: undefined },
      hedging: { after: { quantile: 0.999 }, attemptsMax: 2 },
      healthCheck: { service: 'x.Y', intervalMs: 5000, timeoutMs: 1000 },
      breaker: undefined,
    });
  });

  it.each([
    ['limits: { requests: 1 }', 'limits: '],
    ['circuitBreaker: {}, outlierDetection: {}', 'outlierDetection, circuitBreaker: '],
    ['retry: { attempts: 2, budget: { percent: 1 } }', 'retry.budget: '],
    ['timeouts: { max: 1s }', 'timeouts: '],
  ])('of a route says that it cannot have %s', (parts, message) => {
    const compiled = compile(routes + policy('BackendPolicy', 'p', `${toRoute('')}, ${parts}`));

    const status = compiled.statuses(() => true).find(({ source }) => source.id.endsWith('/p'));
    expect(status?.conditions).toEqual([
      {
        ...{ type: 'Accepted', status: false, reason: 'Invalid' },
        message: expect.stringContaining(message) as string,
      },
    ]);
  });

  it('of a rule that is not there says so', () => {
    const compiled = compile(
      routes + policy('BackendPolicy', 'p', `${toRoute('three')}, retry: { attempts: 2 }`),
    );

    expect(conditions(compiled, 'BackendPolicy default/p')).toEqual({ Accepted: 'TargetNotFound' });
  });

  it.each([
    ['hedging: { after: soon }', 'a percentile such as p95'],
    ['hedging: { after: 20m }', 'from 1ms to 10m'],
    ['retry: { codes: [OK] }', 'retry.codes[0]'],
    ['retry: { methods: [a.B] }', 'must be package.Service/Method'],
    ['healthCheck: { interval: 1ms }', 'must be from 50ms to 1h'],
    ['limits: { requests: 0 }', 'limits.requests'],
    ['circuitBreaker: { errorPercent: 101 }', 'circuitBreaker.errorPercent'],
    ['outlierDetection: { ejection: 1s }', 'did you mean ejectionTime?'],
  ])('with %s is refused', (parts, message) => {
    const { problems } = documentSet(
      texts(policy('BackendPolicy', 'b', `targetRefs: [{ kind: Service, name: a }], ${parts}`)),
    );

    expect(problems.map((problem) => problem.message).join()).toContain(message);
  });
});
