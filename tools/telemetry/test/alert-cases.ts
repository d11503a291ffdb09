import { resolve } from 'node:path';
import { committedCatalogue } from '../src/generate';
import { serverCalls } from '../src/promql/expressions';
import type { Series } from './promtool';

/** What makes one alert fire, with the labels that it then has, and what is like it and must not. */
export interface AlertCase {
  readonly fires: Series;
  readonly labels: readonly string[];
  readonly quiet: Series;
}

/** The same all the time. */
const steady = (value: number): string => `${value}+0x95`;
/** So much more each minute. */
const growing = (step: number): string => `0+${step}x95`;
/** First seen shortly before the end. */
const late = (value: number): string => `_x80 ${value}+0x15`;

const REPLICA = 'job="lock-service", instance="lock-service-1"';
const SECOND = 'job="lock-service", instance="lock-service-2"';
const GATEWAY = 'job="gateway", instance="gateway"';
const GROUP = 'job="lock-service"';
const UP = { [`up{${REPLICA}}`]: steady(1) };

/** A histogram whose observations, sixty a minute, are all of one bucket. */
function histogram(name: string, labels: string, bounds: readonly string[], at: string): Series {
  const from = bounds.indexOf(at);
  return Object.fromEntries(
    bounds.map((bound, index) => [
      `${name}_bucket{${labels}, le="${bound}"}`,
      growing(index >= from ? 60 : 0),
    ]),
  );
}

/** A counter that is new in a process that is not, and one that stands where it stood. */
function grown(counter: string, more: string): AlertCase {
  const series = `${counter}{${REPLICA}, ${more}}`;
  return {
    fires: { ...UP, [series]: late(1) },
    labels: [`${REPLICA}, ${more}`],
    quiet: { ...UP, [series]: steady(7) },
  };
}

const calls = serverCalls(committedCatalogue(resolve(__dirname, '..', '..', '..')));
const ACQUIRE = `${calls.method}="raftway.lock.v1.LockService/Acquire"`;

const SECONDS = ['0.1', '0.25', '0.5', '1', '+Inf'];

