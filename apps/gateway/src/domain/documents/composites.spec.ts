import { type CompiledDocuments, compileDocuments } from './compile';
import { compositeLine } from './composites';
import { difference, routeLine } from './difference';
import { documentSet, readText } from './document-set';
import { readDocument, splitDocuments } from './read-documents';

function read(text: string) {
  return documentSet(
    splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text))),
  );
}

function compile(text: string, previous?: CompiledDocuments): CompiledDocuments {
  const { documents, problems } = read(text);
  expect(problems).toEqual([]);
  return compileDocuments(documents, previous);
}

function composite(name: string, spec: string, metadata = ''): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: CompositeRoute
metadata: { name: ${name}${metadata} }
spec: { ${spec} }
`;
}

const part = `{ name: a, call: a.B/C }`;

/** Problems of a CompositeRoute, without file and line. */
function problemsOf(spec: string): string[] {
  return read(composite('x', spec)).problems.map(({ message }) => message);
}

const found = (compiled: CompiledDocuments, host: string, method: string, path: string) => {
  const match = compiled.composites?.match(host, method, path);
  return match?.kind === 'found' ? match.composite.document : match;
};

describe('CompositeRoute documents', () => {
  it.each([
    ['path: /v1/x, parts: []', /parts: .*>=1/],
    [`path: v1/x, parts: [${part}]`, /path: .*must begin with "\/"/],
    [`path: '/{a}/x', parts: [${part}]`, /path: must begin with a segment that is written out/],
    [`path: /openapi.json, parts: [${part}]`, /path: .*the gateway's own/],
    [`path: /x, method: PUT, parts: [${part}]`, /method/],
    [`path: /x, parts: [${part}, ${part}]`, /parts: two parts have one name/],
    [`path: /x, parts: [{ name: errors, call: a.B/C }]`, /name: must not be errors/],
    [`path: /x, parts: [{ name: a, call: a.B }]`, /call: must be package.Service\/Method/],
    [`path: /x, parts: [{ name: a, call: a.B/C, timeuot: 1s }]`, /timeuot.*did you mean timeout/],
    [`path: /x, parts: [{ name: a, call: a.B/C, cache: {} }]`, /ttl/],
    [
      `path: /x, parts: [{ name: a, call: a.B/C, request: { b: '\${x}' } }]`,
      /request: .*must begin with one of path/,
    ],
    [
      `path: /x, parts: [{ name: a, call: a.B/C, request: { b: '\${path.y}' } }]`,
      /request: \$\{path.y\} is no variable/,
    ],
    [
      `path: /x, parts: [{ name: a, call: a.B/C, request: { b: '\${body.y}' } }]`,
      /\$\{body.y\} needs the method POST/,
    ],
    [
      `path: /x, parts: [{ name: a, call: a.B/C, request: { b: '\${parts.a.y}' } }]`,
      /\$\{parts.a.y\} is no part above/,
    ],
    [
      `path: /x, parts: [${Array.from({ length: 17 }, (_, n) => `{ name: a${n}, call: a.B/C }`).join(', ')}]`,
      /parts: .*<=16/,
    ],
  ])('are refused for %s', (spec, message) => {
    expect(problemsOf(spec)).toEqual([expect.stringMatching(message)]);
  });

  it('are found by host name, method and path', () => {
    const compiled = compile(
      composite('any', `path: /v1/x, parts: [${part}]`) +
        composite('one', `path: /v1/x, hostnames: [a.example.com], parts: [${part}]`) +
        composite(
          'below',
          `path: '/v1/{x}', hostnames: ['*.example.com'], method: POST, parts: [${part}]`,
        ),
    );

    expect(found(compiled, 'a.example.com', 'GET', '/v1/x')).toBe('CompositeRoute default/one');
    expect(found(compiled, 'b.example.com', 'GET', '/v1/x')).toBe('CompositeRoute default/any');
    expect(found(compiled, 'b.example.com', 'POST', '/v1/x')).toBe('CompositeRoute default/below');
    expect(found(compiled, '', 'POST', '/v1/x')).toEqual({
      kind: 'method-unknown',
      allowed: ['GET'],
    });
    expect(found(compiled, '', 'GET', '/v1/y')).toBeUndefined();
  });

  it('hold a path by age, and say who has it', () => {
    const compiled = compile(
      composite('a', `path: '/v1/{x}', parts: [${part}]`) +
        composite(
          'b',
          `path: '/v1/{y}', parts: [${part}]`,
          `, creationTimestamp: '2020-01-01T00:00:00Z'`,
        ),
    );

    expect(found(compiled, '', 'GET', '/v1/x')).toBe('CompositeRoute default/b');
    expect(
      compiled
        .statuses(() => true)
        .map(({ conditions }) => [conditions[0]?.reason, conditions[0]?.message]),
    ).toEqual([
      ['Conflicted', 'any host GET /v1/{x} has CompositeRoute default/b already'],
      ['Accepted', 'its path is its own'],
    ]);
  });

  it('say which of their methods are not known', () => {
    const compiled = compile(composite('a', `path: /x, parts: [${part}]`));
    const [status] = compiled.statuses(() => true, {
      partFaults: ({ parts }) =>
        parts.map(({ name }) => ({ reason: 'MethodNotFound', message: `part ${name}` })),
    });

    expect(status?.conditions[1]).toEqual({
      type: 'ResolvedRefs',
      status: false,
      reason: 'MethodNotFound',
      message: 'part a',
    });
  });

  it('are kept as they are when others change', () => {
    const one = composite('a', `path: /x, parts: [${part}]`);
    const texts = splitDocuments(one + composite('b', `path: /y, parts: [${part}]`)).map((text) =>
      readText('f.yaml', text, readDocument(text.text)),
    );
    const before = compileDocuments(documentSet(texts).documents);
    const after = compileDocuments(documentSet(texts.slice(0, 1)).documents, before);

    expect(after.composites?.composites).toEqual([before.composites?.composites[0]]);
    expect(after.composites?.composites[0]).toBe(before.composites?.composites[0]);
    expect(difference(before, after).removedRoutes).toEqual([
      '* GET /y → a a.B/C (CompositeRoute default/b)',
    ]);
  });

  it('are told on one line', () => {
    const compiled = compile(
      composite(
        'x',
        `path: /x, method: POST, hostnames: [h], timeout: 2s, parts: [${part},
           { name: b, call: a.B/D, request: { i: '\${parts.a.id}' }, optional: true, timeout: 1s, cache: { ttl: 5s } }]`,
      ) +
        `---
