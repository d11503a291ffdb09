import { BY_JOB } from '../promql/expressions';
import type { Dashboard, Row } from './dashboard';
import { each, EACH, events, quantiles, rate, value } from './queries';

const RAFT = 'raftway_raft_';

/** The Raft groups of registry, lock-service and id-service. */
export function raftDashboard(): Dashboard {
  return {
    name: 'raft',
    title: 'Raftway: Raft groups',
    description: 'Leaders, commits, disks, lag and snapshots of every replica.',
    choices: [
      { label: 'job', of: `${RAFT}term` },
      { label: 'instance', of: `${RAFT}term` },
    ],
    rows: [leadership(), writes(), lag(), queues(), disks()],
  };
}

function leadership(): Row {
  return {
    title: 'Leadership',
    panels: [
      { title: 'Leader', unit: 'short', queries: [value(`${RAFT}is_leader`, EACH)] },
      {
        title: 'Term',
        unit: 'none',
        description: 'Each step is an election.',
        queries: [value(`${RAFT}term`, EACH)],
      },
      {
        title: 'Voters, and those in contact with the leader',
        unit: 'short',
        queries: [
          value(`${RAFT}voters`, { ...EACH, by: BY_JOB, legend: '{{job}} voters' }),
          value(`${RAFT}voters_in_contact`, {
            ...EACH,
            by: BY_JOB,
            legend: '{{job}} in contact',
          }),
        ],
      },
      {
        title: 'Elections, by cause',
        unit: 'short',
        queries: [events(`${RAFT}elections_total`, each(EACH, 'cause'))],
      },
      {
        title: 'Lost leadership, by cause',
        unit: 'short',
        queries: [events(`${RAFT}leadership_lost_total`, each(EACH, 'cause'))],
      },
      {
        title: 'Pre-votes, by cause',
        unit: 'short',
        queries: [events(`${RAFT}pre_votes_total`, each(EACH, 'cause'))],
      },
    ],
  };
}

function writes(): Row {
  return {
    title: 'Writes and reads',
    panels: [
      {
        title: 'Time from append to commit, on leaders',
        unit: 's',
        queries: quantiles(`${RAFT}commit_duration_seconds`, EACH),
      },
      {
        title: 'Time of one write and sync',
        unit: 's',
        queries: quantiles(`${RAFT}persist_duration_seconds`, EACH),
      },
      {
        title: 'Time of a proposal',
        unit: 's',
        queries: quantiles(`${RAFT}proposal_duration_seconds`, EACH),
      },
      {
        title: 'Time of a linearizable read’s wait',
        unit: 's',
        queries: quantiles(`${RAFT}read_barrier_duration_seconds`, EACH),
      },
      {
        title: 'Entries applied',
        unit: 'cps',
        queries: [rate(`${RAFT}applied_entries_total`, EACH)],
      },
      {
        title: 'Entries that share a sync',
        unit: 'short',
        queries: quantiles(`${RAFT}persist_batch_entries`, EACH),
      },
      {
        title: 'Failed proposals, by code',
        unit: 'cps',
        queries: [rate(`${RAFT}proposals_failed_total`, each(EACH, 'code'))],
      },
      {
        title: 'Unknown outcomes, by reason',
        unit: 'cps',
        queries: [rate(`${RAFT}outcomes_unknown_total`, each(EACH, 'reason'))],
      },
      {
        title: 'Time of applying a run of entries',
        unit: 's',
        queries: quantiles(`${RAFT}apply_duration_seconds`, EACH),
      },
    ],
  };
}

function lag(): Row {
  const { matchers } = EACH;
  const apply = `${RAFT}commit_index{${matchers}} - ${RAFT}applied_index{${matchers}}`;
  return {
    title: 'Lag',
    panels: [
      {
        title: 'Committed entries that are not applied',
        unit: 'short',
        queries: [[apply, EACH.legend]],
      },
      {
        title: 'Entries that a peer lacks, as its leader knows',
        unit: 'short',
        queries: [value(`${RAFT}peer_lag_entries`, each(EACH, 'peer'))],
      },
      {
        title: 'Time since a peer answered its leader',
        unit: 's',
        queries: [value(`${RAFT}peer_last_contact_seconds`, each(EACH, 'peer'))],
      },
      {
        title: 'Appends that a peer has not answered',
        unit: 'short',
        queries: [value(`${RAFT}peer_inflight_appends`, each(EACH, 'peer'))],
      },
      {
        title: 'Messages dropped, by peer',
        unit: 'cps',
        queries: [rate(`${RAFT}messages_dropped_total`, each(EACH, 'peer'))],
      },
      {
        title: 'Diverged peers: always 0',
        unit: 'short',
        queries: [value(`${RAFT}peer_diverged`, each(EACH, 'peer'))],
      },
    ],
  };
}

function queues(): Row {
  const queue = (name: string, title: string, unit: 'short' | 'bytes' = 'short') => ({
    ...{ title, unit },
    queries: [value(`${RAFT}${name}`, EACH)],
  });
  return {
    title: 'Queues',
    panels: [
      queue('pending_proposals', 'Proposals that wait (at most 10000)'),
      queue('pending_proposal_bytes', 'Bytes of proposals that wait', 'bytes'),
      queue('pending_reads', 'Reads that wait'),
      queue('unpersisted_entries', 'Entries that wait for the disk'),
      queue('unapplied_entries', 'Entries that wait for the state machine'),
      queue('uncommitted_bytes', 'Uncommitted bytes of leaders (at most 64 MiB)', 'bytes'),
    ],
  };
}

function disks(): Row {
  return {
    title: 'Disks and snapshots',
    panels: [
      {
        title: 'Room on the disk',
        unit: 'bytes',
        queries: [value(`${RAFT}disk_free_bytes`, EACH, 'min')],
      },
      {
        title: 'Log and snapshots on disk',
        unit: 'bytes',
        queries: ['log_segment_bytes', 'snapshot_files_bytes', 'incoming_snapshot_bytes'].map(
          (name) => {
            const what = name.replace(/_bytes$/, '').replaceAll('_', ' ');
            return value(`${RAFT}${name}`, { ...EACH, legend: `${EACH.legend} ${what}` });
          },
        ),
      },
      {
        title: 'Writes that wait for room: always 0',
        unit: 'short',
        queries: [value(`${RAFT}disk_full`, EACH)],
      },
      {
        title: 'Snapshots, by event',
        unit: 'short',
        queries: [events(`${RAFT}snapshots_total`, each(EACH, 'event'))],
      },
      {
        title: 'Time to take, install or send a snapshot',
        unit: 's',
        queries: quantiles(`${RAFT}snapshot_duration_seconds`, each(EACH, 'event')),
      },
      {
        title: 'Size of the last snapshot',
        unit: 'bytes',
        queries: [value(`${RAFT}snapshot_bytes`, each(EACH, 'event'))],
      },
    ],
  };
}
