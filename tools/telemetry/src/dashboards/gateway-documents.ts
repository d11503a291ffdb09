import { CHOSEN, type Row } from './dashboard';
import { quantiles, rate, type Scope } from './queries';

const CALLS = 'raftway_gateway_route_calls_total';

/** What becomes of the calls that documents route, and of the requests that several methods answer together. */
export function documents(): Row {
  const by = (labels: string, legend: string): Scope => ({ matchers: CHOSEN, by: labels, legend });
  const byRule = by('route, rule, backend', '{{route}} {{rule}} to {{backend}}');
  return {
    title: 'Routes of documents',
    panels: [
      {
        title: 'Calls, by rule and backend',
        unit: 'reqps',
        queries: [rate(CALLS, byRule)],
      },
      {
        title: 'Calls, by backend and status',
        unit: 'reqps',
        queries: [rate(CALLS, by('backend, code', '{{backend}} {{code}}'))],
      },
      {
        title: 'Time of a call, by rule and backend',
        unit: 's',
        queries: quantiles('raftway_gateway_route_call_duration_seconds', byRule),
      },
      {
        title: 'Requests that several methods answer',
        unit: 'reqps',
        queries: [
          rate(
            'raftway_gateway_composite_requests_total',
            by('route, result', '{{route}} {{result}}'),
          ),
        ],
      },
      {
        title: 'Their parts',
        unit: 'cps',
        queries: [
          rate(
            'raftway_gateway_composite_parts_total',
            by('route, part, result', '{{route}} {{part}} {{result}}'),
          ),
        ],
      },
      {
        title: 'Lines of access logs',
        unit: 'cps',
        description: 'Dropped: they came faster than they could be written.',
        queries: [rate('raftway_gateway_access_log_lines_total', by('result', '{{result}}'))],
      },
    ],
  };
}
