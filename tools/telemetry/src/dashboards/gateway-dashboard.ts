import { BY_INSTANCE, FAILURE_CODES, GRAFANA_WINDOW } from '../promql/expressions';
import { CHOSEN, type Dashboard, type Row } from './dashboard';
import { documents } from './gateway-documents';
import { limits } from './gateway-limits';
import { each, events, quantiles, rate, type Scope, value } from './queries';

const CALLS = 'raftway_gateway_calls_total';
const GATEWAYS: Scope = { matchers: CHOSEN, by: BY_INSTANCE, legend: '{{instance}}' };
const TOGETHER: Scope = { matchers: CHOSEN, by: 'namespace', legend: '{{namespace}}' };
const BY_SERVICE: Scope = { matchers: CHOSEN, by: 'grpc_service', legend: '{{grpc_service}}' };

/** Share of calls that failed for no fault of their callers. */
export function failureRatio(): string {
  const total = (more: string): string =>
    `sum by (namespace) (rate(${CALLS}{${CHOSEN}${more}}[${GRAFANA_WINDOW}]))`;
  return `${total(`, code=~"${FAILURE_CODES}"`)} / ${total('')}`;
}

export function gatewayDashboard(): Dashboard {
  return {
    name: 'gateway',
    title: 'Raftway: gateway',
    description: 'Calls through the gateway, what became of them, and whom it can call.',
    rows: [calls(), documents(), limits(), endpoints(), connections()],
  };
}

function byOutcome(label: string, legend: string): Scope {
  return { matchers: CHOSEN, by: `${label}, outcome`, legend };
}

function calls(): Row {
  const byCause = (legend: string): Scope => ({ matchers: CHOSEN, by: 'service, cause', legend });
  const byService = (legend: string): Scope => ({ matchers: CHOSEN, by: 'service', legend });
  return {
    title: 'Calls',
    panels: [
      {
        title: 'Calls, by gRPC service',
        unit: 'reqps',
        queries: [rate(CALLS, BY_SERVICE)],
      },
      {
        title: 'Calls, by status',
        unit: 'reqps',
        queries: [rate(CALLS, { ...BY_SERVICE, by: 'code', legend: '{{code}}' })],
      },
      {
        title: 'Share of failed calls',
        unit: 'percentunit',
        description: 'UNAVAILABLE, INTERNAL, UNKNOWN and DATA_LOSS.',
        queries: [[failureRatio(), TOGETHER.legend]],
      },
      {
        title: 'Time of a call, by gRPC service',
        unit: 's',
        description: 'Calls that wait, such as for a lock, and streams are long by nature.',
        queries: quantiles('raftway_gateway_call_duration_seconds', BY_SERVICE),
      },
      {
        title: 'Calls sent to a further instance',
        unit: 'cps',
        queries: [
          rate('raftway_gateway_retries_total', byCause('{{service}} {{cause}}')),
          rate('raftway_gateway_hedges_total', byService('{{service}} hedged')),
          rate('raftway_gateway_hedges_won_total', byService('{{service}} hedge answered first')),
        ],
      },
      {
        title: 'Calls and further attempts that were refused, and instances that were left out',
        unit: 'cps',
        queries: [
          rate('raftway_gateway_backend_refusals_total', byCause('{{service}} refused: {{cause}}')),
          rate(
            'raftway_gateway_retries_refused_total',
            byCause('{{service}} not made again: {{cause}}'),
          ),
          rate('raftway_gateway_ejections_total', byCause('{{service}} left out: {{cause}}')),
        ],
      },
      judgedCalls(),
      trafficControl(),
      {
        title: 'Open calls',
        unit: 'short',
        queries: [value('raftway_gateway_client_streams', GATEWAYS)],
      },
    ],
  };
}

function judgedCalls(): Row['panels'][number] {
  return {
    title: 'Calls that SecurityPolicies judged, and loads of the keys of tokens',
    unit: 'cps',
    queries: [
      rate('raftway_gateway_security_calls_total', {
        matchers: CHOSEN,
        by: 'policy, result',
        legend: '{{policy}} {{result}}',
      }),
      rate('raftway_gateway_token_keys_loads_total', {
        matchers: CHOSEN,
        by: 'result',
        legend: 'keys {{result}}',
      }),
    ],
  };
}

