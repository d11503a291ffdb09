import { judge, LIMITS, type Measured } from './verdict';

const well: Measured = {
  names: ['ping'],
  beforeMs: [1, 2, 3],
  duringMs: [2, 4, 6],
  failures: [],
  residentBeforeBytes: 100_000_000,
  residentPeakBytes: 100_000_000 + LIMITS.growthBytesMax,
  endings: new Map([
    ['closed', 1],
    ['GOAWAY 11: too many resets', 7],
  ]),
  breaches: [],
};

describe('the verdict on an attack', () => {
  it('finds nothing wrong at the limits', () => {
    const { row, findings } = judge(well, true);

    expect(findings).toEqual([]);
    expect(row).toEqual([
      ...['ping', '3', '0', '3.0 ms', '6.0 ms', '+50 MiB'],
      'GOAWAY 11: too many resets ×7',
    ]);
  });

  it.each<[string, Partial<Measured>, string]>([
    [
      'a call that failed',
      { failures: ['14 UNAVAILABLE: x'] },
      'ping: 1 good calls failed, the first with 14 UNAVAILABLE: x',
    ],
    ['no calls at all', { duringMs: [] }, 'ping: no good call was answered'],
    ['memory', { residentPeakBytes: 300_000_000 }, 'ping: the gateway grew by +191 MiB'],
    [
      'slower calls',
      { duringMs: [2, 4, 6.1] },
      'ping: p99 of good calls went from 3.0 ms to 6.1 ms',
    ],
    [
      'a gateway that ended',
      { breaches: ['gateway has ended with SIGABRT'] },
      'ping: gateway has ended with SIGABRT',
    ],
  ])('names %s', (_name, change, finding) => {
    expect(judge({ ...well, ...change }, true).findings).toEqual([finding]);
  });

  it('only tells how slow calls were when that is not judged', () => {
    expect(judge({ ...well, duringMs: [99] }, false)).toMatchObject({ findings: [] });
  });
});
