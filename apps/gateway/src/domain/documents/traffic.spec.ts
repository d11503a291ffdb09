import { seededRandom } from '@raftway/testkit';
import { type CompiledDocuments, compileDocuments } from './compile';
import { type CompiledRule } from './compile-route';
import { difference } from './difference';
import { documentSet, readText } from './document-set';
import { DocumentTable } from './document-table';
import { parseGatewayDuration } from './gateway-duration';
import { drawFault, isForCall } from './policies/fault';
import { readDocument, splitDocuments } from './read-documents';

function read(text: string) {
  return documentSet(
    splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text))),
  );
}

function compile(text: string): CompiledDocuments {
  const { documents, problems } = read(text);
  expect(problems).toEqual([]);
  return compileDocuments(documents);
}

function problemsOf(text: string): string {
  return read(text)
    .problems.map(({ message }) => message)
    .join('; ');
}

function route(rule: string): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: r }
spec: { rules: [{ name: main, ${rule} }] }
`;
}

function policy(name: string, target: string, fault: string): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: ${name} }
spec: { targetRefs: [${target}], fault: { ${fault} } }
`;
}

const mirror = (settings: string): string =>
  `filters: [{ type: RequestMirror, requestMirror: { ${settings} } }], backendRefs: [{ name: a }]`;
const session = (settings: string): string =>
  `backendRefs: [{ name: a }], sessionPersistence: { ${settings} }`;

function ruleIn(compiled: CompiledDocuments): CompiledRule | undefined {
  return compiled.routeEntries[0]?.target;
}

function conditions(compiled: CompiledDocuments, known: readonly string[]) {
  const [status] = compiled.statuses((name) => known.includes(name));
  return Object.fromEntries(
    (status?.conditions ?? []).map((one) => [one.type, one.status ? true : one.message]),
  );
}

it('a rule that only routes has nothing else in it', () => {
  expect(ruleIn(compile(route('backendRefs: [{ name: a }]')))?.traffic).toBeUndefined();
});

describe('mirrors', () => {
  it.each([
    ['backendRef: { name: b }', 1],
    ['backendRef: { name: b }, percent: 0', 0],
    ['backendRef: { name: b }, percent: 42', 0.42],
    ['backendRef: { name: b }, fraction: { numerator: 5 }', 0.05],
    ['backendRef: { name: b }, fraction: { numerator: 1, denominator: 8 }', 0.125],
  ])('%s', (settings, share) => {
    const rule = ruleIn(compile(route(mirror(settings))));

    expect(rule?.backends[0]?.mirrors).toEqual([{ service: 'b', share, fault: undefined }]);
    expect(rule?.traffic).toBeDefined();
  });

  it.each([
    ['percent: 1', 'backendRef'],
    ['backendRef: { name: b }, percent: 101', 'percent'],
    ['backendRef: { name: b }, percent: 1, fraction: { numerator: 1 }', 'exclude each other'],
    ['backendRef: { name: b }, fraction: { numerator: 9, denominator: 8 }', 'denominator'],
    ['backendRef: { name: b }, percnt: 1', 'did you mean percent'],
  ])('are refused: %s', (settings, message) => {
    expect(problemsOf(route(mirror(settings)))).toContain(message);
  });

  it('of a rule and of a backend add up, and their services are followed', () => {
    const filter = (name: string): string =>
      `{ type: RequestMirror, requestMirror: { backendRef: { name: ${name} } } }`;
    const text = route(
      `filters: [${filter('m')}, ${filter('n')}], backendRefs: [{ name: a, filters: [${filter('o')}] }, { name: b }]`,
    );
    const table = new DocumentTable(false);
    table.apply(read(text));

    const services = ruleIn(compile(text))?.backends.map(({ mirrors }) =>
      mirrors?.map(({ service }) => service),
    );
    expect(services).toEqual([
      ['m', 'n', 'o'],
      ['m', 'n'],
    ]);
    expect([...table.services()].sort()).toEqual(['a', 'b', 'm', 'n', 'o']);
  });

  it('that lead nowhere are told in ResolvedRefs, and the route holds', () => {
    const unknown = compile(route(mirror('backendRef: { name: b }')));
    const foreign = compile(route(mirror('backendRef: { name: b, namespace: zoo }')));

    expect(conditions(unknown, ['a'])).toMatchObject({
      Accepted: true,
      Programmed: true,
      ResolvedRefs: 'b has never been registered',
    });
    expect(conditions(foreign, ['a', 'b'])['ResolvedRefs']).toContain('namespace zoo');
  });
});

describe('sessions', () => {
  it('are compiled with their times, and a name that is the rule’s own', () => {
    const one = ruleIn(compile(route(session('absoluteTimeout: 1h30m, idleTimeout: 500ms'))));
    const named = ruleIn(compile(route(session('type: Header, sessionName: X-Cart'))));

    expect(one?.traffic?.session).toEqual({
      scope: 'GRPCRoute default/r main',
      type: 'Cookie',
      name: expect.stringMatching(/^raftway-session-[0-9a-f]{8}$/) as string,
      absoluteMs: 5_400_000,
      idleMs: 500,
      isPermanent: false,
    });
    expect(named?.traffic?.session).toMatchObject({ type: 'Header', name: 'x-cart' });
  });

  it.each([
    ['cookieConfig: { lifetimeType: Permanent }', 'must be given with lifetimeType Permanent'],
    ['absoluteTimeout: 1.5h', 'must be a duration of the Gateway API'],
    ['idleTimeout: 0s', 'above 0'],
    ['sessionName: "a b"', 'must be the name of a cookie or a header'],
    ['type: Query', 'type'],
  ])('are refused: %s', (settings, message) => {
    expect(problemsOf(route(session(settings)))).toContain(message);
  });

  it.each(['content-type', 'Cookie', 'grpc-timeout', 'x-bin'])(
    'cannot be in the header %s: the route is not used',
    (name) => {
      const compiled = compile(route(session(`type: Header, sessionName: ${name}`)));

      expect(compiled.routeEntries).toEqual([]);
      expect(conditions(compiled, ['a'])['Accepted']).toContain(name.toLowerCase());
    },
  );

  it('take durations as the Gateway API has them', () => {
    expect(['1h', '1h30m', '10s5ms', '99999h1m1s1ms'].map(parseGatewayDuration)).toEqual([
      3_600_000, 5_400_000, 10_005, 359_996_461_001,
    ]);
    for (const text of ['', '1', '1d', '1.5h', '-1s', '100000s', '1h1h1h1h1h', ' 1s'])
      expect(parseGatewayDuration(text)).toBeUndefined();
  });
});

