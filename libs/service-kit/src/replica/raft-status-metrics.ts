import type { GaugeMetric, Metrics } from '@raftway/observability';
import { Role, type RaftStatus } from '@raftway/raft';

/** Members that are shown one by one: far more than a group has. */
const PEERS_MAX = 64;

/** A member that has answered its leader within this many milliseconds counts as in contact: several election timeouts. */
const CONTACT_MS = 3_000;

/** What is said of the replica as a whole. */
type Gauge = readonly [name: string, help: string, read: (now: RaftStatus) => number];

const GAUGES: readonly Gauge[] = [
  [
    'raftway_raft_is_leader',
    '1 on the leader, 0 elsewhere.',
    ({ role }) => (role === Role.leader ? 1 : 0),
  ],
  [
    'raftway_raft_has_leader',
    '1 while this replica knows a leader.',
    ({ leaderId }) => (leaderId === 0 ? 0 : 1),
  ],
  ['raftway_raft_term', 'Current term.', ({ term }) => term],
  ['raftway_raft_first_index', 'First index that is still in the log.', (now) => now.firstIndex],
  ['raftway_raft_last_index', 'Last index in the log.', ({ lastIndex }) => lastIndex],
  ['raftway_raft_commit_index', 'Last index known to be committed.', (now) => now.commitIndex],
  [
    'raftway_raft_applied_index',
    'Last index applied to the state machine.',
    ({ appliedIndex }) => appliedIndex,
  ],
  [
    'raftway_raft_snapshot_index',
    'Index that the newest snapshot stands for.',
    ({ snapshotIndex }) => snapshotIndex,
  ],
  [
    'raftway_raft_voters',
    'Members that count in majorities.',
    ({ members }) => members.filter(({ voter }) => voter).length,
  ],
  [
    'raftway_raft_voters_in_contact',
    'Voters that this leader heard from in the last three seconds, itself too; 0 elsewhere.',
    votersInContact,
  ],
  [
    'raftway_raft_disk_full',
    '1 while a write waits for room on the disk.',
    ({ diskFull }) => (diskFull ? 1 : 0),
  ],
  [
    'raftway_raft_learners',
    'Members that receive the log and do not count.',
    ({ members }) => members.filter(({ voter }) => !voter).length,
  ],
  [
    'raftway_raft_log_clock_seconds',
    'The log clock: time for which the group has been in working order.',
    ({ logClockMs }) => logClockMs / 1000,
  ],
  [
    'raftway_raft_uncommitted_entries',
    'Commands that this leader holds uncommitted; 0 elsewhere.',
    ({ uncommittedEntries }) => uncommittedEntries,
  ],
  [
    'raftway_raft_uncommitted_bytes',
    'Bytes of the commands that this leader holds uncommitted; 0 elsewhere.',
    ({ uncommittedBytes }) => uncommittedBytes,
  ],
  [
    'raftway_raft_snapshot_files',
    'Snapshots on disk: one, and while it is sent an older one.',
    ({ storage }) => storage.snapshots,
  ],
  [
    'raftway_raft_snapshot_files_bytes',
    'Bytes of the snapshots on disk.',
    ({ storage }) => storage.snapshotBytes,
  ],
  [
    'raftway_raft_incoming_snapshot_bytes',
    'Bytes on disk of a snapshot that is being received.',
    ({ storage }) => storage.incomingBytes,
  ],
  ['raftway_raft_log_segments', 'Files of the log.', ({ storage }) => storage.segments],
  [
    'raftway_raft_log_segment_bytes',
    'Bytes that the files of the log take.',
    ({ storage }) => storage.segmentBytes,
  ],
];

function votersInContact({ role, id, members }: RaftStatus): number {
  if (role !== Role.leader) return 0;
  const heard = members.filter(
    (member) => member.voter && (member.id === id || member.lastContactMs <= CONTACT_MS),
  );
  return heard.length;
}

/** Where a replica stands, read at each scrape. */
export function reportStatus(metrics: Metrics, status: () => RaftStatus): void {
  const gauges = GAUGES.map(([name, help, read]) => {
    const gauge = metrics.gauge({ name, help });
    return (now: RaftStatus): void => gauge.set(read(now));
  });
  const reports = [...gauges, peerGauges(metrics)];
  metrics.onScrape(() => {
    const now = status();
    for (const report of reports) report(now);
  });
}

/** Only the leader knows; elsewhere there are no such series, rather than old ones. */
function peerGauges(metrics: Metrics): (now: RaftStatus) => void {
  const gauge = (name: string, help: string): GaugeMetric =>
    metrics.gauge({ name, help, labels: ['peer'], combinationsMax: PEERS_MAX });
  const lag = gauge(
    'raftway_raft_peer_lag_entries',
    'On the leader: entries of its log that a peer is not known to have on disk.',
  );
  const contact = gauge(
    'raftway_raft_peer_last_contact_seconds',
    'On the leader: time since a peer last answered.',
  );
  const inflight = gauge(
    'raftway_raft_peer_inflight_appends',
    'On the leader: append messages that a peer has not answered.',
  );
  const diverged = gauge(
    'raftway_raft_peer_diverged',
    "On the leader: 1 when a peer's state machine has answered other than the group's.",
  );
  return ({ role, id, lastIndex, members }) => {
    for (const each of [lag, contact, inflight, diverged]) each.reset();
    if (role !== Role.leader) return;
    for (const member of members) {
      if (member.id === id) continue;
      const peer = { peer: member.id };
      lag.set(Math.max(0, lastIndex - member.matchIndex), peer);
      contact.set(member.lastContactMs / 1000, peer);
      inflight.set(member.inflightAppends, peer);
      diverged.set(member.diverged ? 1 : 0, peer);
    }
  };
}
