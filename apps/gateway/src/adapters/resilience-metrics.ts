import { type Metrics } from '@raftway/observability';

/** Counts what is done for calls beside sending them once to an instance that is well. */
export class ResilienceMetrics {
  readonly hedges;
  readonly hedgesWon;
  readonly failedChecks;

  /** @param combinationsMax series of each */
  constructor(metrics: Metrics, combinationsMax: number) {
    this.hedges = metrics.counter({
      name: 'raftway_gateway_hedges_total',
      help: 'Calls that were sent to a further instance beside the first, by registered service.',
      labels: ['service'],
    });
    this.hedgesWon = metrics.counter({
      name: 'raftway_gateway_hedges_won_total',
      help: 'Of those, the ones that the further instance answered first.',
      labels: ['service'],
    });
    this.failedChecks = metrics.counter({
      name: 'raftway_gateway_health_check_failures_total',
      help: 'Health checks of instances that failed, by registered service and cause.',
      labels: ['service', 'cause'],
      combinationsMax,
    });
  }
}
