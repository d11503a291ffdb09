import { parseRedisUrl } from '@raftway/config';
import { RedisServer } from '@raftway/service-kit/testing';
import { type GatewayOptions } from '../src/options';
import { type DocumentGateway } from './support/document-gateway';
import { eventually } from './support/harness';
import { answers, LimitedGateways, said } from './support/limited';
import { metadataOf } from './support/secured';

const gateways = new LimitedGateways();
const start = gateways.start.bind(gateways);

afterEach(() => gateways.close());

describe('limits that gateways share', () => {
  let redis: RedisServer;
  beforeAll(async () => (redis = await RedisServer.start()));
  afterAll(() => redis.stop());

  let prefixes = 0;
  const shared = (): Partial<GatewayOptions> => ({
    rateLimitRedisUrl: parseRedisUrl(redis.url),
    rateLimitRedisKeyPrefix: `spec-${process.pid}-${(prefixes += 1)}:`,
    // Never over on a machine that is busy.
    rateLimitRedisTimeoutMs: 20_000,
  });

  async function isUp({ harness }: DocumentGateway): Promise<boolean> {
    return (await harness.metrics.text()).includes('raftway_gateway_limit_redis_up 1');
  }

  async function untilUp(...all: DocumentGateway[]): Promise<void> {
    let up = 0;
    await eventually(() => {
      void Promise.all(all.map(isUp)).then((found) => (up = found.filter(Boolean).length));
      return up === all.length;
    }, 'connections to Redis');
  }

  it('are one count for all gateways, of rate limits and quotas in one step', async () => {
    const spec = `
      rateLimits: [{ name: burst, requests: 4, per: 1h, scope: shared, key: [{ type: Header, name: x-tenant }] }],
      quotas: [{ name: daily, requests: 6, per: day, scope: shared }]`;
    const options = shared();
    const one = await start(spec, options);
    const two = await start(spec, options);
    await untilUp(one.gateway, two.gateway);
    const by = (tenant: string, count: number) =>
      answers(count, () => {
        const { client } = count % 2 === 0 ? one : two;
        return client.unary('x', { metadata: metadataOf({ 'x-tenant': tenant }) });
      });

    expect(await by('ada', 2)).toEqual(['OK', 'OK']);
    expect(await by('ada', 3)).toEqual(['OK', 'OK', 'RATE_LIMITED']);
    expect(await by('bob', 2)).toEqual(['OK', 'OK']);
    expect(await by('bob', 1)).toEqual(['QUOTA_EXHAUSTED']);
    expect([one, two].map(({ gateway }) => gateway.calls()[0])).toEqual([4, 2]);
  });

  it('go on when Redis is killed in the middle, from where this gateway was, and are shared again when it is back', async () => {
    const spec = 'rateLimits: [{ name: many, requests: 300, per: 1h, scope: shared }]';
    const own = await RedisServer.start();
    try {
      const options = { ...shared(), rateLimitRedisUrl: parseRedisUrl(own.url) };
      const { gateway, client } = await start(spec, options);
      await untilUp(gateway);
      const codes = new Map<string, number>();
      let calling = true;
      let slowestMs = 0;
      const call = async (): Promise<void> => {
        while (calling) {
          const beganMs = performance.now();
          const answer = said(await client.unary('x'));
          slowestMs = Math.max(slowestMs, performance.now() - beganMs);
          codes.set(answer, (codes.get(answer) ?? 0) + 1);
        }
      };
      const callers = Array.from({ length: 4 }, call);
      const passed = (): number => codes.get('OK') ?? 0;
      await eventually(() => passed() > 50, 'calls with Redis');
      await own.kill();
      const without = passed();
      await eventually(() => passed() > without + 50, 'calls without Redis');
      const fallbacks = await gateway.harness.metrics.text();
      await own.resume();
      await untilUp(gateway);
      await eventually(() => (codes.get('RATE_LIMITED') ?? 0) > 0, 'the end of the burst');
      calling = false;
      await Promise.all(callers);

      expect([...codes.keys()].sort()).toEqual(['OK', 'RATE_LIMITED']);
      expect(fallbacks).toMatch(/shared_limit_fallbacks_total [1-9]/);
      expect(slowestMs).toBeLessThan(10_000);
      // Redis did not know of what was let through meanwhile, and this gateway of no other.
      expect(passed()).toBeGreaterThanOrEqual(300);
      expect(passed()).toBeLessThan(610);
    } finally {
      await own.stop();
    }
  });

  it('wait for a Redis that has stopped answering no longer than the timeout, and soon not at all', async () => {
    const spec = 'rateLimits: [{ name: many, requests: 100000, per: 1s, scope: shared }]';
    const options = { ...shared(), rateLimitRedisTimeoutMs: 20 };
    const { gateway, client } = await start(spec, options);
    await untilUp(gateway);
    await client.unary('x');
    redis.freeze();
    try {
      const beganMs = performance.now();
      const outcomes = await answers(200, () => client.unary('x'));
      const tookMs = performance.now() - beganMs;

      expect(new Set(outcomes)).toEqual(new Set(['OK']));
      // All of them waiting for 20 ms would be four seconds.
      expect(tookMs).toBeLessThan(3000);
      expect(await isUp(gateway)).toBe(false);
    } finally {
      redis.thaw();
    }
    let up = false;
    await eventually(() => {
      void client.unary('x').then(async () => (up = await isUp(gateway)));
      return up;
    }, 'Redis to be asked again');
  });
});
