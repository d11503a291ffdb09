import { BY_JOB, GRAFANA_WINDOW, OWN_JOBS, quantile } from '../promql/expressions';
import { CHOSEN, type Dashboard, type Row } from './dashboard';
import { failureRatio } from './gateway-dashboard';
import { events, rate, type Scope, value } from './queries';

/** A group or app as one. */
const JOBS: Scope = { matchers: `${CHOSEN}, ${OWN_JOBS}`, by: BY_JOB, legend: '{{job}}' };

/** Where to look first. */
export function suiteDashboard(): Dashboard {
  return {
    name: 'suite',
    title: 'Raftway: the suite',
    description: 'Whether the suite works, on one screen; the other dashboards say why not.',
    rows: [works(), does()],
  };
}

function works(): Row {
  const windowed = { by: BY_JOB, matchers: JOBS.matchers, window: GRAFANA_WINDOW };
  return {
    title: 'Does it work?',
    panels: [
      {
        title: 'Processes that are ready',
        unit: 'short',
        queries: [value('raftway_server_ready', JOBS, 'sum')],
      },
      {
        title: 'Leaders of each group: always 1',
        unit: 'short',
        queries: [value('raftway_raft_is_leader', JOBS, 'sum')],
      },
      {
        title: 'Voters in contact with their leader',
        unit: 'short',
        queries: [value('raftway_raft_voters_in_contact', JOBS)],
      },
      {
        title: 'Share of calls through the gateway that fail',
        unit: 'percentunit',
        queries: [[failureRatio(), '{{namespace}}']],
      },
      {
        title: 'Time of a commit, 99th percentile',
        unit: 's',
        queries: [[quantile(0.99, 'raftway_raft_commit_duration_seconds', windowed), '{{job}}']],
      },
      {
        title: 'Elections',
        unit: 'short',
        queries: [events('raftway_raft_elections_total', JOBS)],
      },
    ],
  };
}

function does(): Row {
  return {
    title: 'What it does',
    panels: [
      {
        title: 'Calls through the gateway',
        unit: 'reqps',
        queries: [rate('raftway_gateway_calls_total', JOBS)],
      },
      {
        title: 'Entries committed and applied',
        unit: 'cps',
        queries: [rate('raftway_raft_applied_entries_total', JOBS, 'max')],
      },
      {
        title: 'Registered instances',
        unit: 'short',
        queries: [value('raftway_registry_instances', JOBS)],
      },
      {
        title: 'Locks held and waited for',
        unit: 'short',
        queries: [
          value('raftway_lock_held', { ...JOBS, legend: 'held' }),
          value('raftway_lock_waiters', { ...JOBS, legend: 'waiting' }),
        ],
      },
      { title: 'Ids made', unit: 'cps', queries: [rate('raftway_id_made_total', JOBS)] },
      {
        title: 'Memory, the largest process of each',
        unit: 'bytes',
        queries: [value('process_resident_memory_bytes', JOBS)],
      },
    ],
  };
}
