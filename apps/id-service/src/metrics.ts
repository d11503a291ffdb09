import type { Metrics } from '@raftway/observability';
import type { IdIssuer } from './domain/id-issuer';

/** What the keeper reports as it happens. */
export interface IdObserver {
  /** Ids were made. */
  readonly made: (count: number) => void;
  /** A call did not get its ids from memory. */
  readonly waited: () => void;
  /** The group was asked for a worker or a higher ceiling. */
  readonly asked: (outcome: 'granted' | 'refused' | 'failed') => void;
}

/** Declares the id service's metrics; gauges are read at each scrape. */
export function observeIds(metrics: Metrics, issuer: IdIssuer): IdObserver {
  const worker = metrics.gauge({
    name: 'raftway_id_worker',
    help: 'The leased worker number; -1 when none is.',
  });
  const correction = metrics.gauge({
    name: 'raftway_id_clock_correction_seconds',
    help: "How far this replica's wall clock is taken to be ahead of the group's.",
  });
  metrics.onScrape(() => {
    worker.set(issuer.worker ?? -1);
    correction.set(issuer.clockCorrectionMs / 1000);
  });
  const made = metrics.counter({ name: 'raftway_id_made_total', help: 'Ids that were made.' });
  const waits = metrics.counter({
    name: 'raftway_id_waits_total',
    help: 'Calls that had to wait for a grant.',
  });
  const asks = metrics.counter({
    name: 'raftway_id_asks_total',
    help: 'Worker leases and renewals, by outcome.',
    labels: ['outcome'],
  });
  return {
    made: (count) => made.increment({}, count),
    waited: () => waits.increment(),
    asked: (outcome) => asks.increment({ outcome }),
  };
}
