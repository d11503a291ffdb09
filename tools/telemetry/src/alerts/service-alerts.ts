import type { Catalogue } from '../catalogue/catalogue';
import { BY_JOB, FAILURE_CODES, serverCalls } from '../promql/expressions';
import type { Alert, AlertGroup } from './alert';

/** Alerts on what the services do for their callers. */
export function serviceAlerts(catalogue: Catalogue): AlertGroup {
  return {
    name: 'raftway-services',
    alerts: [...locksAndIds(catalogue), ...registry(), ...gateway()],
  };
}

function locksAndIds(catalogue: Catalogue): Alert[] {
  const calls = serverCalls(catalogue);
  const refused = `${calls.name}_count{job="lock-service", ${calls.status}="RESOURCE_EXHAUSTED"}`;
  return [
    {
      name: 'RaftwayLockQueueFull',
      severity: 'warning',
      expression: `sum by (${BY_JOB}, ${calls.method}) (rate(${refused}[5m])) > 0`,
      for: '2m',
      summary: `Lock calls are refused: a queue or limit is full ({{ $labels.${calls.method} }})`,
      description:
        'Callers get RESOURCE_EXHAUSTED; nothing happened. Too many wait for one lock, hold locks or keep sessions: find the lock with raftway locks list.',
    },
    {
      name: 'RaftwayIdClockAhead',
      severity: 'warning',
      expression: 'raftway_id_clock_correction_seconds > 0.5',
      for: '5m',
      summary:
        'The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} ahead of its group',
      description:
        'Ids stay unique and ordered; the replica waits, and in the end refuses with CLOCK_AHEAD. Correct the clock of its machine.',
    },
    {
      name: 'RaftwayIdGrantsRefused',
      severity: 'warning',
      expression: `sum by (${BY_JOB}, outcome) (rate(raftway_id_asks_total{outcome!="granted"}[5m])) > 0`,
      for: '5m',
      summary: 'Replicas of {{ $labels.job }} do not get leave to make ids ({{ $labels.outcome }})',
      description:
        'A replica without a worker number or with a used-up ceiling answers NO_WORKER_LEASE or CLOCK_AHEAD. failed: see whether the group has a leader. refused: the log says why.',
    },
  ];
}

function registry(): Alert[] {
  return [
    {
      name: 'RaftwayRegistryExpiries',
      severity: 'warning',
      // Every replica applies, and counts, every expiry.
      expression: `max by (${BY_JOB}) (increase(raftway_registry_expired_instances_total[5m])) > 3`,
      for: '0s',
      summary: '{{ $value | humanize }} instances expired in 5 minutes',
      description:
        'They ended without deregistering, hang, or do not reach the registry. Compare raftway services list with what should run.',
    },
  ];
}

function gateway(): Alert[] {
  const failures = `raftway_gateway_calls_total{code=~"${FAILURE_CODES}"}`;
  return [
    {
      name: 'RaftwayGatewayErrors',
      severity: 'critical',
      expression: `sum by (${BY_JOB}) (rate(${failures}[5m])) / sum by (${BY_JOB}) (rate(raftway_gateway_calls_total[5m])) > 0.05`,
      for: '5m',
      summary: '{{ $value | humanizePercentage }} of the calls through {{ $labels.job }} fail',
      description:
        'UNAVAILABLE, INTERNAL, UNKNOWN or DATA_LOSS, from the gateway itself or from behind it. The gateway dashboard says which service; then look at its instances.',
    },
    {
      name: 'RaftwayServiceWithoutInstance',
      severity: 'warning',
      expression: `max by (${BY_JOB}) (raftway_gateway_routes_without_instance) > 0`,
      for: '2m',
      summary: '{{ $value }} gRPC services have no live instance',
      description:
        'Calls to them fail with NO_LIVE_INSTANCE. raftway services list shows which: start an instance, or look in its log for why it is not registered.',
    },
    {
      name: 'RaftwayDocumentsRefused',
      severity: 'warning',
      expression: 'raftway_gateway_document_problems > 0',
      for: '1m',
      summary: '{{ $labels.instance }} does not use its newest documents',
      description:
        'They have {{ $value }} problems, so those of before hold. raftway gateway documents lists them with file and line.',
    },
    {
      name: 'RaftwaySecurityNotLoaded',
      severity: 'critical',
      expression: 'raftway_gateway_security_policies_unloaded > 0',
      for: '1m',
      summary: '{{ $labels.instance }} has no keys for {{ $value }} SecurityPolicies',
      description:
        'It refuses the calls that they are about. raftway gateway documents says what is missing (Programmed), and why.',
    },
    {
      name: 'RaftwayLimitsNotShared',
      severity: 'warning',
      // One answer that came too late is no alert: Redis is up again with the next.
      expression:
        'raftway_gateway_limit_redis_up == 0 and rate(raftway_gateway_shared_limit_fallbacks_total[5m]) > 0',
      for: '2m',
      summary: '{{ $labels.instance }} counts shared limits by itself: it has no Redis',
      description:
        'Each gateway lets through as much as all of them should together. See whether Redis runs and whether the gateway reaches it (RAFTWAY_RATE_LIMIT_REDIS_URL).',
    },
    {
      name: 'RaftwayRegistryViewOld',
      severity: 'warning',
      expression: 'raftway_gateway_registry_age_seconds > 60',
      for: '2m',
      summary:
        'What {{ $labels.instance }} knows of the registry is {{ $value | humanizeDuration }} old',
      description:
        'It routes by what it knew then: new instances get no calls. See whether the registry has a leader and whether the gateway reaches it (RAFTWAY_REGISTRY).',
    },
  ];
}
