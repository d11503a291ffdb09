import type { Catalogue } from '../catalogue/catalogue';
import { hasGrown, ownJobs } from '../promql/expressions';
import type { Alert, AlertGroup } from './alert';

/** Alerts on every process of the suite. */
export function processAlerts(catalogue: Catalogue): AlertGroup {
  const jobs = ownJobs(catalogue);
  return {
    name: 'raftway-processes',
    alerts: [
      {
        name: 'RaftwayDown',
        severity: 'warning',
        expression: `up{${jobs}} == 0`,
        for: '2m',
        summary: '{{ $labels.instance }} of {{ $labels.job }} does not answer',
        description:
          'The process is down, hangs, or its port for /metrics cannot be reached. Start it again, with its data directory.',
      },
      {
        name: 'RaftwayNotReady',
        severity: 'warning',
        expression: 'raftway_server_ready == 0',
        for: '5m',
        summary: '{{ $labels.instance }} of {{ $labels.job }} runs and is not ready',
        description:
          'It gets no calls. Its /readyz says why: it still recovers, is no member of its group, has not reached the registry, or drains.',
      },
      {
        name: 'RaftwayProcessRestarts',
        severity: 'warning',
        expression: `changes(process_start_time_seconds{${jobs}}[30m]) > 2`,
        for: '0s',
        summary: '{{ $labels.instance }} has started {{ $value }} times more in 30 minutes',
        description:
          'Something ends the process again and again. Read the last lines of its log before the end; exit code 78 is bad configuration, 137 is out of memory.',
      },
      {
        name: 'RaftwayEventLoopBlocked',
        severity: 'warning',
        expression: `nodejs_eventloop_lag_p99_seconds{${jobs}} > 0.2`,
        for: '5m',
        summary:
          'The event loop of {{ $labels.instance }} stands still for {{ $value | humanizeDuration }}',
        description:
          'Heartbeats and calls wait that long; near half a second, leaders lose their leadership. Give the process more CPU, or take load off it.',
      },
      {
        name: 'RaftwayMemoryNearLimit',
        severity: 'warning',
        expression: 'process_resident_memory_bytes / raftway_server_memory_limit_bytes > 0.9',
        for: '10m',
        summary:
          '{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory limit',
        description:
          'The kernel kills it at the limit. Raise the limit now, then find out what grows: sessions, instances, open calls.',
      },
      ...certificates(),
    ],
  };
}

function certificates(): Alert[] {
  return [
    {
      name: 'RaftwayCertificateExpiring',
      severity: 'warning',
      expression: '(raftway_tls_certificate_expiry_seconds > 0) - time() < 3 * 86400',
      for: '10m',
      summary:
        'The certificate of {{ $labels.instance }} expires in {{ $value | humanizeDuration }}',
      description:
        'Then nobody connects to it any more, and it to nobody. Put new files in place of the old ones; they are read within five seconds, without a restart.',
    },
    {
      name: 'RaftwayCertificateReloadFailed',
      severity: 'warning',
      expression: hasGrown('raftway_tls_reloads_total{result="failed"}', '15m'),
      for: '0s',
      summary: '{{ $labels.instance }} cannot use its new certificate files',
      description:
        'It goes on with those of before, until they expire. The log names the file and what is wrong with it.',
    },
  ];
}
