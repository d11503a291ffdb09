import { documentSet, readText } from './document-set';
import { type DocumentProblem, readDocument, splitDocuments } from './read-documents';

/** Problems of a file's text. */
function problemsOf(text: string): readonly DocumentProblem[] {
  return documentSet(
    splitDocuments(text).map((one) => readText('routes.yaml', one, readDocument(one.text))),
  ).problems;
}

const route = (spec: string, name = 'a'): string => `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name} }
spec:
${spec}`;

const match = '      - method: { service: a.B }\n';

describe('a mistake in documents', () => {
  it.each([
    [
      'an unknown field',
      route('  hostnam: [a.b]\n'),
      5,
      'spec: unknown field "hostnam": did you mean hostnames?',
    ],
    [
      'an unknown field inside a list',
      route('  rules:\n    - matches:\n      - method: { servce: a.B, method: C }\n'),
      7,
      'spec.rules[0].matches[0].method: unknown field "servce": did you mean service?',
    ],
    ['an unknown kind', 'apiVersion: x\nkind: GRPCRuote\n', 1, 'did you mean GRPCRoute?'],
    ['no kind', 'apiVersion: x\n', 1, 'kind is missing'],
    [
      'another version',
      route('').replace('/v1', '/v1alpha2'),
      1,
      'must be gateway.networking.k8s.io/v1',
    ],
    ['no map', '- a\n', 1, 'must be a map'],
    ['bad YAML', 'apiVersion: x\nkind: [\n', 3, 'is not valid YAML'],
    ['a name twice in one map', 'kind: a\nkind: b\n', 2, 'is not valid YAML'],
    [
      'a method match of nothing',
      route('  rules: [{ matches: [{ method: {} }] }]\n'),
      5,
      'one of service and method must be given',
    ],
    [
      'a host name in capitals',
      route('  hostnames:\n    - ok.org\n    - API.org\n'),
      7,
      'spec.hostnames[1]: must be a lower case host name',
    ],
    [
      'a weight below 0',
      route('  rules: [{ backendRefs: [{ name: a, weight: -1 }] }]\n'),
      5,
      'spec.rules[0].backendRefs[0].weight',
    ],
    ['17 rules', route(`  rules:\n${'    - {}\n'.repeat(17)}`), 5, 'spec.rules: Too big'],
    [
      '17 host names',
      route(
        `  hostnames: [${Array.from({ length: 17 }, (_, index) => `h${index}.org`).join(', ')}]\n`,
      ),
      5,
      'spec.hostnames: Too big',
    ],
    [
      '65 matches of a rule',
      route(`  rules:\n    - matches:\n${match.repeat(65)}`),
      6,
      'spec.rules[0].matches: Too big',
    ],
    [
      '129 matches of all rules',
      route(`  rules:\n${`    - matches:\n${match.repeat(43)}`.repeat(3)}`),
      5,
      'all rules together may have 128 matches',
    ],
    [
      'two rules of one name',
      route('  rules: [{ name: a }, { name: a }]\n'),
      5,
      'two rules have one name',
    ],
    [
      'a policy for a rule of a Gateway',
      `apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: a }
spec:
  targetRefs:
    - { kind: Gateway, name: a, sectionName: b }
`,
      6,
      'is for rules of a route',
    ],
    [
      'a duration without a unit',
      `apiVersion: gateway.raftway.dev/v1
kind: BackendPolicy
metadata: { name: a }
spec:
  targetRefs: [{ kind: Service, name: a }]
  timeouts:
    max: "10"
`,
      7,
      'spec.timeouts.max: must be a duration from 1ms to 24h',
    ],
  ])('%s is told with its line', (_what, text, line, message) => {
    const problems = problemsOf(`# a comment\n---\n${text}`);

    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    const found = problems.find((problem) => problem.message.includes(message));
    expect(found?.where).toBe(`routes.yaml:${line + 2}`);
  });

  it('a name that is there twice is told with both places', () => {
    const problems = problemsOf(`${route('')}---\n${route('')}`);

    // Without a spec each is wrong already; the same name needs valid ones.
    expect(problems).toHaveLength(2);
    expect(problemsOf(`${route('  rules: []\n')}---\n${route('  rules: []\n')}`)).toEqual([
      {
        where: 'routes.yaml:7',
        message: 'GRPCRoute default/a is at routes.yaml:1 already: names are given once',
      },
    ]);
  });

  it('aliases that grow beyond measure are refused', () => {
    const bomb = ['a0: &a0 [x]'];
    for (let level = 1; level < 12; level += 1)
      bomb.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );

    expect(problemsOf(bomb.join('\n'))[0]?.message).toContain('cannot be read');
  });
});

describe('documents of a file', () => {
  it('are told apart by lines that begin with ---, and comments are none', () => {
    const text = '# first\n---\na: |\n  --- inside\n---\n\n# only a comment\n--- # c\nb: 1\n...\n';

    expect(splitDocuments(text).map(({ line }) => line)).toEqual([1, 2, 5, 8]);
    expect(
      splitDocuments(text)
        .map((one) => one.text)
        .join(''),
    ).toBe(text);
  });

  it('may be JSON, and what a Kubernetes server adds is taken', () => {
    const text = JSON.stringify({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GRPCRoute',
      metadata: { name: 'a', uid: 'x', generation: 3, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { rules: [] },
      status: { parents: [] },
    });

    expect(readDocument(text).document?.order).toBe('2026-01-01T00:00:00Z GRPCRoute default/a');
  });

  it('that have fields which are not acted on say which', () => {
    const text = route('  rules: [{ backendRefs: [{ name: a }, { name: b, port: 80 }] }]\n');

    expect(readDocument(text).unused).toEqual([
      { path: 'spec.rules[0].backendRefs[1].port', why: 'instances register their own addresses' },
    ]);
  });
});
