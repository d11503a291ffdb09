import * as grpc from '@grpc/grpc-js';
import { rpc } from '@raftway/contracts';
import { toMilliseconds } from '@raftway/service-kit';
import { routeTo } from './support/document-gateway';
import {
  type EchoClient,
  type Outcome,
  type UnaryCall,
  type UnaryDone,
} from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually } from './support/harness';
import { answers, limited, LimitedGateways, said } from './support/limited';
import { metadataOf } from './support/secured';
import { encodeText, textBackend } from './support/text-backend';

const OK: number = grpc.status.OK;
const RESOURCE_EXHAUSTED: number = grpc.status.RESOURCE_EXHAUSTED;
const gateways = new LimitedGateways();
const start = gateways.start.bind(gateways);

afterEach(() => gateways.close());

function details({ trailers }: Outcome): { quota: rpc.QuotaFailure; retryMs: number } {
  const [bytes] = trailers.get('grpc-status-details-bin');
  const found = rpc.Status.decode(bytes as Buffer).details;
  const value = (type: string): Uint8Array =>
    found.find(({ typeUrl }) => typeUrl.endsWith(type))?.value ?? new Uint8Array();
  const { retryDelay } = rpc.RetryInfo.decode(value('RetryInfo'));
  const retryMs = retryDelay === undefined ? NaN : (toMilliseconds(retryDelay) ?? NaN);
  return { quota: rpc.QuotaFailure.decode(value('QuotaFailure')), retryMs };
}

