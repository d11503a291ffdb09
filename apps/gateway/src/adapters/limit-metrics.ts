import { type Metrics } from '@raftway/observability';
import { type CountedLimit } from '../domain/limits/limit-settings';
import { type TargetConcurrency } from '../domain/limits/target-concurrency';
import { type LimitObserver } from '../proxy/limit-context';

/** Limits and targets with series of their own; further ones are counted as `other`. */
const combinationsMax = 1000;

/** What is read at each scrape. */
export interface LimitGauges {
  readonly concurrencies: readonly TargetConcurrency[];
  /** Undefined when this gateway shares its counts with none. */
  readonly isRedisUp: boolean | undefined;
}

/** The metrics of limits. */
export class LimitMetrics implements LimitObserver {
  private readonly counted;
  private readonly concurrency;
  private readonly alone;
  private readonly decisions = new WeakMap<
    CountedLimit,
    Readonly<Record<'allowed' | 'refused', () => void>>
  >();

  constructor(metrics: Metrics, gauges: () => LimitGauges) {
    this.counted = metrics.counter({
      name: 'raftway_gateway_limit_decisions_total',
      help: 'Calls that a rate limit or quota let through or refused, by document, kind, name and outcome: allowed or refused.',
      labels: ['policy', 'kind', 'limit', 'outcome'],
      combinationsMax,
    });
    this.concurrency = metrics.counter({
      name: 'raftway_gateway_concurrency_decisions_total',
      help: 'Calls that a concurrency limit let through or refused, by target and outcome: allowed, waited, full or timeout.',
      labels: ['target', 'outcome'],
      combinationsMax,
    });
    this.alone = metrics.counter({
      name: 'raftway_gateway_shared_limit_fallbacks_total',
      help: 'Calls with shared limits that this gateway counted by itself, because Redis was away or too slow, or there is none.',
    });
    registerGauges(metrics, gauges);
  }

  onCounted(limit: CountedLimit, isAllowed: boolean): void {
    let known = this.decisions.get(limit);
    if (known === undefined) {
      const { owner, kind, name } = limit;
      const of = (outcome: string) =>
        this.counted.with({ policy: owner, kind, limit: name, outcome });
      this.decisions.set(limit, (known = { allowed: of('allowed'), refused: of('refused') }));
    }
    known[isAllowed ? 'allowed' : 'refused']();
  }

  onConcurrency(target: string, outcome: 'allowed' | 'waited' | 'full' | 'timeout'): void {
    this.concurrency.increment({ target, outcome });
  }

  onCountedAlone(): void {
    this.alone.increment();
  }
}

function registerGauges(metrics: Metrics, read: () => LimitGauges): void {
  const byTarget = (name: string, help: string) =>
    metrics.gauge({
      ...{ name: `raftway_gateway_${name}`, help, combinationsMax },
      labels: ['target'],
    });
  const limit = byTarget('concurrency_limit', 'Calls that may be under way, by target.');
  const used = byTarget('concurrency_calls', 'Calls under way within that, by target.');
  const waiting = byTarget('concurrency_waiting', 'Calls that wait for one of those to end.');
  const redis = metrics.gauge({
    name: 'raftway_gateway_limit_redis_up',
    help: 'Whether the Redis of shared limits answers; 0 also when there is none.',
  });
  metrics.onScrape(() => {
    const { concurrencies, isRedisUp } = read();
    for (const gauge of [limit, used, waiting]) gauge.reset();
    for (const one of concurrencies) {
      const labels = { target: one.target };
      limit.set(one.limitOf(), labels);
      used.set(one.used, labels);
      waiting.set(one.waiting, labels);
    }
    redis.set(isRedisUp === true ? 1 : 0);
  });
}
