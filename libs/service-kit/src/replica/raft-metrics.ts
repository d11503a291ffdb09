import type { Metrics } from '@raftway/observability';
import { Role, type RaftObserver, type RaftStatus } from '@raftway/raft';

/** Seconds: a sync takes from a tenth of a millisecond on an NVMe disk to a second on a bad one. */
const SYNC_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/** A replica's figures as metrics: what it does as histograms and counters, where it stands as gauges read at each scrape. */
export function raftMetrics(metrics: Metrics, status: () => RaftStatus): RaftObserver {
  const commit = metrics.histogram({
    name: 'raftway_raft_proposal_duration_seconds',
    help: 'Time from a proposal on this replica to its result.',
  });
  const read = metrics.histogram({
    name: 'raftway_raft_read_barrier_duration_seconds',
    help: 'Time that a linearizable read on this replica waited.',
  });
  const sync = metrics.histogram({
    name: 'raftway_raft_persist_duration_seconds',
    help: 'Time until a batch of entries was durable.',
    buckets: SYNC_BUCKETS_SECONDS,
  });
  const persisted = metrics.counter({
    name: 'raftway_raft_persisted_entries_total',
    help: 'Entries that became durable.',
  });
  const failed = metrics.counter({
    name: 'raftway_raft_proposals_failed_total',
    help: 'Proposals on this replica that failed, by RaftError code.',
    labels: ['code'],
  });
  const roles = metrics.counter({
    name: 'raftway_raft_role_changes_total',
    help: 'Times that this replica took a role; candidate counts its elections.',
    labels: ['role'],
  });
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
  const dropped = metrics.counter({
    name: 'raftway_raft_messages_dropped_total',
    help: 'Messages to a peer that were dropped because its link was down or full.',
    labels: ['peer'],
  });
  const pending = metrics.gauge({
    name: 'raftway_raft_pending_proposals',
    help: 'Proposals that wait on this replica.',
  });
  reportStatus(metrics, status);
  return {
    onProposalApplied: (latencyMs) => commit.observe(latencyMs / 1000),
    onProposalFailed: (code) => failed.increment({ code }),
    onReadBarrier: (latencyMs) => read.observe(latencyMs / 1000),
    onPersisted: ({ entries, durationMs }) => {
      sync.observe(durationMs / 1000);
      persisted.increment({}, entries);
    },
    onRoleChange: (role) => roles.increment({ role }),
    onSnapshot: (event) => snapshots.increment({ event }),
    onSnapshotTransfer: (transfer) => {
      chunks.increment({}, transfer.chunksSent);
      resumed.increment({}, transfer.resumed);
    },
    onMessagesDropped: (peer, count) => dropped.increment({ peer }, count),
    onQueues: ({ pendingProposals }) => pending.set(pendingProposals),
  };
}

function reportStatus(metrics: Metrics, status: () => RaftStatus): void {
  const gauge = (name: string, help: string) =>
    metrics.gauge({ name: `raftway_raft_${name}`, help });
  const isLeader = gauge('is_leader', '1 on the leader, 0 elsewhere.');
  const hasLeader = gauge('has_leader', '1 while this replica knows a leader.');
  const term = gauge('term', 'Current term.');
  const commitIndex = gauge('commit_index', 'Last index known to be committed.');
  const appliedIndex = gauge('applied_index', 'Last index applied to the state machine.');
  const lastIndex = gauge('last_index', 'Last index in the log.');
  const snapshotIndex = gauge('snapshot_index', 'Index that the newest snapshot stands for.');
  const snapshotFiles = gauge(
    'snapshot_files',
    'Snapshots on disk: one, and while it is sent an older one.',
  );
  const snapshotBytes = gauge('snapshot_bytes', 'Bytes of the snapshots on disk.');
  const incomingBytes = gauge(
    'incoming_snapshot_bytes',
    'Bytes on disk of a snapshot that is being received.',
  );
  const segments = gauge('log_segments', 'Files of the log.');
  const segmentBytes = gauge('log_segment_bytes', 'Bytes that the files of the log take.');
  metrics.onScrape(() => {
    const now = status();
    snapshotFiles.set(now.storage.snapshots);
    snapshotBytes.set(now.storage.snapshotBytes);
    incomingBytes.set(now.storage.incomingBytes);
    segments.set(now.storage.segments);
    segmentBytes.set(now.storage.segmentBytes);
    isLeader.set(now.role === Role.leader ? 1 : 0);
    hasLeader.set(now.leaderId === 0 ? 0 : 1);
    term.set(now.term);
    commitIndex.set(now.commitIndex);
    appliedIndex.set(now.appliedIndex);
    lastIndex.set(now.lastIndex);
    snapshotIndex.set(now.snapshotIndex);
  });
}
