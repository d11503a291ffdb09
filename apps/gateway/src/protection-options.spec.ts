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

    expect([outliers, retry]).toEqual([undefined, undefined]);
  });

  it('take a list of methods and services', () => {
    const { retry } = parse({ retryMethods: 'a.b.C/Get, a.D/*' });

    expect(retry?.methods).toEqual(new Set(['a.b.C/Get', 'a.D/*']));
  });

  it.each(['a.b.C', '*', 'a.b.C/', '/a.b.C/Get', 'a.b.C/Get,', 'a.*/Get'])(
    'refuse %j as methods',
    (retryMethods) => {
      expect(() => parse({ retryMethods })).toThrow('package.Service/Method');
    },
  );
});
