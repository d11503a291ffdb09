import { endpointsOf, picks, requestOf, seeded } from '../test/support/endpoints';
import { BackendLoad, createPicker, defaultLoadBalancing, type Endpoint, PeakEwma } from './index';

const options = { decayMs: 10_000, failurePenaltyMs: 5000 };

function measured(...samples: readonly (readonly [sampleMs: number, nowMs: number])[]): PeakEwma {
  const latency = new PeakEwma(options);
  for (const [sampleMs, nowMs] of samples) latency.observe(sampleMs, nowMs);
  return latency;
}

describe('a peak EWMA', () => {
  it('starts at the first sample and forgets it with its time constant', () => {
    const latency = measured([100, 0]);

    expect(latency.at(0)).toBe(100);
    // 100 / e and 100 / e².
    expect(latency.at(10_000)).toBeCloseTo(36.787944, 6);
    expect(latency.at(20_000)).toBeCloseTo(13.533528, 6);
  });

  it('moves towards a smaller sample by the time since the last one', () => {
    // 100 · e^−1 + 50 · (1 − e^−1), and from there 10 s / ln 2 … a half-life later half of the way to 20.
    const latency = measured([100, 0], [50, 10_000]);

    expect(latency.at(10_000)).toBeCloseTo(68.393972, 6);
    latency.observe(20, 10_000 + 10_000 * Math.LN2);
    expect(latency.at(10_000 + 10_000 * Math.LN2)).toBeCloseTo(44.196986, 6);
  });

  it('takes over a greater sample as it is', () => {
    expect(measured([100, 0], [300, 1]).at(1)).toBe(300);
  });

  it('is not moved by samples at the same time that are smaller', () => {
    expect(measured([100, 0], [1, 0], [1, 0]).at(0)).toBe(100);
  });

  it('counts a failure as slow, however fast it was', () => {
    const latency = measured([100, 0]);

    latency.observeFailure(1, 10);
    expect(latency.at(10)).toBe(5000);
    latency.observeFailure(7000, 10);
    expect(latency.at(10)).toBe(7000);
  });

  it('learns from no answer only that the latency is at least so long', () => {
    const latency = measured([100, 0]);

    latency.observeAtLeast(30, 10_000);
    expect(latency.at(10_000)).toBeCloseTo(36.787944, 6);
    latency.observeAtLeast(40, 10_000);
    expect(latency.at(10_000)).toBeCloseTo(62.072766, 6);
    latency.observeAtLeast(400, 10_000);
    expect(latency.at(10_000)).toBe(400);
  });

  it('never reaches nothing', () => {
    expect(measured([100, 0]).at(1e12)).toBe(0.001);
  });
});

describe('the cost of an endpoint', () => {
  it('is the latency times the calls with one more', () => {
    const load = new BackendLoad(options).of('a', 0);
    load.given();
    load.firstByte(100, 0);

    expect(load.cost(0)).toBe(200);
    load.ended('answered', 150, 0);
    expect(load.cost(0)).toBe(100);
  });

  it('is next to nothing before the first call, and beyond all others until that is answered', () => {
    const backend = new BackendLoad(options);
    const fresh = backend.of('fresh', 0);
    const slow = backend.of('slow', 0);
    slow.firstByte(60_000, 0);

    expect(fresh.cost(0)).toBeLessThan(slow.cost(0));
    fresh.given();
    expect(fresh.cost(0)).toBeGreaterThan(slow.cost(0));
    fresh.firstByte(1, 0);
    expect(fresh.cost(0)).toBe(2);
  });
});

describe('the load of a backend whose settings are exchanged', () => {
  it('keeps open calls and ages, and latencies that are measured as before', () => {
    const backend = new BackendLoad(undefined);
    const load = backend.of('a', 7);
    load.given();

    backend.configure(options);
    load.firstByte(100, 0);
    backend.configure({ ...options });

    expect([load.cost(0), load.active, load.sinceMs, backend.active]).toEqual([200, 1, 7, 1]);
    backend.configure(undefined);
    expect(load.cost(0)).toBe(1);
    load.ended('answered', 1, 0);
    expect([load.active, backend.active]).toEqual([0, 0]);
  });
});

describe('picking by peak EWMA', () => {
  /** Calls one after the other, each endpoint with its latency or failing at once. */
  function calls(answers: Record<string, number | 'fails'>): Map<string, number> {
    const settings = { ...defaultLoadBalancing, policy: 'peak_ewma' as const };
    const picker = createPicker<Endpoint>(settings, seeded(5));
    picker.replace(endpointsOf([100, 100, 100], new BackendLoad(settings.peakEwma)));
    const counts = new Map<string, number>();
    for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
      const endpoint = picker.pick(requestOf({ nowMs }));
      if (endpoint === undefined) throw new Error('nothing was picked');
      counts.set(endpoint.key, (counts.get(endpoint.key) ?? 0) + 1);
      const answer = answers[endpoint.key] ?? 0;
      endpoint.load.given();
      if (answer === 'fails') endpoint.load.ended('failed', 1, nowMs + 1);
      else {
        endpoint.load.firstByte(answer, nowMs + answer);
        endpoint.load.ended('answered', answer, nowMs + answer);
      }
    }
    return counts;
  }

  it('avoids the slow one', () => {
    const counts = calls({ e00: 5, e01: 5, e02: 500 });

    expect(counts.get('e02')).toBeLessThan(20);
    expect(Math.min(counts.get('e00') ?? 0, counts.get('e01') ?? 0)).toBeGreaterThan(500);
  });

  it('is not drawn to the one that fails fast', () => {
    expect(calls({ e00: 50, e01: 50, e02: 'fails' }).get('e02')).toBeLessThan(20);
  });

  it('comes back to one that was slow', () => {
    const settings = { ...defaultLoadBalancing, policy: 'peak_ewma' as const };
    const picker = createPicker<Endpoint>(settings, seeded(5));
    const endpoints = endpointsOf([100, 100], new BackendLoad(settings.peakEwma));
    picker.replace(endpoints);
    endpoints[0]?.load.firstByte(10, 0);
    endpoints[1]?.load.firstByte(1000, 0);

    expect(picks(picker, 50, requestOf({ nowMs: 0 })).get('e01')).toBeUndefined();
    endpoints[0]?.load.firstByte(10, 60_000);
    expect(picks(picker, 50, requestOf({ nowMs: 60_000 })).get('e01')).toBe(50);
  });
});
