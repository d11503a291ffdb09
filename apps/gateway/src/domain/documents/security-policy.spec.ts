import { type CompiledDocuments, compileDocuments } from './compile';
import { difference, routeLine } from './difference';
import { documentSet, type ReadText, readText } from './document-set';
import { readDocument, splitDocuments } from './read-documents';

function texts(text: string): ReadText[] {
  return splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text)));
}

function compile(text: string, previous?: CompiledDocuments): CompiledDocuments {
  const { documents, problems } = documentSet(texts(text));
  expect(problems).toEqual([]);
  return compileDocuments(documents, previous);
}

const problemsOf = (text: string): string[] =>
  documentSet(texts(text)).problems.map(({ message }) => message);

const sha256 = 'a'.repeat(64);
const keys = `apiKeys: { keys: [{ id: a, sha256: ${sha256} }] }`;

function policy(name: string, target: string, spec = keys): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: SecurityPolicy
metadata: { name: ${name} }
spec: { targetRefs: [${target}], ${spec} }
`;
}

function gateway(name: string, hostname?: string): string {
  const listener = hostname === undefined ? '' : `, hostname: "${hostname}"`;
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name} }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP${listener} }] }
`;
}

function route(name: string, parent?: string): string {
  const parents = parent === undefined ? '' : `parentRefs: [{ name: ${parent} }], `;
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name.toLowerCase()} }
spec: { ${parents}rules: [{ name: main, matches: [{ method: { service: a.${name} } }], backendRefs: [{ name: b }] }] }
`;
}

/** Which policy holds for a call. */
function heldFor(compiled: CompiledDocuments, host: string, grpcService = 'none'): string {
  const call = { host, grpcService, method: 'C', header: () => undefined };
  const rule = compiled.routes.find(call)?.target;
  const held = compiled.security?.ofCall(rule, host) ?? 'none';
  return typeof held === 'string' ? held : held.id.replace('SecurityPolicy default/', '');
}

describe('which policy holds', () => {
  const all =
    gateway('edge', '*.example.com') +
    gateway('open', '*.open.test') +
    route('Own', 'edge') +
    route('Named', 'edge') +
    route('Plain', 'edge') +
    route('Loose') +
    route('Free', 'open') +
    policy('of-gateway', '{ kind: Gateway, name: edge }') +
    policy('of-route', '{ kind: GRPCRoute, name: own }') +
    policy('of-rule', '{ kind: GRPCRoute, name: named, sectionName: main }');

  it.each([
    ['api.example.com', 'a.Own', 'of-route'],
    ['api.example.com', 'a.Named', 'of-rule'],
    ['api.example.com', 'a.Plain', 'of-gateway'],
    ['api.example.com', 'a.Loose', 'of-gateway'],
    ['api.example.com', 'a.Nobody', 'of-gateway'],
    ['x.open.test', 'a.Free', 'none'],
    ['x.open.test', 'a.Nobody', 'none'],
    ['elsewhere', 'a.Nobody', 'host-not-covered'],
    ['elsewhere', 'a.Loose', 'host-not-covered'],
    ['elsewhere', 'a.Plain', 'host-not-covered'],
  ])('for %s %s: %s', (host, grpcService, expected) => {
    expect(heldFor(compile(all), host, grpcService)).toBe(expected);
  });

  it('of two for one target: the older, and the other is told', () => {
    const compiled = compile(
      gateway('edge') +
        policy('b', '{ kind: Gateway, name: edge }') +
        policy('a', '{ kind: Gateway, name: edge }'),
    );
    const status = compiled.statuses(() => true).find(({ source }) => source.id.endsWith('/b'));

    expect(heldFor(compiled, 'x')).toBe('a');
    expect(status?.conditions[0]).toMatchObject({ type: 'Accepted', reason: 'Conflicted' });
  });

  it('of two Gateways with one host name: that of the one that has any, also where it is the younger', () => {
    const compiled = compile(
      gateway('a') + gateway('b') + policy('p', '{ kind: Gateway, name: b }'),
    );

    expect(heldFor(compiled, 'x')).toBe('p');
  });

  it('for no call when there is none, at no cost', () => {
    expect(compile(gateway('edge') + route('free', 'edge')).security).toBeUndefined();
  });
});

it('a policy whose keys are not there is not programmed', () => {
  const compiled = compile(gateway('edge') + policy('p', '{ kind: Gateway, name: edge }'));
  const [, status] = compiled.statuses(() => true, {
    unloaded: () => [{ reason: 'NotLoaded', message: 'no keys' }],
  });

  expect(status?.conditions).toMatchObject([
    { type: 'Accepted', status: true },
    { type: 'Programmed', status: false, reason: 'NotLoaded', message: 'no keys' },
  ]);
});

it('a change of another document leaves a policy as it was, and one of a policy shows in routes', () => {
  const edge = gateway('edge');
  const secured = policy('p', '{ kind: GRPCRoute, name: free }');
  const known = texts(edge + route('free', 'edge') + secured);
  const before = compileDocuments(documentSet(known).documents);
  const more = compileDocuments(
    documentSet([...known, ...texts(gateway('more'))]).documents,
    before,
  );
  const without = compileDocuments(documentSet(known.slice(0, 2)).documents, before);

  expect(more.security?.settings[0]?.document).toBe(before.security?.settings[0]?.document);
  expect(before.routeEntries.map(routeLine)).toEqual([
    '* a.free/* → b (GRPCRoute default/free, main, SecurityPolicy default/p)',
  ]);
  expect(difference(before, without).addedRoutes).toEqual([
    '* a.free/* → b (GRPCRoute default/free, main)',
  ]);
});

const jwt = (keySource: string, more = ''): string =>
  `jwt: { issuers: [{ issuer: i, audiences: [a], keys: { ${keySource} }${more} }] }`;

describe('a document is refused', () => {
  it.each([
    ['that says nothing', 'anonymous: true', 'says nothing'],
    ['with http of another machine', jwt('url: "http://id.test/k"'), 'must be https'],
    [
      'with http of what looks like this machine',
      jwt('url: "http://localhost.evil/k"'),
      'must be https',
    ],
    [
      'with two sources of keys',
      jwt('url: "https://a.test", file: b'),
      'one of url, file and inline',
    ],
    ['without a source of keys', jwt('refresh: 1m'), 'one of url, file and inline'],
    ['with an algorithm of secrets', jwt('file: k', ', algorithms: [HS256]'), 'algorithms'],
    ['with no algorithm', jwt('file: k', ', algorithms: [none]'), 'algorithms'],
    ['with a secret as key', jwt('inline: { keys: [{ kty: oct, k: c2Vj }] }'), 'kty'],
    ['with a private key', jwt('inline: { keys: [{ kty: OKP, x: a, d: b }] }'), 'is a private key'],
    [
      'that tells instances in a header of the call',
      jwt('file: k', ', claimHeaders: [{ claim: c, header: grpc-timeout }]'),
      'has a meaning of its own',
    ],
    [
      'that tells who calls as only the gateway may',
      jwt('file: k', ', claimHeaders: [{ claim: c, header: raftway-identity-principal }]'),
      'has a meaning of its own',
    ],
    ['with a key instead of its hash', 'apiKeys: { keys: [{ id: a, sha256: secret }] }', '64 hex'],
    ['without keys', 'apiKeys: { header: x-key }', 'keys or file'],
    ['with a name of no kind', 'mtls: { names: [web] }', 'must begin with DNS: or URI:'],
    [
      'with two authorizers',
      'externalAuthorization: { service: a, address: "b:1" }',
      'one of service',
    ],
    [
      'with a method that is none',
      `${keys}, rules: [{ name: a, principals: [{ anyone: true }], methods: [a/b/c] }]`,
      'must be package.Service',
    ],
    [
      'with two kinds of one principal',
      `${keys}, rules: [{ name: a, principals: [{ anyone: true, apiKey: {} }] }]`,
      'one of jwt, apiKey',
    ],
    [
      'with rules about tokens that it does not know',
      `${keys}, rules: [{ name: a, principals: [{ jwt: {} }] }]`,
      'needs jwt',
    ],
    [
      'that allows nothing',
      `${keys}, rules: [{ name: a, action: DENY, principals: [{ anyone: true }] }]`,
      'no rule allows anything',
    ],
  ])('%s', (_what, spec, expected) => {
    expect(problemsOf(policy('p', '{ kind: Gateway, name: edge }', spec)).join('\n')).toContain(
      expected,
    );
  });

  it.each(['https://id.test/k', 'http://127.0.0.1:80/k', 'http://localhost/k', 'http://[::1]:1/k'])(
    'not with keys from %s',
    (url) => {
      expect(
        problemsOf(policy('p', '{ kind: Gateway, name: edge }', jwt(`url: "${url}"`))),
      ).toEqual([]);
    },
  );
});

describe('rules', () => {
  const rules = (text: string) => {
    const spec = `${keys}, ${jwt('file: k')}, mtls: { names: ["DNS:**"] }, rules: [${text}]`;
    const compiled = compile(gateway('edge') + policy('p', '{ kind: Gateway, name: edge }', spec));
    return compiled.security?.settings[0]?.rules;
  };
  const alice = {
    type: 'jwt',
    principal: 'alice',
    issuer: 'i',
    claims: { scope: 'read write', roles: ['admin'], realm: { roles: ['x'] }, age: 7, 'a.b': 'c' },
  } as const;

  it.each([
    ['jwt: { subject: alice }', true],
    ['jwt: { subject: bob }', false],
    ['jwt: { issuer: j }', false],
    ['jwt: { claims: { scope: [write] } }', true],
    ['jwt: { claims: { scope: [wri] } }', false],
    ['jwt: { claims: { roles: [user, admin] } }', true],
    ['jwt: { claims: { realm.roles: [x] } }', true],
    ['jwt: { claims: { a.b: [c], age: ["7"] } }', true],
    ['jwt: { claims: { roles: [admin], age: ["8"] } }', false],
    ['jwt: { claims: { constructor.name: [Object] } }', false],
    ['apiKey: { id: alice }', false],
    ['certificate: { name: "DNS:**" }', false],
    ['authenticated: true', true],
    ['anonymous: true', false],
  ])('about { %s }: %s', (principal, expected) => {
    const path = { grpcService: 'a.B', method: 'C' };
    const decided = rules(`{ name: r, principals: [{ ${principal} }] }`)?.decide(alice, path);

    expect(decided?.isAllowed).toBe(expected);
  });

  it.each([
    ['*', 'a.B', 'C', true],
    ['a.*', 'a.B', 'C', true],
    ['a.*', 'a.b.C', 'D', true],
    ['a.*', 'ab.C', 'D', false],
    ['a.B/*', 'a.B', 'C', true],
    ['a.B/*', 'a.BC', 'C', false],
    ['a.B/C', 'a.B', 'C', true],
    ['a.B/C', 'a.B', 'c', false],
  ])('about %s: %s/%s %s', (text, grpcService, method, expected) => {
    const compiled = rules(`{ name: r, principals: [{ anyone: true }], methods: ["${text}"] }`);

    const first = compiled?.decide(alice, { grpcService, method });
    const again = compiled?.decide(alice, { grpcService, method });

    expect([first?.isAllowed, again?.isAllowed]).toEqual([expected, expected]);
  });
});
