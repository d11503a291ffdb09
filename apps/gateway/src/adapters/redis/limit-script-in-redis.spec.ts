import { RedisServer } from '@raftway/service-kit/testing';
import { Redis } from 'ioredis';
import { quota, rate } from '../../../test/support/limit-settings';
import { type LimitCharge, type SharedVerdict } from '../../proxy/limit-context';
import { limitScript, redisKey, scriptArguments, verdictOf } from './limit-script';

describe('the script of shared limits', () => {
  let server: RedisServer;
  let redis: Redis;
  let prefix = '';
  let specs = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = new Redis(server.url);
  });
  beforeEach(() => (prefix = `spec-${(specs += 1)}:`));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function take(
    charges: readonly LimitCharge[],
    wallMs = Date.now(),
  ): Promise<SharedVerdict> {
    const keys = charges.map((charge) => redisKey(prefix, charge));
    const args = charges.flatMap((charge) => scriptArguments(charge, wallMs));
    return verdictOf(await redis.eval(limitScript.text, keys.length, ...keys, ...args));
  }

  it('lets a burst through, says how long to wait, and is forgotten when the burst is whole again', async () => {
    const limit = rate('few', 10, 1000, 3);
    const charge = { limit, key: 'a', cost: 1 };

    expect(await take([{ ...charge, cost: 2 }])).toBe('allowed');
    expect(await take([charge])).toBe('allowed');
    const refused = await take([{ ...charge, cost: 2 }]);
    const liveMs = await redis.pttl(redisKey(prefix, charge));

    expect(refused).toMatchObject({ index: 0 });
    const { retryAfterMs = 0, remaining } = typeof refused === 'object' ? refused : {};
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(200);
    expect(remaining).toBeLessThanOrEqual(3);
    expect(liveMs).toBeGreaterThan(0);
    expect(liveMs).toBeLessThanOrEqual(300);
    await new Promise((resolve) => setTimeout(resolve, Math.ceil(retryAfterMs)));
    expect(await take([{ ...charge, cost: 2 }])).toBe('allowed');
  });

  it('counts a quota until its window ends, by the time of Redis, not that of the gateway', async () => {
    const charge = { limit: quota('daily', 3, 'day'), key: 'a', cost: 2 };
    const dayMs = 86_400_000;
    const untilMidnightMs = dayMs - (Date.now() % dayMs);

    expect(await take([charge], Date.now() - dayMs)).toBe('allowed');
    const refused = await take([charge], Date.now() + dayMs);
    const liveMs = await redis.pttl(redisKey(prefix, charge));

    expect(refused).toMatchObject({ index: 0, remaining: 1 });
    const { retryAfterMs = 0 } = typeof refused === 'object' ? refused : {};
    expect(Math.abs(retryAfterMs - untilMidnightMs)).toBeLessThan(5000);
    expect(Math.abs(liveMs - untilMidnightMs)).toBeLessThan(5000);
    expect(await take([{ ...charge, cost: 1 }])).toBe('allowed');
  });

  it('counts against all limits or none, and names the one with the longest wait', async () => {
    const short = { limit: rate('short', 1, 1000), key: 'a', cost: 1 };
    const long = { limit: rate('long', 1, 60_000), key: 'a', cost: 1 };
    const wide = { limit: quota('wide', 100, 'month'), key: undefined, cost: 10 };

    expect(await take([wide, short, long])).toBe('allowed');
    expect(await take([wide, short, long])).toMatchObject({ index: 2 });
    expect(await take([short])).toMatchObject({ index: 0 });
    expect(await redis.get(redisKey(prefix, wide))).toBe('10');
  });

  it('lets exactly the burst of many gateways through at once', async () => {
    const charge = { limit: rate('many', 50, 3_600_000), key: 'a', cost: 1 };

    const verdicts = await Promise.all(Array.from({ length: 120 }, () => take([charge])));

    expect(verdicts.filter((one) => one === 'allowed')).toHaveLength(50);
  });
});