apiVersion: gateway.raftway.dev/v1
kind: TranscodePolicy
metadata: { name: p }
spec: { targetRefs: [{ kind: CompositeRoute, name: x }], json: { emitDefaults: true } }
`,
    );

    expect(compiled.composites?.composites.map(compositeLine)).toEqual([
      'h POST /x → a a.B/C, b a.B/D {optional, at most 1s, kept 5s, after a} {at most 2s, emitDefaults true} (CompositeRoute default/x)',
    ]);
  });
});

describe('TranscodePolicy documents', () => {
  const policy = (spec: string, target = '{ kind: GRPCRoute, name: r }'): string => `---
apiVersion: gateway.raftway.dev/v1
kind: TranscodePolicy
metadata: { name: p }
spec: { targetRefs: [${target}], ${spec} }
`;
  const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: r }
spec: { rules: [{ backendRefs: [{ name: s }] }] }
`;

  it('show in the routes that they are about', () => {
    const compiled = compile(
      route +
        policy(
          "protocols: { connect: false }, json: { enumsAsNumbers: true }, cors: { origins: ['https://a.b'] }, messageBytesMax: 9",
        ),
    );

    expect(compiled.routeEntries.map(routeLine)).toEqual([
      '* */* → s {connect off, enumsAsNumbers true, cors https://a.b, messageBytesMax 9} (GRPCRoute default/r, rules[0])',
    ]);
    expect(compile(route).routeEntries[0]?.target.transcoding).toBeUndefined();
  });

  it('of a rule, its route, its Gateway and its service count in this order for each setting, and the least limit', () => {
    const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP }] }
`;
    const attached = route
      .replace('spec: {', 'spec: { parentRefs: [{ name: edge }],')
      .replace('rules: [{', 'rules: [{ name: main,');
    // The least specific first.
    const policies = [
      ['{ kind: Service, name: s }', true, 60],
      ['{ kind: Gateway, name: edge }', false, 50],
      ['{ kind: GRPCRoute, name: r }', true, 70],
      ['{ kind: GRPCRoute, name: r, sectionName: main }', false, 80],
    ] as const;
    const settingsOf = (count: number): unknown => {
      const held = policies
        .slice(0, count)
        .map(([target, isOn, bytesMax], index) =>
          policy(
            `protocols: { connect: ${isOn} }, json: { emitDefaults: ${isOn} }, messageBytesMax: ${bytesMax}`,
            target,
          ).replace('name: p ', `name: p${index} `),
        );
      const { transcoding } =
        compile(gateway + attached + held.join('')).routeEntries[0]?.target ?? {};
      const { protocols, emitDefaults, limit } = transcoding ?? {};
      return [protocols?.connect?.isOn, emitDefaults, limit?.bytesMax];
    };

    expect([1, 2, 3, 4].map(settingsOf)).toEqual([
      [true, true, 60],
      [false, false, 50],
      [true, true, 50],
      [false, false, 50],
    ]);
  });

  it('say that they have no target', () => {
    const compiled = compile(policy('json: {}', '{ kind: CompositeRoute, name: none }'));

    expect(compiled.statuses(() => true)[0]?.conditions).toMatchObject([
      { type: 'Accepted', status: false, reason: 'TargetNotFound' },
    ]);
  });

  it.each([
    ['json: { unknownFields: drop }', /json.unknownFields/],
    ["cors: { origins: ['https://a.b/'] }", /must be https:\/\/host/],
    ['cors: { origins: [], maxAge: 25h }', /maxAge: must be a duration from 0ms to 24h/],
    ['messageBytesMax: 0', /messageBytesMax/],
    ['protocols: { grpc: false }', /grpc.*did you mean grpcWeb/],
  ])('are refused for %s', (spec, message) => {
    expect(read(policy(spec)).problems.map((one) => one.message)).toEqual([
      expect.stringMatching(message),
    ]);
  });
});
