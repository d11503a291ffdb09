import { type CompiledDocuments, compileDocuments } from '../compile';
import { difference } from '../difference';
import { documentSet, type DocumentSet, readText } from '../document-set';
import { readDocument, splitDocuments } from '../read-documents';

function read(text: string): DocumentSet {
  return documentSet(
    splitDocuments(text).map((one) => readText('f.yaml', one, readDocument(one.text))),
  );
}

function compile(text: string): CompiledDocuments {
  const { documents, problems } = read(text);
  expect(problems).toEqual([]);
  return compileDocuments(documents);
}

function policy(name: string, targets: string, spec: string): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: ${name} }
spec: { targetRefs: [${targets}], ${spec} }
`;
}

const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: x, listeners: [{ name: a, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: api }
spec: { parentRefs: [{ name: edge }], rules: [{ name: main, backendRefs: [{ name: a }] }] }
`;
const ofGateway = '{ kind: Gateway, name: edge }';
const ofRoute = '{ kind: GRPCRoute, name: api }';
const ofRule = '{ kind: GRPCRoute, name: api, sectionName: main }';

/** The limits of the one rule. */
function limitsOf(text: string) {
  return compile(route + text).routeEntries[0]?.target.limits;
}

describe('limits of policies', () => {
  it('are told of the documents as a whole, after a change of a route too', () => {
    const { documents } = read(
      route + policy('rule', ofRule, 'rateLimits: [{ name: few, requests: 1, per: 1s }]'),
    );
    const without = documents.filter(({ id }) => id !== 'GRPCRoute default/api');

    const before = compileDocuments(documents);
    const after = compileDocuments(without, before);
    const again = compileDocuments(documents, after);

    const { limits } = before.routeEntries[0]?.target ?? {};
    expect(limits).toBeDefined();
    expect([before, after, again].map((one) => [...one.limits.items()])).toEqual([
      [limits],
      [],
      [limits],
    ]);
  });

  it('of a rule, its route and its Gateway count all, the most specific first, and one policy counts once', () => {
    const limits = limitsOf(
      policy('edge', ofGateway, 'rateLimits: [{ name: few, requests: 1, per: 1s }]') +
        policy(
          'both',
          `${ofRoute}, ${ofGateway.replace('edge', 'none')}`,
          'quotas: [{ name: few, requests: 2, per: day }]',
        ) +
        policy('rule', ofRule, 'rateLimits: [{ name: few, requests: 3, per: 1s, burst: 9 }]'),
    );
    const twice = limitsOf(
      policy(
        'twice',
        `${ofRoute}, ${ofGateway}`,
        'rateLimits: [{ name: few, requests: 1, per: 1s }]',
      ),
    );

    expect(limits?.counted.map(({ id, requests }) => [id, requests])).toEqual([
      ['TrafficPolicy default/rule rate few', 3],
      ['TrafficPolicy default/both quota few', 2],
      ['TrafficPolicy default/edge rate few', 1],
    ]);
    expect(limits?.counted[0]).toEqual({
      ...{ id: 'TrafficPolicy default/rule rate few', owner: 'TrafficPolicy default/rule' },
      ...{ name: 'few', kind: 'rate', requests: 3, perMs: 1000, burst: 9, key: [], scope: 'local' },
      ...{ cost: 1, costs: {}, keysMax: 10_000 },
    });
    expect(twice?.counted).toHaveLength(1);
  });

  it('have the concurrency of the most specific policy that says one, for its own target', () => {
    const limits = limitsOf(
      policy('edge', ofGateway, 'concurrency: { max: 9 }') +
        policy(
          'route',
          ofRoute,
          'concurrency: { adaptive: { max: 10 }, priorities: { header: X-Priority } }',
        ) +
        policy('rule', ofRule, 'timeouts: { max: 1s }'),
    );

    expect(limits?.concurrency).toEqual({
      target: 'GRPCRoute default/api',
      settings: {
        ...{ owner: 'TrafficPolicy default/route', queueMax: 0, queueTimeoutMs: 1000 },
        limit: { type: 'adaptive', initial: 10, min: 4, max: 10 },
        priorities: { header: 'x-priority', methods: {}, otherwise: 'normal' },
      },
    });
    expect(limitsOf(policy('rule', ofRule, 'timeouts: { max: 1s }'))).toBeUndefined();
  });

  it('are seen in what a change of documents changes', () => {
    const quota =
      'quotas: [{ name: daily, requests: 5, per: day, scope: shared, key: [{ type: Claim, name: sub }] }]';
    const { addedRoutes } = difference(
      compile(route),
      compile(route + policy('rule', ofRule, `${quota}, concurrency: { max: 3 }`)),
    );

    expect(addedRoutes).toEqual([
      '* */* → a {quota daily: 5 per day, each claim sub, shared; concurrency 3, queue 0} (GRPCRoute default/api, main)',
    ]);
  });

  it('that are to be shared say that they are not, where there is nothing to share them in', () => {
    const compiled = compile(
      route +
        policy('rule', ofRule, 'rateLimits: [{ name: few, requests: 1, per: 1s, scope: shared }]'),
    );
    const noted = (sharesLimits: boolean) =>
      compiled
        .statuses(() => true, { sharesLimits })
        .flatMap(({ conditions }) => conditions.filter(({ type }) => type === 'FieldsNotUsed'));

    expect(noted(true)).toEqual([]);
    expect(noted(false)).toMatchObject([
      { status: true, message: expect.stringContaining('spec.rateLimits[0].scope') as string },
    ]);
  });

  it.each([
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s }, { name: a, requests: 1, per: 1s }]',
      'two rate limits have one name',
    ],
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s, cost: 2 }]',
      'spec.rateLimits[0].burst: must be at least what the dearest call costs',
    ],
    [
      'quotas: [{ name: a, requests: 1, per: day, costs: [{ method: a.B/C, cost: 2 }] }]',
      'must be at least what the dearest',
    ],
    ['quotas: [{ name: a, requests: 1, per: 1s }]', 'spec.quotas[0].per'],
    ['rateLimits: [{ name: a, requests: 0, per: 1s }]', 'spec.rateLimits[0].requests'],
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s, key: [{ type: Header }] }]',
      'key[0].name: is for Header and Claim, which need it',
    ],
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s, key: [{ type: Method, name: b }] }]',
      'which need it',
    ],
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s, key: [{ type: Header, name: "a b" }] }]',
      'must be the name of an HTTP header',
    ],
    [
      'rateLimits: [{ name: a, requests: 1, per: 1s, costs: [{ method: a.B, cost: 2 }] }]',
      'must be package.Service/Method',
    ],
    ['concurrency: {}', 'spec.concurrency: needs one of max and adaptive'],
    ['concurrency: { max: 1, adaptive: {} }', 'needs one of max and adaptive'],
    ['concurrency: { adaptive: { min: 5, max: 4 } }', 'must be at most max'],
    ['concurrency: { adaptive: { initial: 3 } }', 'must be from min to max'],
    [
      'concurrency: { max: 1, priorities: { methods: [{ method: a.B/C, priority: high }] } }',
      'priority',
    ],
    ['concurrency: { max: 1, quueue: {} }', 'did you mean queue'],
  ])('%s is refused', (spec, message) => {
    const { problems } = read(policy('a', ofRoute, spec));

    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
  });
});