describe('a rate limit', () => {
  it('counts each key by itself, and tells whoever it refuses which limit, how much, whose and until when', async () => {
    const { gateway, client } = await start(
      'rateLimits: [{ name: per-tenant, requests: 2, per: 1h, key: [{ type: Header, name: X-Tenant }] }]',
    );
    const by = (tenant: string) =>
      client.unary('x', { metadata: metadataOf({ 'x-tenant': tenant }) });

    expect(await answers(3, () => by('ada-secret'))).toEqual(['OK', 'OK', 'RATE_LIMITED']);
    expect(await answers(1, () => by('bob'))).toEqual(['OK']);
    expect(await answers(3, () => client.unary('x'))).toEqual(['OK', 'OK', 'RATE_LIMITED']);
    const refused = await by('ada-secret');

    expect(gateway.calls()[0]).toBe(5);
    expect(refused.code).toBe(RESOURCE_EXHAUSTED);
    expect(errorInfo(refused.trailers)?.metadata).toEqual({
      field: 'per-tenant',
      limit: '2 per 1h, burst 2',
      key: 'each header x-tenant',
      scope: 'local',
      owner: 'TrafficPolicy default/api',
    });
    const { quota, retryMs } = details(refused);
    expect(quota.violations).toEqual([
      {
        subject: 'each header x-tenant',
        description: 'rate limit of 2 per 1h, burst 2',
        quotaId: 'per-tenant',
      },
    ]);
    // Half an hour for one, less the time since the first call.
    expect(retryMs).toBeGreaterThan(1_700_000);
    expect(retryMs).toBeLessThanOrEqual(1_800_000);
    expect(JSON.stringify(refused.trailers.toJSON()) + refused.details).not.toContain('secret');
    const metrics = await gateway.harness.metrics.text();
    expect(metrics).toContain(
      'raftway_gateway_limit_decisions_total{policy="TrafficPolicy default/api",kind="rate",limit="per-tenant",outcome="allowed"} 5',
    );
    expect(metrics).toMatch(/limit_decisions_total\{[^}]*outcome="refused"\} 3/);
  });

  it('lets a call through after the time that it told', async () => {
    const { client } = await start('rateLimits: [{ name: slow, requests: 2, per: 1s, burst: 1 }]');
    const outcomes = await Promise.all([client.unary('x'), client.unary('x')]);
    const refused = outcomes.find(({ code }) => code !== OK);
    expect(refused).toBeDefined();
    const { retryMs } = details(refused!);
    expect(retryMs).toBeGreaterThan(0);
    expect(retryMs).toBeLessThanOrEqual(500);
    await new Promise((resolve) => setTimeout(resolve, retryMs));

    expect(said(await client.unary('x'))).toBe('OK');
  });

  it('counts a call against all limits of its rule, route and Gateway, or, when one refuses it, against none', async () => {
    const { client } = await start(
      `rateLimits: [
        { name: all, requests: 3, per: 1h },
        { name: each, requests: 1, per: 1h, key: [{ type: Service }, { type: Method }] }]`,
    );
    const by = async (method: string): Promise<string | undefined> => {
      const outcome = await client.unary('x', { path: `/test.Echo/${method}` });
      return outcome.code === RESOURCE_EXHAUSTED
        ? errorInfo(outcome.trailers)?.metadata['field']
        : 'passed';
    };

    expect([await by('Unary'), await by('Unary'), await by('Unary'), await by('Unary')]).toEqual([
      'passed',
      'each',
      'each',
      'each',
    ]);
    expect([await by('Look'), await by('None'), await by('Nothing')]).toEqual([
      'passed',
      'passed',
      'all',
    ]);
  });

  it('takes what a method costs', async () => {
    const { client } = await start(
      `rateLimits: [{ name: dear, requests: 5, per: 1h, costs: [
        { method: test.Echo/Look, cost: 0 }, { method: test.Echo/*, cost: 2 }] }]`,
    );

    expect(await answers(3, () => client.unary('x', { path: '/test.Echo/Look' }))).toEqual(
      Array(3).fill('OK'),
    );
    expect(await answers(3, () => client.unary('x'))).toEqual(['OK', 'OK', 'RATE_LIMITED']);
  });

  it('by the client’s address goes by the proxy in front when that is trusted, and by nobody’s word when it is not', async () => {
    const spec =
      'rateLimits: [{ name: per-client, requests: 1, per: 1h, key: [{ type: ClientAddress }] }]';
    const trusting = await start(spec, { trustForwarded: true });
    const other = await start(spec);
    const from = (client: EchoClient, address: string) =>
      client.unary('x', { metadata: metadataOf({ 'x-forwarded-for': address }) });

    expect(said(await from(trusting.client, '10.9.9.9, 10.0.0.1'))).toBe('OK');
    expect(said(await from(trusting.client, '10.8.8.8, 10.0.0.1'))).toBe('RATE_LIMITED');
    expect(said(await from(trusting.client, '10.0.0.2'))).toBe('OK');
    expect(said(await from(other.client, '10.0.0.1'))).toBe('OK');
    expect(said(await from(other.client, '10.0.0.2'))).toBe('RATE_LIMITED');
  });

  it('keeps its count when another document changes, and begins anew when it is another limit', async () => {
    const spec = 'rateLimits: [{ name: few, requests: 2, per: 1h }]';
    const { gateway, client } = await start(spec);
    await answers(2, () => client.unary('x'));

    await gateway.change(
      'b.yaml',
      routeTo('v2', 'other').replace('rules', 'hostnames: [x.org], rules'),
    );
    await gateway.change('a.yaml', limited(`timeouts: { max: 1h }, ${spec}`));
    expect(said(await client.unary('x'))).toBe('RATE_LIMITED');
    await gateway.change('a.yaml', limited(spec.replace('2', '3')));

    expect(await answers(4, () => client.unary('x'))).toEqual(['OK', 'OK', 'OK', 'RATE_LIMITED']);
  });

  it('is 429 over HTTP, with the headers that say when to come again', async () => {
    const { gateway } = await start('rateLimits: [{ name: once, requests: 1, per: 60s }]');
    const backend = await textBackend(gateway.harness);
    gateway.harness.view.set(instanceOf(backend.address, { service: 'v1' }));
    const post = (contentType: string, body: string | Buffer) =>
      fetch(`http://${gateway.harness.gateway.address}/test.Echo/Unary`, {
        ...{ method: 'POST', headers: { 'content-type': contentType }, body },
      });
    let first = 0;
    await eventually(() => {
      void post('application/json', '{"text": "x"}').then(
        ({ status }) => (first ||= status === 404 ? 0 : status),
      );
      return first !== 0;
    }, 'the schema of test.Echo');

    const json = await post('application/json', '{"text": "x"}');
    const connect = await post('application/proto', encodeText('x'));

    for (const { status, headers: found } of [json, connect]) {
      expect(status).toBe(429);
      expect(found.get('ratelimit-policy')).toBe('"once";q=1;w=60');
      expect(found.get('ratelimit')).toMatch(/^"once";r=0;t=(60|5\d)$/);
      expect(found.get('retry-after')).toMatch(/^(60|5\d)$/);
    }
    expect(await json.json()).toMatchObject({
      code: 8,
      details: expect.arrayContaining([
        expect.objectContaining({ reason: 'RATE_LIMITED' }),
        expect.objectContaining({ violations: [expect.objectContaining({ quotaId: 'once' })] }),
      ]) as unknown,
    });
    expect(await connect.json()).toMatchObject({ code: 'resource_exhausted' });
  });
});

describe('a quota', () => {
  it('is used up until its window ends', async () => {
    const { client } = await start(
      'quotas: [{ name: monthly, requests: 2, per: month, key: [{ type: Header, name: x-tenant }] }]',
    );
    const ada = metadataOf({ 'x-tenant': 'ada' });

    expect(await answers(3, () => client.unary('x', { metadata: ada }))).toEqual([
      'OK',
      'OK',
      'QUOTA_EXHAUSTED',
    ]);
    const { retryMs } = details(await client.unary('x', { metadata: ada }));
    const now = new Date();
    const nextMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
    expect(Math.abs(Date.now() + retryMs - nextMonth)).toBeLessThan(10_000);
  });
});