function trafficControl(): Row['panels'][number] {
  return {
    title: 'Copies, faults on purpose, and calls with sessions',
    unit: 'cps',
    queries: [
      rate(
        'raftway_gateway_mirrored_calls_total',
        byOutcome('service', 'copy for {{service}}: {{outcome}}'),
      ),
      rate('raftway_gateway_faults_total', byOutcome('policy', '{{policy}}: {{outcome}}')),
      rate(
        'raftway_gateway_session_calls_total',
        byOutcome('service', 'session at {{service}}: {{outcome}}'),
      ),
    ],
  };
}

function endpoints(): Row {
  const named = (legend: string): Scope => ({ ...GATEWAYS, legend: `{{instance}} ${legend}` });
  return {
    title: 'Instances',
    panels: [
      {
        title: 'Instances that take calls',
        unit: 'short',
        queries: [
          value('raftway_gateway_endpoints_live', named('live')),
          value('raftway_gateway_endpoints_set_aside', named('set aside')),
          value('raftway_gateway_endpoints_ejected', named('left out as outliers')),
          value('raftway_gateway_endpoints_unhealthy', named('left out by health checks')),
        ],
      },
      {
        title: 'Health checks that failed',
        unit: 'cps',
        queries: [
          rate('raftway_gateway_health_check_failures_total', {
            matchers: CHOSEN,
            by: 'service, cause',
            legend: '{{service}} {{cause}}',
          }),
        ],
      },
      {
        title: 'gRPC services, and those without an instance',
        unit: 'short',
        queries: [
          value('raftway_gateway_routes', named('known')),
          value('raftway_gateway_routes_without_instance', named('without instance')),
          value('raftway_gateway_route_conflicts', named('claims not honoured')),
        ],
      },
      {
        title: 'Documents, and what is wrong with the newest',
        unit: 'short',
        queries: [
          value('raftway_gateway_documents', named('documents')),
          value('raftway_gateway_document_problems', named('problems')),
          value('raftway_gateway_security_policies_unloaded', named('policies without keys')),
        ],
      },
      {
        title: 'Sets of documents that came',
        unit: 'short',
        queries: [
          events('raftway_gateway_document_sets_total', {
            matchers: CHOSEN,
            by: 'result',
            legend: '{{result}}',
          }),
        ],
      },
      {
        title: 'Age of the registry view',
        unit: 's',
        queries: [value('raftway_gateway_registry_age_seconds', GATEWAYS)],
      },
    ],
  };
}

function connections(): Row {
  const service: Scope = { matchers: CHOSEN, by: 'service', legend: '{{service}}' };
  return {
    title: 'Connections and memory',
    panels: [
      {
        title: 'Open connections',
        unit: 'short',
        queries: [
          value('raftway_gateway_client_connections', {
            ...GATEWAYS,
            legend: '{{instance}} of clients',
          }),
          value('raftway_gateway_upstream_connections', {
            ...GATEWAYS,
            legend: '{{instance}} to instances',
          }),
        ],
      },
      {
        title: 'Connections to instances: opened, failed and broken',
        unit: 'cps',
        queries: [
          rate('raftway_gateway_upstream_connects_total', service),
          rate('raftway_gateway_upstream_connect_failures_total', {
            ...service,
            legend: '{{service}} failed',
          }),
          rate('raftway_gateway_upstream_violations_total', {
            ...service,
            legend: '{{service}} broke the protocol',
          }),
        ],
      },
      {
        title: 'Client connections refused or broken',
        unit: 'short',
        queries: [
          events('raftway_gateway_refused_connections_total', each(GATEWAYS, 'cause')),
          events('raftway_gateway_client_connection_errors_total', GATEWAYS),
        ],
      },
      {
        title: 'Bytes of calls in memory',
        unit: 'bytes',
        queries: [value('raftway_gateway_buffered_bytes', GATEWAYS)],
      },
    ],
  };
}
