import type { Dashboard, Row } from './dashboard';
import { each, EACH, events, quantiles, rate, value } from './queries';

/** What every process costs. */
export function processDashboard(): Dashboard {
  return {
    name: 'processes',
    title: 'Raftway: processes',
    description: 'Event loop, CPU, memory, garbage collection and certificates of every process.',
    choices: [
      { label: 'job', of: 'raftway_server_ready' },
      { label: 'instance', of: 'raftway_server_ready' },
    ],
    rows: [node(), ofProcess(), tls()],
  };
}

function node(): Row {
  return {
    title: 'Node.js',
    panels: [
      {
        title: 'Event loop lag, 99th percentile',
        unit: 's',
        description: 'Half a second costs a leader its leadership.',
        queries: [value('nodejs_eventloop_lag_p99_seconds', EACH)],
      },
      {
        title: 'Longest event loop lag',
        unit: 's',
        queries: [value('nodejs_eventloop_lag_max_seconds', EACH)],
      },
      {
        title: 'Time of a garbage collection, by kind',
        unit: 's',
        queries: quantiles('nodejs_gc_duration_seconds', each(EACH, 'kind')),
      },
      {
        title: 'Heap in use',
        unit: 'bytes',
        queries: [value('nodejs_heap_size_used_bytes', EACH)],
      },
    ],
  };
}

function ofProcess(): Row {
  return {
    title: 'Process',
    panels: [
      {
        title: 'CPU, in cores',
        unit: 'short',
        queries: [rate('process_cpu_seconds_total', EACH)],
      },
      {
        title: 'Resident memory, and the limit',
        unit: 'bytes',
        queries: [
          value('process_resident_memory_bytes', EACH),
          value('raftway_server_memory_limit_bytes', {
            ...EACH,
            legend: `${EACH.legend} limit`,
          }),
        ],
      },
      {
        title: 'Open files and sockets',
        unit: 'short',
        queries: [value('process_open_fds', EACH)],
      },
      {
        title: 'Started',
        unit: 'dateTimeFromNow',
        type: 'stat',
        queries: [[`process_start_time_seconds{${EACH.matchers}} * 1000`, EACH.legend]],
      },
      { title: 'Ready', unit: 'short', queries: [value('raftway_server_ready', EACH, 'min')] },
    ],
  };
}

function tls(): Row {
  return {
    title: 'TLS',
    panels: [
      {
        title: 'Certificate expires',
        unit: 'dateTimeFromNow',
        type: 'stat',
        queries: [[`raftway_tls_certificate_expiry_seconds{${EACH.matchers}} * 1000`, EACH.legend]],
      },
      {
        title: 'New certificate files, by result',
        unit: 'short',
        queries: [events('raftway_tls_reloads_total', each(EACH, 'result'))],
      },
      {
        title: 'Connections refused before their first call',
        unit: 'cps',
        queries: [rate('raftway_tls_refused_total', EACH)],
      },
    ],
  };
}