/** Calls of a backend that are answered when the spec says so, in the order in which they came. */
function heldCalls() {
  const waiting: (() => void)[] = [];
  const came: string[] = [];
  const Unary = (call: UnaryCall, done: UnaryDone): void => {
    came.push(call.request.toString());
    waiting.push(() => done(null, call.request));
  };
  return { came, Unary, answerNext: () => waiting.shift()?.() };
}

async function startHeld(concurrency: string) {
  const held = heldCalls();
  const { gateway, client } = await start(`concurrency: ${concurrency}`);
  const backend = await gateway.harness.backend('held', { Unary: held.Unary });
  gateway.harness.view.set(instanceOf(backend.address, { service: 'v1' }));
  return { gateway, client, ...held };
}

describe('a concurrency limit', () => {
  it('lets important calls wait in front, refuses those that find no place to wait, and none that come later', async () => {
    const { gateway, client, came, answerNext } = await startHeld(
      '{ max: 2, queue: { max: 1, timeout: 60s }, priorities: { header: x-priority } }',
    );
    const call = (body: string, priority: string) =>
      client.unary(body, { metadata: metadataOf({ 'x-priority': priority }) });
    const waiting = async (): Promise<number> => {
      const text = await gateway.harness.metrics.text();
      const found = /concurrency_waiting\{target="GRPCRoute default\/all"\} (\d+)/.exec(text);
      return Number(found?.[1]);
    };
    const queued = async (count: number): Promise<void> => {
      let seen = 0;
      await eventually(() => {
        void waiting().then((now) => (seen = now));
        return seen === count;
      }, `${count} calls in the queue`);
    };
    // Of two places normal calls fill one.
    const first = call('first', 'normal');
    await eventually(() => came.length === 1, 'the first call');
    const normal = call('normal', 'normal');
    await queued(1);
    const full = await call('too many', 'normal');
    const critical = call('critical', 'critical');
    await eventually(() => came.length === 2, 'the critical call');
    const second = call('second', 'critical');
    await queued(2);
    answerNext();
    await eventually(() => came.length === 3, 'the next call');
    answerNext();
    answerNext();
    await eventually(() => came.length === 4, 'the last call');
    answerNext();

    expect(came).toEqual(['first', 'critical', 'second', 'normal']);
    for (const one of [first, normal, critical, second]) expect(said(await one)).toBe('OK');
    expect(said(full)).toBe('CONCURRENCY_FULL');
    expect(errorInfo(full.trailers)?.metadata).toEqual({
      ...{ field: 'concurrency', limit: '1', priority: 'normal' },
      ...{ target: 'GRPCRoute default/all', owner: 'TrafficPolicy default/api' },
    });
    const text = await gateway.harness.metrics.text();
    expect(text).toMatch(/concurrency_decisions_total\{[^}]*outcome="waited"\} 2/);
    expect(text).toMatch(/concurrency_calls\{[^}]*\} 0/);
  });

  it('lets no call wait longer than the queue’s timeout, and takes back the place of one that was cancelled', async () => {
    const { client, came, answerNext } = await startHeld(
      '{ max: 1, queue: { max: 5, timeout: 50ms } }',
    );
    const first = client.unary('first');
    await eventually(() => came.length === 1, 'the first call');

    const late = await client.unary('late');
    const gone = await client.unary('gone', { deadline: Date.now() + 10 });
    answerNext();
    await first;
    const next = client.unary('next');
    await eventually(() => came.length === 2, 'the next call');
    answerNext();

    expect(said(late)).toBe('CONCURRENCY_QUEUE_TIMEOUT');
    expect(gone.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(said(await next)).toBe('OK');
    expect(came).toEqual(['first', 'next']);
  });

  it('that is adaptive falls when its backend says that it has enough', async () => {
    const { gateway, client } = await start('concurrency: { adaptive: { initial: 20 } }');
    const backend = await gateway.harness.backend('full', {
      Unary: (_call: UnaryCall, done: UnaryDone) => done({ code: RESOURCE_EXHAUSTED }),
    });
    gateway.harness.view.set(instanceOf(backend.address, { service: 'v1' }));
    let limit = 0;
    await eventually(() => {
      void client.unary('x').then(async () => {
        const text = await gateway.harness.metrics.text();
        limit = Number(/concurrency_limit\{[^}]*\} (\d+)/.exec(text)?.[1]);
      });
      return limit === 18;
    }, 'a lower limit');

    expect(limit).toBe(18);
  });
});
