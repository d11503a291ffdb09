import { circuitBreakerSchema } from './domain/documents/policies/circuit-breaker';
import { limitsSchema } from './domain/documents/policies/limits';
import { outlierDetectionSchema } from './domain/documents/policies/outlier-detection';
import { compileProtection } from './domain/documents/policies/protection';
import { retrySchema } from './domain/documents/policies/retry';
import { gatewayOptionsSchema } from './options';
import { protectionOf } from './protection-options';

const parse = (options: object) => protectionOf(gatewayOptionsSchema.parse(options));

describe('the options of protection', () => {
  it('leave limits and breaker off, and ejection and retries on', () => {
    const { breaker, outliers, pendingMax, requestsMax, retry } = parse({});

    expect([breaker, requestsMax, pendingMax]).toEqual([undefined, undefined, 0]);
    expect(outliers).toMatchObject({ consecutiveFailures: 5, errorShare: 0.4, requestsMin: 10 });
    expect(retry).toMatchObject({ attemptsMax: 3, retriesMax: undefined, methods: new Set() });
  });

  it('turn off what is set to nothing', () => {
    const { outliers, retry } = parse({ outlierEjectedPercentMax: '0', retryAttemptsMax: '1' });

    expect([outliers, retry.attemptsMax]).toEqual([undefined, 1]);
  });

  it('are what a document does not say', () => {
    const options = gatewayOptionsSchema.parse({
      ...{ outlierEjectedPercentMax: '0', retryAttemptsMax: '5', backendRequestsMax: '7' },
    });
    const policy = compileProtection(
      {
        outlierDetection: outlierDetectionSchema.parse({ maxEjectedPercent: 30 }),
        circuitBreaker: circuitBreakerSchema.parse({ openTime: '2m' }),
        retry: retrySchema.parse({ codes: ['ABORTED'], budget: { percent: 0 } }),
        limits: limitsSchema.parse({ pending: 3, connections: 2 }),
      },
      'BackendPolicy default/a',
    );

    const merged = protectionOf(options, policy);

    expect(merged).toMatchObject({
      ...{ breakerOwner: 'BackendPolicy default/a', limitsOwner: 'BackendPolicy default/a' },
      outliers: { ejectedShareMax: 0.3, consecutiveFailures: 5 },
      breaker: { openMs: 120_000, openMaxMs: 120_000, errorShare: 0.5 },
      retry: { attemptsMax: 5, codes: new Set([10]), budget: { share: 0, perSecondMin: 3 } },
      ...{ requestsMax: 7, pendingMax: 3, pendingTimeoutMs: 1000, connectionsMax: 2 },
    });
    expect(protectionOf(options).limitsOwner).toBe('options of the gateway');
  });

  it('take a list of methods and services', () => {
    const { retry } = parse({ retryMethods: 'a.b.C/Get, a.D/*' });

    expect(retry.methods).toEqual(new Set(['a.b.C/Get', 'a.D/*']));
  });

  it.each(['a.b.C', '*', 'a.b.C/', '/a.b.C/Get', 'a.b.C/Get,', 'a.*/Get'])(
    'refuse %j as methods',
    (retryMethods) => {
      expect(() => parse({ retryMethods })).toThrow('package.Service/Method');
    },
  );
});
