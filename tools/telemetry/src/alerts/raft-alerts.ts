import type { Catalogue } from '../catalogue/catalogue';
import { BY_INSTANCE, BY_JOB, hasGrown, quantile } from '../promql/expressions';
import type { Alert, AlertGroup } from './alert';

/** Alerts on the groups of registry, lock-service and id-service. */
export function raftAlerts(catalogue: Catalogue): AlertGroup {
  return {
    name: 'raftway-raft',
    alerts: [...leadership(catalogue), ...replicas(), ...disks(), ...speed()],
  };
}

function leadership(catalogue: Catalogue): Alert[] {
  const missing = catalogue
    .require('raftway_raft_term')
    .apps.map((app) => `absent(raftway_raft_term{job="${app}"})`);
  return [
    {
      name: 'RaftwayNoLeader',
      severity: 'critical',
      expression: `sum by (${BY_JOB}) (raftway_raft_is_leader) == 0`,
      for: '30s',
      summary: 'Nobody leads {{ $labels.job }}',
      description:
        'No write and no linearizable read succeeds. Look at raftway status: bring back enough replicas for a majority, each with its data directory.',
    },
    {
      name: 'RaftwayGroupNotScraped',
      severity: 'critical',
      expression: missing.join(' or '),
      for: '5m',
      summary: 'Prometheus gets nothing from any replica of {{ $labels.job }}',
      description:
        'All replicas are down, or are not scraped: no other alert would fire for this group. Look whether its processes run, then at the targets page of Prometheus.',
    },
    {
      name: 'RaftwayQuorumAtRisk',
      severity: 'critical',
      expression:
        '(raftway_raft_voters_in_contact > 0) <= floor((raftway_raft_voters > 2) / 2) + 1',
      for: '3m',
      summary: 'One more failure stops {{ $labels.job }}',
      description:
        'Only {{ $value }} voters answer the leader, a bare majority. Bring the missing replica back, and restart nothing else until it has caught up.',
    },
    {
      name: 'RaftwayLeaderFlapping',
      severity: 'warning',
      expression: `max by (${BY_JOB}) (changes(raftway_raft_term[15m])) > 3`,
      for: '1m',
      summary: '{{ $labels.job }} has had {{ $value }} new terms in 15 minutes',
      description:
        'Each election is up to a second without writes. The cause label of raftway_raft_elections_total says why: leaders that stand still, disks, or the network.',
    },
  ];
}

function replicas(): Alert[] {
  return [
    {
      name: 'RaftwayDiverged',
      severity: 'critical',
      expression: `max by (${BY_JOB}, peer) (raftway_raft_peer_diverged) == 1`,
      for: '0s',
      summary: 'The state machine of server {{ $labels.peer }} of {{ $labels.job }} has diverged',
      description:
        'It answered other than the majority and has stopped for that. Do not restart it with its data: remove it from the group and add it with an empty directory, under a new id.',
    },
    {
      name: 'RaftwayApplyLag',
      severity: 'warning',
      expression: 'raftway_raft_commit_index - raftway_raft_applied_index > 10000',
      for: '2m',
      summary: '{{ $labels.instance }} is {{ $value }} entries behind what is committed',
      description:
        'The replica reports NOT_SERVING, and reads on it wait. Look at its CPU and event loop; if all replicas lag, callers write faster than the state machine applies.',
    },
    {
      name: 'RaftwayPeerLag',
      severity: 'warning',
      expression: `max by (${BY_JOB}, peer) (raftway_raft_peer_lag_entries) > 10000`,
      for: '10m',
      summary: 'Server {{ $labels.peer }} of {{ $labels.job }} is {{ $value }} entries behind',
      description:
        'It counts in no majority until it has caught up. Look at its disk, its log and the link to it; a snapshot may be on its way.',
    },
    {
      name: 'RaftwaySnapshotsFailing',
      severity: 'warning',
      expression: hasGrown('raftway_raft_snapshots_total{event=~".*Failed"}', '30m'),
      for: '5m',
      summary: 'Snapshots of {{ $labels.instance }} fail ({{ $labels.event }})',
      description:
        'Without snapshots the log grows, and a replica that is far behind cannot catch up. The log says why: no room, a limit of size, or a link that breaks.',
    },
  ];
}

function disks(): Alert[] {
  return [
    {
      name: 'RaftwayDiskStalled',
      severity: 'critical',
      expression: hasGrown('raftway_raft_leadership_lost_total{cause="diskStalled"}', '1h'),
      for: '0s',
      summary: 'The disk of {{ $labels.instance }} hangs: it gave up leadership',
      description:
        'A write or sync took longer than two seconds. Move the replica to another disk; one that hangs once hangs again.',
    },
    {
      name: 'RaftwayDiskNearlyFull',
      severity: 'warning',
      expression: 'raftway_raft_disk_free_bytes / (raftway_raft_disk_size_bytes > 0) < 0.1',
      for: '5m',
      summary: '{{ $value | humanizePercentage }} of the disk of {{ $labels.instance }} is free',
      description:
        'A replica without room acknowledges nothing; a leader without room refuses writes. Enlarge the volume, or remove what else is on it.',
    },
    {
      name: 'RaftwayDiskFull',
      severity: 'critical',
      expression: 'raftway_raft_disk_full == 1',
      for: '15s',
      summary: 'A write of {{ $labels.instance }} waits for room on its disk',
      description:
        'Nothing is lost, and nothing is acknowledged by this replica: if it leads, writes fail with QUEUE_FULL. Make room; it goes on by itself.',
    },
    {
      name: 'RaftwaySyncSlow',
      severity: 'warning',
      expression: `${quantile(0.99, 'raftway_raft_persist_duration_seconds', { by: BY_INSTANCE, window: '5m' })} > 0.25`,
      for: '10m',
      summary:
        'One sync in a hundred of {{ $labels.instance }} takes {{ $value | humanizeDuration }}',
      description:
        'Every write waits for the disks of a majority. Look who else uses this disk; if it leads, hand leadership to a replica with a faster one.',
    },
  ];
}

function speed(): Alert[] {
  return [
    {
      name: 'RaftwayCommitSlow',
      severity: 'warning',
      expression: `${quantile(0.99, 'raftway_raft_commit_duration_seconds', { by: BY_JOB, window: '5m' })} > 0.25`,
      for: '10m',
      summary: 'One commit in a hundred of {{ $labels.job }} takes {{ $value | humanizeDuration }}',
      description:
        'Writes are slow for everybody. Either the disks of a majority are (RaftwaySyncSlow), or the links between replicas, or the leader has no CPU.',
    },
    {
      name: 'RaftwayWritesRefused',
      severity: 'warning',
      expression: `sum by (${BY_JOB}) (rate(raftway_raft_proposals_failed_total{code="queueFull"}[5m])) > 0`,
      for: '2m',
      summary: '{{ $labels.job }} refuses writes: a queue is full',
      description:
        'Callers get RESOURCE_EXHAUSTED, QUEUE_FULL, and nothing happened. Either the leader’s disk is full, or more comes in than a majority can write.',
    },
  ];
}
