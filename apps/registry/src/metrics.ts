import type { Metrics } from '@raftway/observability';
import type { RegistryStateMachine } from './domain/registry-state-machine';
import type { WatchHub } from './service/watch-hub';

/** What the service reports as it happens. */
export interface RegistryObserver {
  readonly renewed: (count: number) => void;
  readonly reset: () => void;
}

/** Declares the registry's metrics; gauges are read from the state at each scrape. */
export function observeRegistry(
  metrics: Metrics,
  stateMachine: RegistryStateMachine,
  hub: WatchHub,
): RegistryObserver {
  const gauge = (name: string, help: string) =>
    metrics.gauge({ name: `raftway_registry_${name}`, help });
  const counter = (name: string, help: string) =>
    metrics.counter({ name: `raftway_registry_${name}_total`, help });

  const instances = gauge('instances', 'Registered instances.');
  const services = gauge('services', 'Services that have an instance.');
  const watchers = gauge('watchers', 'Open Watch streams of this replica.');
  const conflicts = gauge(
    'claim_conflicts',
    'gRPC service names that more than one service claims.',
  );
  const expired = counter(
    'expired_instances',
    'Instances that expired since this replica started.',
  );
  const configEntries = gauge('config_entries', 'Entries of configuration.');
  const configBytes = gauge('config_bytes', 'Bytes of all keys and texts of configuration.');
  let expiredBefore = 0;
  metrics.onScrape(() => {
    const { state } = stateMachine;
    instances.set(state.instanceCount);
    services.set(state.services.size);
    watchers.set(hub.watcherCount);
    conflicts.set(state.claimConflictCount);
    configEntries.set(stateMachine.config.entryCount);
    configBytes.set(stateMachine.config.byteLength);
    expired.increment({}, stateMachine.expiredTotal - expiredBefore);
    expiredBefore = stateMachine.expiredTotal;
  });

  const renewals = counter('renewals', 'Lease renewals that this replica proposed.');
  const resets = counter('watch_resets', 'Watchers that had to start again from a snapshot.');
  return {
    renewed: (count) => renewals.increment({}, count),
    reset: () => resets.increment(),
  };
}