describe('faults', () => {
  const abort = 'abort: { code: ABORTED }';

  it('are those of the most specific policy that has any', () => {
    const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP }] }
`;
    const attached = route('backendRefs: [{ name: a }]').replace(
      'spec: {',
      'spec: { parentRefs: [{ name: edge }],',
    );
    const policies = [
      policy('edge', '{ kind: Gateway, name: edge }', abort),
      policy('route', '{ kind: GRPCRoute, name: r }', abort),
      policy('rule', '{ kind: GRPCRoute, name: r, sectionName: main }', abort),
    ];
    const documentOf = (count: number): string | undefined =>
      ruleIn(compile(gateway + attached + policies.slice(0, count).join('')))?.traffic?.fault
        ?.document;

    expect([0, 1, 2, 3].map(documentOf)).toEqual([
      undefined,
      'TrafficPolicy default/edge',
      'TrafficPolicy default/route',
      'TrafficPolicy default/rule',
    ]);
  });

  it.each([
    ['', 'one of delay and abort'],
    ['abort: { code: OK }', 'code'],
    ['abort: { code: ABORTED, percent: 101 }', 'percent'],
    ['delay: { duration: soon }', 'must be a duration'],
    [`${abort}, methods: [test.Echo]`, 'package.Service/Method'],
    [`${abort}, headers: []`, 'headers'],
  ])('are refused: %s', (fault, message) => {
    const text = policy('p', '{ kind: GRPCRoute, name: r }', fault);

    expect(problemsOf(text)).toContain(message);
  });

  it('are drawn for their shares, delay and error each by itself', () => {
    const text = policy(
      'p',
      '{ kind: GRPCRoute, name: r }',
      'delay: { duration: 2s, percent: 25 }, abort: { code: ABORTED, percent: 10 }',
    );
    const fault = ruleIn(compile(route('backendRefs: [{ name: a }]') + text))?.traffic?.fault;
    const random = seededRandom(3);
    const counts = { both: 0, delay: 0, abort: 0, none: 0 };
    for (let drawn = 0; drawn < 10_000; drawn += 1) {
      const call = fault && drawFault(fault, () => random.next());
      const waits = call?.delayMs === 2000;
      const fails = call?.abort?.code === 10;
      counts[waits && fails ? 'both' : waits ? 'delay' : fails ? 'abort' : 'none'] += 1;
    }

    // Three standard deviations of so many draws are below 1.5 %.
    expect(Math.abs(counts.both - 250)).toBeLessThan(150);
    expect(Math.abs(counts.delay - 2250)).toBeLessThan(150);
    expect(Math.abs(counts.abort - 750)).toBeLessThan(150);
  });

  it('never and always mean that, whatever is drawn', () => {
    const draw = (percent: number, value: number) =>
      drawFault(
        {
          document: 'p',
          delay: { ms: 1, percent },
          abort: undefined,
          methods: undefined,
          headers: [],
        },
        () => value,
      );

    expect([draw(0, 0), draw(0, 0.999)]).toEqual([undefined, undefined]);
    expect([draw(100, 0), draw(100, 0.999)]).toEqual([
      { delayMs: 1, abort: undefined },
      { delayMs: 1, abort: undefined },
    ]);
  });

  it('are for the calls that they name', () => {
    const headers = [{ name: 'h', value: undefined }];
    const fault = {
      document: 'p',
      delay: undefined,
      abort: undefined,
      methods: undefined,
      headers,
    };
    const given = (name: string): string | undefined => (name === 'h' ? '' : undefined);

    expect(isForCall(fault, 'a.B', 'C', given)).toBe(true);
    expect(isForCall(fault, 'a.B', 'C', () => undefined)).toBe(false);
    expect(isForCall({ ...fault, methods: new Set(['a.B/D']) }, 'a.B', 'C', given)).toBe(false);
    expect(isForCall({ ...fault, methods: new Set(['a.B/*']) }, 'a.B', 'C', given)).toBe(true);
  });
});

it('a difference of documents shows mirrors, sessions and faults', () => {
  const text =
    route(
      `filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: b }, percent: 5 } }], ${session('sessionName: cart, idleTimeout: 5m')}`,
    ) +
    policy(
      'chaos',
      '{ kind: GRPCRoute, name: r }',
      'delay: { duration: 2s, percent: 0.5 }, abort: { code: UNAVAILABLE }, methods: [a.B/C], headers: [{ name: x }]',
    );

  expect(difference(undefined, compile(text)).addedRoutes).toEqual([
    '* */* → a {5 % mirrored to b} (GRPCRoute default/r, main; 0.5 % delayed by 2s, 100 % aborted with UNAVAILABLE of a.B/C with x by TrafficPolicy default/chaos; sessions by the cookie cart, 5m without a call)',
  ]);
});
