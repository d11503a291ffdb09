import fc from 'fast-check';
import { type CallResult, CircuitBreaker, type CircuitBreakerSettings } from './index';

const settings: CircuitBreakerSettings = {
  windowMs: 1000,
  errorShare: 0.5,
  requestsMin: 4,
  consecutiveFailures: 3,
  openMs: 500,
  openMaxMs: 1500,
  probes: 2,
};

function failing(): CircuitBreaker {
  const breaker = new CircuitBreaker(settings);
  for (let call = 0; call < 3; call += 1) breaker.end(permitOf(breaker, 0), 'failure', 0);
  return breaker;
}

function permitOf(breaker: CircuitBreaker, nowMs: number): number {
  const permit = breaker.acquire(nowMs);
  if (permit === undefined) throw new Error(`refused at ${nowMs}`);
  return permit;
}

describe('a circuit breaker', () => {
  it('opens after failures in a row and says for how long', () => {
    const breaker = failing();

    expect(breaker.state(0)).toBe('open');
    expect(breaker.acquire(499)).toBeUndefined();
    expect(breaker.retryAfterMs(200)).toBe(300);
    expect(breaker.state(500)).toBe('half-open');
  });

  it('lets so many probes through, and closes when all of them succeed', () => {
    const breaker = failing();
    const probes = [permitOf(breaker, 500), permitOf(breaker, 500)];

    expect(breaker.acquire(500)).toBeUndefined();
    for (const probe of probes) breaker.end(probe, 'success', 510);
    expect(breaker.state(510)).toBe('closed');
  });

  it('opens for longer each time that a probe fails, up to the maximum', () => {
    const breaker = failing();
    const waits: number[] = [];
    let nowMs = 0;
    for (let opening = 0; opening < 4; opening += 1) {
      waits.push(breaker.retryAfterMs(nowMs));
      nowMs += breaker.retryAfterMs(nowMs);
      breaker.end(permitOf(breaker, nowMs), 'failure', nowMs);
    }

    expect(waits).toEqual([500, 1000, 1500, 1500]);
  });

  it('does not let a call decide that began before it opened', () => {
    const breaker = new CircuitBreaker(settings);
    const old = permitOf(breaker, 0);
    for (let call = 0; call < 3; call += 1) breaker.end(permitOf(breaker, 0), 'failure', 0);
    const probe = permitOf(breaker, 500);
    breaker.end(old, 'failure', 501);

    expect(breaker.state(501)).toBe('half-open');
    breaker.end(probe, 'ignored', 502);
    expect(breaker.acquire(502)).toBeDefined();
  });

  it('behaves as its automaton says, whatever happens in whichever order', () => {
    const result = fc.constantFrom<CallResult>('success', 'failure', 'failure', 'ignored');
    const steps = fc.array(
      fc.oneof(
        // Tenths of the window, so that the model counts the same calls.
        { weight: 1, arbitrary: fc.record({ pauseMs: fc.constantFrom(100, 200, 500, 1500) }) },
        { weight: 3, arbitrary: fc.record({ end: result, which: fc.nat(3) }) },
        { weight: 4, arbitrary: fc.constant('call' as const) },
      ),
      { minLength: 30, maxLength: 150, size: 'max' },
    );
    fc.assert(
      fc.property(steps, (drawn) => {
        const breaker = new CircuitBreaker(settings);
        const model = new Model();
        const open: { permit: number; epoch: number }[] = [];
        const said: unknown[] = [];
        const expected: unknown[] = [];
        let nowMs = 0;
        for (const step of drawn) {
          if (step === 'call') {
            const permit = breaker.acquire(nowMs);
            said.push(permit !== undefined);
            expected.push(model.call());
            if (permit !== undefined) open.push({ permit, epoch: model.epoch });
          } else if ('pauseMs' in step) model.tick((nowMs += step.pauseMs));
          else if (open.length > 0) {
            const [ended] = open.splice(-1 - (step.which % open.length), 1);
            if (ended === undefined) throw new Error('there is one');
            breaker.end(ended.permit, step.end, nowMs);
            model.end(ended.epoch, step.end, nowMs);
          }
          said.push(breaker.state(nowMs));
          expected.push(model.state);
        }
        expect(said).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});

/** The automaton, written down once more: it keeps every result instead of sums. */
class Model {
  state: 'closed' | 'open' | 'half-open' = 'closed';
  epoch = 0;
  private results: { failed: boolean; atMs: number }[] = [];
  private probes = { out: 0, good: 0 };
  private openedMs = 0;
  private openForMs = 0;

  tick(nowMs: number): void {
    if (this.state === 'open' && nowMs >= this.openedMs + this.openForMs) this.go('half-open');
  }

  call(): boolean {
    if (this.state !== 'half-open') return this.state === 'closed';
    if (this.probes.out + this.probes.good === settings.probes) return false;
    this.probes.out += 1;
    return true;
  }

  end(epoch: number, result: CallResult, nowMs: number): void {
    if (epoch !== this.epoch) return;
    if (this.state === 'half-open') {
      this.probes.out -= 1;
      if (result === 'success') this.probes.good += 1;
      if (result === 'failure') this.trip(nowMs, Math.min(settings.openMaxMs, 2 * this.openForMs));
      else if (this.probes.good === settings.probes) this.go('closed');
      return;
    }
    if (result === 'ignored') return;
    this.results.push({ failed: result === 'failure', atMs: nowMs });
    const recent = this.results.filter(({ atMs }) => nowMs - atMs < settings.windowMs);
    const failures = recent.filter(({ failed }) => failed).length;
    const last = this.results.slice(-settings.consecutiveFailures);
    const row = last.length === settings.consecutiveFailures && last.every(({ failed }) => failed);
    const share =
      recent.length >= settings.requestsMin && failures / recent.length >= settings.errorShare;
    if (result === 'failure' && (row || share)) this.trip(nowMs, settings.openMs);
  }

  private trip(nowMs: number, openForMs: number): void {
    this.go('open');
    this.openedMs = nowMs;
    this.openForMs = openForMs;
  }

  private go(state: 'closed' | 'open' | 'half-open'): void {
    this.state = state;
    this.epoch += 1;
    this.results = [];
    this.probes = { out: 0, good: 0 };
  }
}
