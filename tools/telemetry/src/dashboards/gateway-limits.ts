import { BY_INSTANCE } from '../promql/expressions';
import { CHOSEN, type Row } from './dashboard';
import { rate, type Scope, value } from './queries';

/** What rate limits, quotas and concurrency limits of documents let through. */
export function limits(): Row {
  const by = (labels: string, legend: string): Scope => ({ matchers: CHOSEN, by: labels, legend });
  const gateways = by(BY_INSTANCE, '{{instance}}');
  return {
    title: 'Limits',
    panels: [
      {
        title: 'Calls that rate limits and quotas let through or refused',
        unit: 'cps',
        queries: [
          rate(
            'raftway_gateway_limit_decisions_total',
            by('policy, kind, limit, outcome', '{{policy}} {{kind}} {{limit}} {{outcome}}'),
          ),
        ],
      },
      {
        title: 'Calls that concurrency limits let through or refused',
        unit: 'cps',
        queries: [
          rate(
            'raftway_gateway_concurrency_decisions_total',
            by('target, outcome', '{{target}} {{outcome}}'),
          ),
        ],
      },
      {
        title: 'Calls under way within concurrency limits',
        unit: 'short',
        queries: [
          value('raftway_gateway_concurrency_limit', by('target', '{{target}} limit')),
          value('raftway_gateway_concurrency_calls', by('target', '{{target}} under way')),
          value('raftway_gateway_concurrency_waiting', by('target', '{{target}} waiting')),
        ],
      },
      {
        title: 'Shared limits that a gateway counted by itself',
        unit: 'cps',
        description: 'Redis was away or too slow, or there is none.',
        queries: [
          rate('raftway_gateway_shared_limit_fallbacks_total', gateways),
          value('raftway_gateway_limit_redis_up', {
            ...gateways,
            legend: '{{instance}} has Redis',
          }),
        ],
      },
    ],
  };
}
