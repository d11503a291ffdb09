import * as fc from 'fast-check';
import { CreditRatio } from './credit-ratio';

describe('credit across a change of encoding', () => {
  it('is exact when the bytes are the same', () => {
    const ratio = new CreditRatio();
    ratio.add(10, 10);
    ratio.add(5, 5);

    expect([ratio.take(3), ratio.take(11), ratio.take(1), ratio.take(9)]).toEqual([3, 11, 1, 0]);
  });

  it('never gives more than came in, and all of it in the end', () => {
    const steps = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1500)), { maxLength: 20 });
    fc.assert(
      fc.property(steps, (given) => {
        const ratio = new CreditRatio();
        let came = 0;
        let became = 0;
        let credit = 0;
        for (const [bytes, others, reported] of given) {
          ratio.add(bytes, others);
          came += bytes;
          became += others;
          credit += ratio.take(Math.min(reported, became));
          became -= Math.min(reported, became);
          expect(credit).toBeLessThanOrEqual(came);
        }
        expect(credit + ratio.take(became)).toBe(came);
      }),
    );
  });
});
