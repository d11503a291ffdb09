import { type Metrics } from '@raftway/observability';
import { type LockStore } from './store';

/** Declares the service's metrics; they are read from the store at each scrape. */
export function observeLocks(
  metrics: Metrics,
  store: Pick<LockStore, 'counts' | 'waitingCalls'>,
): void {
  const gauge = (name: string, help: string) =>
    metrics.gauge({ name: `raftway_lock_${name}`, help });
  const sessions = gauge('sessions', 'Open sessions.');
  const locks = gauge('held', 'Locks that are held.');
  const waiters = gauge('waiters', 'Calls that wait for a lock, on any replica.');
  const calls = gauge('waiting_calls', 'Calls of this replica that wait for a lock.');
  metrics.onScrape(() => {
    const counts = store.counts();
    sessions.set(counts.sessions);
    locks.set(counts.locks);
    waiters.set(counts.waiters);
    calls.set(store.waitingCalls());
  });
}
