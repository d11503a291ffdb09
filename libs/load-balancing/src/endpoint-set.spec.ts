import { BackendLoad, defaultLoadBalancing, type Endpoint, EndpointSet, SetAside } from './index';

const middle = (): number => 0.5;

function endpoint(key: string, weight: number): Endpoint {
  return { key, weight, zone: '', load: new BackendLoad(undefined).of(key, 0) };
}

function setOf(...keys: string[]): EndpointSet<Endpoint> {
  const set = new EndpointSet<Endpoint>(defaultLoadBalancing, () => 0);
  set.replace(keys.map((key) => endpoint(key, 1)));
  return set;
}

function keysOf(
  set: EndpointSet<Endpoint>,
  count: number,
  nowMs: number,
  setAside: SetAside,
): (string | undefined)[] {
  return Array.from({ length: count }, () => set.pick(nowMs, setAside)?.key);
}

describe('an endpoint set', () => {
  it('skips an endpoint that is set aside until its time has passed', () => {
    const set = setOf('a', 'b', 'c');
    const setAside = new SetAside(middle);
    const untilMs = setAside.fail('b', 1000);

    expect(keysOf(set, 4, 1000, setAside)).toEqual(['a', 'c', 'a', 'c']);
    expect(keysOf(set, 3, untilMs, setAside)).toEqual(['a', 'b', 'c']);
  });

  it('picks the one that comes back first when all are set aside', () => {
    const set = setOf('a', 'b');
    const setAside = new SetAside(middle);
    setAside.fail('b', 1000);
    setAside.fail('a', 1100);

    expect(set.pick(1150, setAside)?.key).toBe('b');
  });

  it('picks none that is left out without an end, but for panic', () => {
    const health = { size: 2, version: 1, until: (): number => Infinity };
    const settings = { ...defaultLoadBalancing, panicThresholdPercent: 1 };
    const panicking = new EndpointSet<Endpoint>(settings, () => 0);
    panicking.replace([endpoint('a', 1), endpoint('b', 1)]);

    expect(setOf('a', 'b').pick(0, health)).toBeUndefined();
    expect(panicking.pick(0, health)?.key).toBe('a');
    const half = { ...health, until: (key: string): number => (key === 'a' ? Infinity : 50) };
    expect(setOf('a', 'b').pick(0, half)?.key).toBe('b');
  });

  it('never returns an endpoint that the call has tried', () => {
    const set = setOf('a', 'b');
    const setAside = new SetAside(middle);

    expect(set.pick(0, setAside, new Set(['a']))?.key).toBe('b');
    expect(set.pick(0, setAside, new Set(['a', 'b']))).toBeUndefined();
  });

  it('refuses repeated keys and weights below one, and keeps what it had', () => {
    const set = setOf('a');

    expect(() => set.replace([endpoint('b', 1), endpoint('b', 1)])).toThrow('two endpoints');
    expect(() => set.replace([endpoint('b', 0)])).toThrow('the weight of b is 0');
    expect(set.list().map(({ key }) => key)).toEqual(['a']);
  });
});

describe('setting aside', () => {
  it('doubles the time with each failure up to the maximum, and starts again after a success', () => {
    const setAside = new SetAside(middle, {
      initialMs: 100,
      maximumMs: 500,
      multiplier: 2,
      jitter: 0.2,
    });
    let nowMs = 0;
    const durations: number[] = [];
    for (let failure = 0; failure < 5; failure += 1) {
      const untilMs = setAside.fail('a', nowMs);
      durations.push(untilMs - nowMs);
      nowMs = untilMs;
    }

    expect(durations).toEqual([100, 200, 400, 500, 500]);
    setAside.succeed('a');
    expect(setAside.until('a')).toBe(0);
    expect(setAside.fail('a', 0)).toBe(100);
  });

  it('counts failures of calls that were sent before as one', () => {
    const setAside = new SetAside(middle);

    const first = setAside.fail('a', 0);

    expect(setAside.fail('a', 10)).toBe(first);
  });

  it('keeps within the jitter', () => {
    expect(new SetAside(() => 0).fail('a', 0)).toBe(200);
    expect(new SetAside(() => 0.999999).fail('a', 0)).toBeCloseTo(300, 2);
  });

  it('forgets endpoints that are gone', () => {
    const setAside = new SetAside(middle);
    setAside.fail('a', 0);
    setAside.fail('b', 0);

    setAside.retain((key) => key === 'b');

    expect(setAside.size).toBe(1);
    expect(setAside.until('a')).toBe(0);
  });
});
