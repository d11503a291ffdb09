import type { Metrics } from '@raftway/observability';
import type { RaftObserver, RaftStatus } from '@raftway/raft';
import { reportStatus } from './raft-status-metrics';

/** Seconds: a sync takes from a tenth of a millisecond on an NVMe disk to a second on a bad one. */
const SYNC_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** Seconds: a snapshot is written or sent in a moment, or in minutes. */
const SNAPSHOT_BUCKETS_SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

/** A replica's figures as metrics: what it does as histograms and counters, where it stands as gauges read at each scrape. docs/reference/metrics.md lists them. */
export function raftMetrics(metrics: Metrics, status: () => RaftStatus): RaftObserver {
  reportStatus(metrics, status);
  return {
    ...proposalMetrics(metrics),
    ...logMetrics(metrics),
    ...snapshotMetrics(metrics),
    ...electionMetrics(metrics),
    ...queueMetrics(metrics),
  };
}

function proposalMetrics(metrics: Metrics): RaftObserver {
  const proposal = metrics.histogram({
    name: 'raftway_raft_proposal_duration_seconds',
    help: 'Time from a proposal on this replica to its result.',
  });
  const failed = metrics.counter({
    name: 'raftway_raft_proposals_failed_total',
    help: 'Proposals on this replica that failed, by RaftError code.',
    labels: ['code'],
  });
  const unknown = metrics.counter({
    name: 'raftway_raft_outcomes_unknown_total',
    help: 'Proposals on this replica whose outcome is unknown, by the reason.',
    labels: ['reason'],
  });
  const read = metrics.histogram({
    name: 'raftway_raft_read_barrier_duration_seconds',
    help: 'Time that a linearizable read on this replica waited.',
  });
  return {
    onProposalApplied: (latencyMs) => proposal.observe(latencyMs / 1000),
    onProposalFailed: ({ code, reason }) => {
      failed.increment({ code });
      if (reason !== undefined) unknown.increment({ reason });
    },
    onReadBarrier: (latencyMs) => read.observe(latencyMs / 1000),
  };
}

function logMetrics(metrics: Metrics): RaftObserver {
  const commit = metrics.histogram({
    name: 'raftway_raft_commit_duration_seconds',
    help: 'Time from when this leader appended a batch until a majority had it on disk.',
    buckets: SYNC_BUCKETS_SECONDS,
  });
  const sync = metrics.histogram({
    name: 'raftway_raft_persist_duration_seconds',
    help: 'Time until a batch of entries was durable: one write and one sync.',
    buckets: SYNC_BUCKETS_SECONDS,
  });
  const batch = metrics.histogram({
    name: 'raftway_raft_persist_batch_entries',
    help: 'Entries that shared one write and one sync.',
    buckets: BATCH_BUCKETS,
  });
  const persisted = metrics.counter({
    name: 'raftway_raft_persisted_entries_total',
    help: 'Entries that became durable.',
  });
  const apply = metrics.histogram({
    name: 'raftway_raft_apply_duration_seconds',
    help: 'Time that the state machine took for the entries that it applied without a pause.',
    buckets: SYNC_BUCKETS_SECONDS,
  });
  const applied = metrics.counter({
    name: 'raftway_raft_applied_entries_total',
    help: 'Entries that were applied to the state machine.',
  });
  return {
    onCommitted: (latencyMs) => commit.observe(latencyMs / 1000),
    onPersisted: ({ entries, durationMs }) => {
      sync.observe(durationMs / 1000);
      if (entries > 0) batch.observe(entries);
      persisted.increment({}, entries);
    },
    onApplied: ({ entries, durationMs }) => {
      apply.observe(durationMs / 1000);
      applied.increment({}, entries);
    },
  };
}

function snapshotMetrics(metrics: Metrics): RaftObserver {
  const snapshots = metrics.counter({
    name: 'raftway_raft_snapshots_total',
    help: 'Snapshots taken, installed and sent, and attempts at that which failed.',
    labels: ['event'],
  });
  const chunks = metrics.counter({
    name: 'raftway_raft_snapshot_chunks_sent_total',
    help: 'Chunks of snapshots that were sent, repeated ones too.',
  });
  const resumed = metrics.counter({
    name: 'raftway_raft_snapshot_transfers_resumed_total',
    help: 'Attempts to send a snapshot that went on where an earlier one had ended.',
  });
  const snapshotTime = metrics.histogram({
    name: 'raftway_raft_snapshot_duration_seconds',
    help: 'Time that it took to take, install or send a snapshot.',
    labels: ['event'],
    buckets: SNAPSHOT_BUCKETS_SECONDS,
  });
  const snapshotBytes = metrics.gauge({
    name: 'raftway_raft_snapshot_bytes',
    help: 'Size of the last snapshot that was taken, installed or sent.',
    labels: ['event'],
  });
  return {
    onSnapshot: (event, sizeBytes, durationMs) => {
      snapshots.increment({ event });
      if (event.endsWith('Failed')) return;
      snapshotTime.observe(durationMs / 1000, { event });
      snapshotBytes.set(sizeBytes, { event });
    },
    onSnapshotTransfer: (transfer) => {
      chunks.increment({}, transfer.chunksSent);
      resumed.increment({}, transfer.resumed);
    },
  };
}

function electionMetrics(metrics: Metrics): RaftObserver {
  const roles = metrics.counter({
    name: 'raftway_raft_role_changes_total',
    help: 'Times that this replica took a role.',
    labels: ['role'],
  });
  const preVotes = metrics.counter({
    name: 'raftway_raft_pre_votes_total',
    help: 'Times that this replica asked whether it could win an election, by why.',
    labels: ['cause'],
  });
  const elections = metrics.counter({
    name: 'raftway_raft_elections_total',
    help: 'Elections that this replica started, by why.',
    labels: ['cause'],
  });
  const lost = metrics.counter({
    name: 'raftway_raft_leadership_lost_total',
    help: 'Times that this replica stopped leading, by why.',
    labels: ['cause'],
  });
  return {
    onRoleChange: (role) => roles.increment({ role }),
    onCampaign: ({ cause, preVote }) => (preVote ? preVotes : elections).increment({ cause }),
    onLeadershipLost: ({ cause }) => lost.increment({ cause }),
  };
}

function queueMetrics(metrics: Metrics): RaftObserver {
  const gauge = (name: string, help: string) => metrics.gauge({ name, help });
  const proposals = gauge('raftway_raft_pending_proposals', 'Proposals that wait on this replica.');
  const bytes = gauge(
    'raftway_raft_pending_proposal_bytes',
    'Bytes of the commands that wait on this replica.',
  );
  const reads = gauge(
    'raftway_raft_pending_reads',
    'Linearizable reads that wait on this replica.',
  );
  const unapplied = gauge(
    'raftway_raft_unapplied_entries',
    'Committed entries that wait for the state machine.',
  );
  const unpersisted = gauge(
    'raftway_raft_unpersisted_entries',
    'Entries that wait for the disk, or are being written.',
  );
  const dropped = metrics.counter({
    name: 'raftway_raft_messages_dropped_total',
    help: 'Messages to a peer that were dropped because its link was down or full.',
    labels: ['peer'],
    combinationsMax: 64,
  });
  return {
    onQueues: (queues) => {
      proposals.set(queues.pendingProposals);
      bytes.set(queues.pendingProposalBytes);
      reads.set(queues.pendingReads);
      unapplied.set(queues.unappliedEntries);
      unpersisted.set(queues.unpersistedEntries);
    },
    onMessagesDropped: (peer, count) => dropped.increment({ peer }, count),
  };
}