/** One case for each alert, by its name. */
export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  RaftwayNoLeader: {
    fires: {
      [`raftway_raft_is_leader{${REPLICA}}`]: '1+0x80 0+0x15',
      [`raftway_raft_is_leader{${SECOND}}`]: steady(0),
    },
    labels: [GROUP],
    quiet: {
      [`raftway_raft_is_leader{${REPLICA}}`]: '1+0x80 0+0x15',
      [`raftway_raft_is_leader{${SECOND}}`]: '0+0x80 1+0x15',
    },
  },
  RaftwayGroupNotScraped: {
    fires: {
      'raftway_raft_term{job="registry", instance="registry-1"}': steady(1),
      'raftway_raft_term{job="id-service", instance="id-service-1"}': steady(1),
    },
    labels: [GROUP],
    quiet: {
      'raftway_raft_term{job="registry", instance="registry-1"}': steady(1),
      'raftway_raft_term{job="id-service", instance="id-service-1"}': steady(1),
      [`raftway_raft_term{${SECOND}}`]: steady(1),
    },
  },
  RaftwayQuorumAtRisk: {
    fires: {
      [`raftway_raft_voters{${REPLICA}}`]: steady(3),
      [`raftway_raft_voters_in_contact{${REPLICA}}`]: '3+0x80 2+0x15',
      [`raftway_raft_voters{${SECOND}}`]: steady(3),
      [`raftway_raft_voters_in_contact{${SECOND}}`]: steady(0),
    },
    labels: [REPLICA],
    quiet: {
      [`raftway_raft_voters{${REPLICA}}`]: steady(5),
      [`raftway_raft_voters_in_contact{${REPLICA}}`]: steady(4),
      // A group of one has nothing to lose.
      [`raftway_raft_voters{${SECOND}}`]: steady(1),
      [`raftway_raft_voters_in_contact{${SECOND}}`]: steady(1),
    },
  },
  RaftwayLeaderFlapping: {
    fires: { [`raftway_raft_term{${REPLICA}}`]: '5+0x80 5+1x15' },
    labels: [GROUP],
    quiet: { [`raftway_raft_term{${REPLICA}}`]: '5+0x80 6+0x15' },
  },
  RaftwayDiverged: {
    fires: { [`raftway_raft_peer_diverged{${REPLICA}, peer="2"}`]: '0+0x80 1+0x15' },
    labels: [`${GROUP}, peer="2"`],
    quiet: { [`raftway_raft_peer_diverged{${REPLICA}, peer="2"}`]: steady(0) },
  },
  RaftwayApplyLag: {
    fires: {
      [`raftway_raft_commit_index{${REPLICA}}`]: growing(6_000),
      [`raftway_raft_applied_index{${REPLICA}}`]: growing(5_000),
    },
    labels: [REPLICA],
    quiet: {
      [`raftway_raft_commit_index{${REPLICA}}`]: growing(6_000),
      [`raftway_raft_applied_index{${REPLICA}}`]: growing(5_950),
    },
  },
  RaftwayPeerLag: {
    fires: { [`raftway_raft_peer_lag_entries{${REPLICA}, peer="3"}`]: steady(20_000) },
    labels: [`${GROUP}, peer="3"`],
    quiet: { [`raftway_raft_peer_lag_entries{${REPLICA}, peer="3"}`]: '0+0x85 20000+0x10' },
  },
  RaftwaySnapshotsFailing: grown('raftway_raft_snapshots_total', 'event="sendFailed"'),
  RaftwayDiskStalled: grown('raftway_raft_leadership_lost_total', 'cause="diskStalled"'),
  RaftwayDiskNearlyFull: {
    fires: {
      [`raftway_raft_disk_free_bytes{${REPLICA}}`]: steady(5e9),
      [`raftway_raft_disk_size_bytes{${REPLICA}}`]: steady(100e9),
    },
    labels: [REPLICA],
    quiet: {
      [`raftway_raft_disk_free_bytes{${REPLICA}}`]: steady(50e9),
      [`raftway_raft_disk_size_bytes{${REPLICA}}`]: steady(100e9),
      // Not known yet.
      [`raftway_raft_disk_free_bytes{${SECOND}}`]: steady(0),
      [`raftway_raft_disk_size_bytes{${SECOND}}`]: steady(0),
    },
  },
  RaftwayDiskFull: {
    fires: { [`raftway_raft_disk_full{${REPLICA}}`]: '0+0x80 1+0x15' },
    labels: [REPLICA],
    quiet: { [`raftway_raft_disk_full{${REPLICA}}`]: steady(0) },
  },
  RaftwaySyncSlow: {
    fires: histogram('raftway_raft_persist_duration_seconds', REPLICA, SECONDS, '0.5'),
    labels: [REPLICA],
    quiet: histogram('raftway_raft_persist_duration_seconds', REPLICA, SECONDS, '0.25'),
  },
  RaftwayCommitSlow: {
    fires: histogram('raftway_raft_commit_duration_seconds', REPLICA, SECONDS, '0.5'),
    labels: [GROUP],
    quiet: histogram('raftway_raft_commit_duration_seconds', REPLICA, SECONDS, '0.25'),
  },
  RaftwayWritesRefused: {
    fires: { [`raftway_raft_proposals_failed_total{${REPLICA}, code="queueFull"}`]: growing(3) },
    labels: [GROUP],
    quiet: {
      [`raftway_raft_proposals_failed_total{${REPLICA}, code="queueFull"}`]: steady(9),
      [`raftway_raft_proposals_failed_total{${REPLICA}, code="cancelled"}`]: growing(3),
    },
  },
  RaftwayDown: {
    fires: { [`up{${REPLICA}}`]: '1+0x80 0+0x15' },
    labels: [REPLICA],
    quiet: { 'up{job="somebody-else", instance="a"}': steady(0), [`up{${REPLICA}}`]: steady(1) },
  },
  RaftwayNotReady: {
    fires: { [`raftway_server_ready{${REPLICA}}`]: '1+0x80 0+0x15' },
    labels: [REPLICA],
    quiet: { [`raftway_server_ready{${REPLICA}}`]: '1+0x86 0+0x9' },
  },
  RaftwayProcessRestarts: {
    fires: { [`process_start_time_seconds{${REPLICA}}`]: '1000+0x80 2000+60x15' },
    labels: [REPLICA],
    quiet: {
      [`process_start_time_seconds{${REPLICA}}`]: '1000+0x80 2000+0x15',
      'process_start_time_seconds{job="somebody-else", instance="a"}': '1000+0x80 2000+60x15',
    },
  },
  RaftwayEventLoopBlocked: {
    fires: { [`nodejs_eventloop_lag_p99_seconds{${REPLICA}}`]: steady(0.3) },
    labels: [REPLICA],
    quiet: {
      [`nodejs_eventloop_lag_p99_seconds{${REPLICA}}`]: steady(0.05),
      'nodejs_eventloop_lag_p99_seconds{job="somebody-else", instance="a"}': steady(3),
    },
  },
  RaftwayMemoryNearLimit: {
    fires: {
      [`process_resident_memory_bytes{${REPLICA}}`]: steady(95e6),
      [`raftway_server_memory_limit_bytes{${REPLICA}}`]: steady(100e6),
    },
    labels: [REPLICA],
    quiet: {
      [`process_resident_memory_bytes{${REPLICA}}`]: steady(80e6),
      [`raftway_server_memory_limit_bytes{${REPLICA}}`]: steady(100e6),
    },
  },
  RaftwayCertificateExpiring: {
    // The clock of a test starts at 0.
    fires: { [`raftway_tls_certificate_expiry_seconds{${REPLICA}}`]: steady(2 * 86_400) },
    labels: [REPLICA],
    quiet: {
      [`raftway_tls_certificate_expiry_seconds{${REPLICA}}`]: steady(9 * 86_400),
      [`raftway_tls_certificate_expiry_seconds{${SECOND}}`]: steady(0),
    },
  },
  RaftwayCertificateReloadFailed: grown('raftway_tls_reloads_total', 'result="failed"'),
  RaftwayLockQueueFull: {
    fires: {
      [`${calls.name}_count{${REPLICA}, ${ACQUIRE}, ${calls.status}="RESOURCE_EXHAUSTED"}`]:
        growing(6),
    },
    labels: [`${GROUP}, ${ACQUIRE}`],
    quiet: {
      [`${calls.name}_count{${REPLICA}, ${ACQUIRE}, ${calls.status}="OK"}`]: growing(6),
    },
  },
  RaftwayIdClockAhead: {
    fires: {
      'raftway_id_clock_correction_seconds{job="id-service", instance="id-service-1"}': steady(2),
    },
    labels: ['job="id-service", instance="id-service-1"'],
    quiet: {
      'raftway_id_clock_correction_seconds{job="id-service", instance="id-service-1"}': steady(0),
    },
  },
  RaftwayIdGrantsRefused: {
    fires: {
      'raftway_id_asks_total{job="id-service", instance="id-service-1", outcome="refused"}':
        growing(2),
    },
    labels: ['job="id-service", outcome="refused"'],
    quiet: {
      'raftway_id_asks_total{job="id-service", instance="id-service-1", outcome="granted"}':
        growing(2),
    },
  },
  RaftwayRegistryExpiries: {
    fires: {
      'raftway_registry_expired_instances_total{job="registry", instance="registry-1"}':
        '0+0x85 0+2x10',
      'raftway_registry_expired_instances_total{job="registry", instance="registry-2"}':
        '0+0x85 0+2x10',
    },
    labels: ['job="registry"'],
    // Three replicas that count two expiries each have seen two.
    quiet: Object.fromEntries(
      [1, 2, 3].map((id) => [
        `raftway_registry_expired_instances_total{job="registry", instance="registry-${id}"}`,
        '0+0x87 2+0x8',
      ]),
    ),
  },
  RaftwayGatewayErrors: {
    fires: {
      [`raftway_gateway_calls_total{${GATEWAY}, grpc_service="a.B", code="OK"}`]: growing(90),
      [`raftway_gateway_calls_total{${GATEWAY}, grpc_service="a.B", code="UNAVAILABLE"}`]:
        growing(10),
    },
    labels: ['job="gateway"'],
    quiet: {
      [`raftway_gateway_calls_total{${GATEWAY}, grpc_service="a.B", code="OK"}`]: growing(90),
      [`raftway_gateway_calls_total{${GATEWAY}, grpc_service="a.B", code="NOT_FOUND"}`]:
        growing(50),
      [`raftway_gateway_calls_total{${GATEWAY}, grpc_service="a.B", code="UNAVAILABLE"}`]:
        growing(1),
    },
  },
  RaftwayServiceWithoutInstance: {
    fires: { [`raftway_gateway_routes_without_instance{${GATEWAY}}`]: '0+0x80 1+0x15' },
    labels: ['job="gateway"'],
    quiet: { [`raftway_gateway_routes_without_instance{${GATEWAY}}`]: steady(0) },
  },
  RaftwayDocumentsRefused: {
    fires: { [`raftway_gateway_document_problems{${GATEWAY}}`]: '0+0x80 2+0x15' },
    labels: [GATEWAY],
    quiet: { [`raftway_gateway_document_problems{${GATEWAY}}`]: steady(0) },
  },
  RaftwaySecurityNotLoaded: {
    fires: { [`raftway_gateway_security_policies_unloaded{${GATEWAY}}`]: '0+0x80 1+0x15' },
    labels: [GATEWAY],
    quiet: { [`raftway_gateway_security_policies_unloaded{${GATEWAY}}`]: steady(0) },
  },
  RaftwayLimitsNotShared: {
    fires: {
      [`raftway_gateway_limit_redis_up{${GATEWAY}}`]: '1+0x80 0+0x15',
      [`raftway_gateway_shared_limit_fallbacks_total{${GATEWAY}}`]: '0+0x80 0+60x15',
    },
    labels: [GATEWAY],
    quiet: {
      [`raftway_gateway_limit_redis_up{${GATEWAY}}`]: steady(1),
      [`raftway_gateway_shared_limit_fallbacks_total{${GATEWAY}}`]: growing(1),
    },
  },
  RaftwayRegistryViewOld: {
    fires: { [`raftway_gateway_registry_age_seconds{${GATEWAY}}`]: '0+0x80 0+60x15' },
    labels: [GATEWAY],
    quiet: { [`raftway_gateway_registry_age_seconds{${GATEWAY}}`]: steady(3) },
  },
};
