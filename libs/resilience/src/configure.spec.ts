import {
  CircuitBreaker,
  defaultCircuitBreakerSettings,
  defaultOutlierEjectionSettings,
  defaultRetryBudgetSettings,
  OutlierEjection,
  RequestQueue,
  RetryBudget,
} from './index';

describe('settings that are exchanged', () => {
  const outliers = { ...defaultOutlierEjectionSettings, consecutiveFailures: 2 };

  it('leave whoever is left out where it is, with its cause and its results', () => {
    const ejection = new OutlierEjection(outliers);
    ejection.setEndpoints(['a', 'b', 'c'], 0);
    ejection.record('a', true, 1);
    ejection.record('a', true, 1);
    ejection.record('b', true, 2);

    ejection.configure({ ...outliers, ejectionMs: 1, ejectedShareMax: 1 }, 3);

    expect([ejection.until('a'), ejection.causeOf('a')]).toEqual([10_001, 'consecutive']);
    expect(ejection.record('b', true, 4)).toBe('consecutive');
    expect(ejection.until('b')).toBe(5);
  });

  it('take back who is left out beyond the new share', () => {
    const ejection = new OutlierEjection({ ...outliers, ejectedShareMax: 1 });
    ejection.setEndpoints(['a', 'b', 'c', 'd'], 0);
    for (const [index, key] of ['a', 'b'].entries())
      for (let call = 0; call < 2; call += 1) ejection.record(key, true, index);

    ejection.configure({ ...outliers, ejectedShareMax: 0.25 }, 5);

    expect([ejection.until('a'), ejection.until('b')]).toEqual([0, 10_001]);
  });

  it('leave a circuit open for its time, and half-open until its probes are enough', () => {
    const settings = { ...defaultCircuitBreakerSettings, consecutiveFailures: 1, probes: 3 };
    const breaker = new CircuitBreaker(settings);
    breaker.end(breaker.acquire(0)!, 'failure', 0);

    breaker.configure({ ...settings, openMs: 1 });
    expect([breaker.state(10), breaker.retryAfterMs(10)]).toEqual(['open', 4990]);
    breaker.end(breaker.acquire(5000)!, 'success', 5001);
    expect(breaker.state(5001)).toBe('half-open');
    breaker.configure({ ...settings, probes: 1 });

    expect(breaker.state(5002)).toBe('closed');
  });

  it('keep the count of a budget', () => {
    const budget = new RetryBudget({ ...defaultRetryBudgetSettings, perSecondMin: 0, share: 1 });
    for (let call = 0; call < 10; call += 1) budget.noteCall(0);
    for (let call = 0; call < 3; call += 1) budget.tryRetry(0);

    budget.configure({ ...defaultRetryBudgetSettings, perSecondMin: 0, share: 0.4 });

    expect([budget.used(0), budget.limit(0)]).toEqual([3, 4]);
    expect([budget.tryRetry(0), budget.tryRetry(0)]).toEqual([true, false]);
  });

  it('let those wait on that waited already', () => {
    const queue = new RequestQueue<string>(2);
    queue.offer('a', 100);
    queue.offer('b', 100);

    queue.resize(1);

    expect([queue.size, queue.offer('c', 100)]).toEqual([2, false]);
    expect([queue.take(0), queue.take(0)]).toEqual(['a', 'b']);
    expect([queue.offer('c', 100), queue.offer('d', 100)]).toEqual([true, false]);
  });
});
