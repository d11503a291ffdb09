import type { Catalogue } from '../catalogue/catalogue';
import { BY_INSTANCE, BY_JOB, serverCalls } from '../promql/expressions';
import { CHOSEN, type Dashboard, type Row } from './dashboard';
import { each, events, quantiles, rate, type Scope, value } from './queries';

/** The replicas of one service. */
function of(job: string): Scope {
  return {
    matchers: `${CHOSEN}, job="${job}"`,
    by: BY_INSTANCE,
    legend: '{{instance}}',
  };
}

/** What every replica of a group says alike: once. */
function groupOf(job: string): Scope {
  return { ...of(job), by: BY_JOB, legend: '{{job}}' };
}

/** Calls that a service's own servers answered. */
function callsOf(job: string, catalogue: Catalogue): Row {
  const { name, method, status } = serverCalls(catalogue);
  const { matchers } = of(job);
  const byMethod: Scope = { matchers, by: method, legend: `{{${method}}}` };
  return {
    title: 'Calls',
    panels: [
      { title: 'Calls, by method', unit: 'reqps', queries: [rate(`${name}_count`, byMethod)] },
      {
        title: 'Calls that did not end well, by status',
        unit: 'reqps',
        queries: [rate(`${name}_count`, each(byMethod, status, `, ${status}!="OK"`))],
      },
      { title: 'Time of a call, by method', unit: 's', queries: quantiles(name, byMethod) },
    ],
  };
}

export function locksDashboard(catalogue: Catalogue): Dashboard {
  const group = groupOf('lock-service');
  return {
    name: 'locks',
    title: 'Raftway: locks',
    description: 'Locks, sessions and waiters of the lock service.',
    rows: [
      {
        title: 'State',
        panels: [
          {
            title: 'Locks that are held',
            unit: 'short',
            queries: [value('raftway_lock_held', group)],
          },
          {
            title: 'Open sessions',
            unit: 'short',
            queries: [value('raftway_lock_sessions', group)],
          },
          {
            title: 'Calls that wait for a lock',
            unit: 'short',
            queries: [value('raftway_lock_waiters', group)],
          },
          {
            title: 'Calls that wait, by the replica that took them',
            unit: 'short',
            queries: [value('raftway_lock_waiting_calls', of('lock-service'))],
          },
        ],
      },
      callsOf('lock-service', catalogue),
    ],
  };
}

export function idsDashboard(catalogue: Catalogue): Dashboard {
  const replica = of('id-service');
  return {
    name: 'ids',
    title: 'Raftway: ids',
    description: 'Ids, worker leases and clocks of the id service.',
    rows: [
      {
        title: 'Ids',
        panels: [
          { title: 'Ids made', unit: 'cps', queries: [rate('raftway_id_made_total', replica)] },
          {
            title: 'Calls that waited for a grant',
            unit: 'cps',
            queries: [rate('raftway_id_waits_total', replica)],
          },
          {
            title: 'Worker leases and renewals, by outcome',
            unit: 'cps',
            queries: [rate('raftway_id_asks_total', each(replica, 'outcome'))],
          },
          {
            title: 'Clock ahead of the group',
            unit: 's',
            queries: [value('raftway_id_clock_correction_seconds', replica)],
          },
          {
            title: 'Worker number, -1 without one',
            unit: 'none',
            queries: [value('raftway_id_worker', replica)],
          },
        ],
      },
      callsOf('id-service', catalogue),
    ],
  };
}

export function registryDashboard(catalogue: Catalogue): Dashboard {
  const group = groupOf('registry');
  const replica = of('registry');
  return {
    name: 'registry',
    title: 'Raftway: registry',
    description: 'What is registered, who watches, and what expires.',
    rows: [
      {
        title: 'State',
        panels: [
          {
            title: 'Registered instances and services',
            unit: 'short',
            queries: [
              value('raftway_registry_instances', { ...group, legend: 'instances' }),
              value('raftway_registry_services', { ...group, legend: 'services' }),
            ],
          },
          {
            title: 'Instances that expired',
            unit: 'short',
            description: 'Every replica counts every one.',
            queries: [events('raftway_registry_expired_instances_total', replica)],
          },
          {
            title: 'Names that several services claim: always 0',
            unit: 'short',
            queries: [value('raftway_registry_claim_conflicts', group)],
          },
          {
            title: 'Lease renewals',
            unit: 'cps',
            queries: [rate('raftway_registry_renewals_total', replica)],
          },
          {
            title: 'Open watches',
            unit: 'short',
            queries: [value('raftway_registry_watchers', replica)],
          },
          {
            title: 'Watchers that started again from a snapshot',
            unit: 'short',
            queries: [events('raftway_registry_watch_resets_total', replica)],
          },
          {
            title: 'Entries of configuration: at most 10,000',
            unit: 'short',
            queries: [value('raftway_registry_config_entries', group)],
          },
          {
            title: 'Configuration: at most 16 MiB',
            unit: 'bytes',
            queries: [value('raftway_registry_config_bytes', group)],
          },
        ],
      },
      callsOf('registry', catalogue),
    ],
  };
}
