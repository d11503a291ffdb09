import fc from 'fast-check';
import { formatGrpcTimeout, parseGrpcTimeout } from './grpc-timeout';

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['500u', 0.5],
    ['1000000n', 1],
    ['99999999H', 99_999_999 * 3_600_000],
    ['0S', 0],
  ])('%s is %d ms', (value, milliseconds) => {
    expect(parseGrpcTimeout(value)).toBeCloseTo(milliseconds, 9);
  });

  it.each(['', 'S', '1', '1s', '-1S', '1.5S', ' 1S', '123456789S', '1 S', '1SS'])(
    '%j is malformed',
    (value) => {
      expect(parseGrpcTimeout(value)).toBeUndefined();
    },
  );

  it('is written so that it reads as at most the same and nearly the same', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e10, noNaN: true }), (milliseconds) => {
        const value = formatGrpcTimeout(milliseconds);
        const read = parseGrpcTimeout(value) ?? Number.NaN;
        expect(value).toMatch(/^\d{1,8}[umS]$/);
        expect(read).toBeLessThanOrEqual(milliseconds * (1 + 1e-9));
        expect(read).toBeGreaterThan(milliseconds * 0.99 - 0.0011);
      }),
    );
  });
});
