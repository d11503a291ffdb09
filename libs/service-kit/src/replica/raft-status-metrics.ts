import type { GaugeMetric, Metrics } from '@raftway/observability';
import { Role, type RaftStatus } from '@raftway/raft';

/** Members that are shown one by one: far more than a group has. */
const PEERS_MAX = 64;

/** Where a replica stands, read at each scrape. */
export function reportStatus(metrics: Metrics, status: () => RaftStatus): void {
  const standing = standingGauges(metrics);
  const peers = peerGauges(metrics);
  metrics.onScrape(() => {
    const now = status();
    standing(now);
    peers(now);
  });
}

function standingGauges(metrics: Metrics): (now: RaftStatus) => void {
  const gauge = (name: string, help: string): GaugeMetric => metrics.gauge({ name, help });
  const isLeader = gauge('raftway_raft_is_leader', '1 on the leader, 0 elsewhere.');
  const hasLeader = gauge('raftway_raft_has_leader', '1 while this replica knows a leader.');
  const term = gauge('raftway_raft_term', 'Current term.');
  const firstIndex = gauge('raftway_raft_first_index', 'First index that is still in the log.');
  const lastIndex = gauge('raftway_raft_last_index', 'Last index in the log.');
  const commitIndex = gauge('raftway_raft_commit_index', 'Last index known to be committed.');
  const appliedIndex = gauge(
    'raftway_raft_applied_index',
    'Last index applied to the state machine.',
  );
  const snapshotIndex = gauge(
    'raftway_raft_snapshot_index',
    'Index that the newest snapshot stands for.',
  );
  const voters = gauge('raftway_raft_voters', 'Members that count in majorities.');
  const learners = gauge('raftway_raft_learners', 'Members that receive the log and do not count.');
  const logClock = gauge(
    'raftway_raft_log_clock_seconds',
    'The log clock: time for which the group has been in working order.',
  );
  const uncommitted = gauge(
    'raftway_raft_uncommitted_entries',
    'Commands that this leader holds uncommitted; 0 elsewhere.',
  );
  const uncommittedBytes = gauge(
    'raftway_raft_uncommitted_bytes',
    'Bytes of the commands that this leader holds uncommitted; 0 elsewhere.',
  );
  return (now) => {
    isLeader.set(now.role === Role.leader ? 1 : 0);
    hasLeader.set(now.leaderId === 0 ? 0 : 1);
    term.set(now.term);
    firstIndex.set(now.firstIndex);
    lastIndex.set(now.lastIndex);
    commitIndex.set(now.commitIndex);
    appliedIndex.set(now.appliedIndex);
    snapshotIndex.set(now.snapshotIndex);
    const voting = now.members.filter(({ voter }) => voter).length;
    voters.set(voting);
    learners.set(now.members.length - voting);
    logClock.set(now.logClockMs / 1000);
    uncommitted.set(now.uncommittedEntries);
    uncommittedBytes.set(now.uncommittedBytes);
  };
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
  return ({ role, id, lastIndex, members }) => {
    for (const each of [lag, contact, inflight]) each.reset();
    if (role !== Role.leader) return;
    for (const member of members) {
      if (member.id === id) continue;
      const peer = { peer: member.id };
      lag.set(Math.max(0, lastIndex - member.matchIndex), peer);
      contact.set(member.lastContactMs / 1000, peer);
      inflight.set(member.inflightAppends, peer);
    }
  };
}
