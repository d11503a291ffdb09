import type { Catalogue } from '../catalogue/catalogue';
import { BY_JOB, GRAFANA_WINDOW, ownJobs, quantile } from '../promql/expressions';
import { CHOSEN, type Dashboard, type Row } from './dashboard';
import { failureRatio } from './gateway-dashboard';
import { events, rate, type Scope, value } from './queries';

/** Where to look first. */
export function suiteDashboard(catalogue: Catalogue): Dashboard {
  const matchers = `${CHOSEN}, ${ownJobs(catalogue)}`;
  // A group or app as one.
  const jobs: Scope = { matchers, by: BY_JOB, legend: '{{job}}' };
  return {
    name: 'suite',
    title: 'Raftway: the suite',
    description: 'Whether the suite works, on one screen; the other dashboards say why not.',
    rows: [works(jobs), does(jobs)],
  };
}

function works(jobs: Scope): Row {
  const windowed = { by: BY_JOB, matchers: jobs.matchers, window: GRAFANA_WINDOW };
  return {
    title: 'Does it work?',
    panels: [
      {
        title: 'Processes that are ready',
        unit: 'short',
        queries: [value('raftway_server_ready', jobs, 'sum')],
      },
      {
        title: 'Leaders of each group: always 1',
        unit: 'short',
        queries: [value('raftway_raft_is_leader', jobs, 'sum')],
      },
      {
        title: 'Voters in contact with their leader',
        unit: 'short',
        queries: [value('raftway_raft_voters_in_contact', jobs)],
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
        queries: [events('raftway_raft_elections_total', jobs)],
      },
    ],
  };
}

function does(jobs: Scope): Row {
  return {
    title: 'What it does',
    panels: [
      {
        title: 'Calls through the gateway',
        unit: 'reqps',
        queries: [rate('raftway_gateway_calls_total', jobs)],
      },
      {
        title: 'Entries committed and applied',
        unit: 'cps',
        queries: [rate('raftway_raft_applied_entries_total', jobs, 'max')],
      },
      {
        title: 'Registered instances',
        unit: 'short',
        queries: [value('raftway_registry_instances', jobs)],
      },
      {
        title: 'Locks held and waited for',
        unit: 'short',
        queries: [
          value('raftway_lock_held', { ...jobs, legend: 'held' }),
          value('raftway_lock_waiters', { ...jobs, legend: 'waiting' }),
        ],
      },
      { title: 'Ids made', unit: 'cps', queries: [rate('raftway_id_made_total', jobs)] },
      {
        title: 'Memory, the largest process of each',
        unit: 'bytes',
        queries: [value('process_resident_memory_bytes', jobs)],
      },
    ],
  };
}
