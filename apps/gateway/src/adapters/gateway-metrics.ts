import { codeName } from '@raftway/errors';
import { type Metrics } from '@raftway/observability';
import { type EjectionCause } from '@raftway/resilience';
import { type CallObserver, type RefusalCause, type RuleName } from '../proxy/proxy-context';
import { type UpstreamObserver } from '../proxy/upstream';
import { type HealthCheckFailure } from './health-check';
import { ResilienceMetrics } from './resilience-metrics';
import { type SecurityObserver } from '../security/gatekeeper';
import { TrafficMetrics } from './traffic-metrics';
import { type CountCall, countedCalls, RuleMetrics } from './rule-metrics';

/** gRPC services that have series of their own; further ones are counted as `other`. */
const servicesMax = 200;

/** The numbers that are read at each scrape. */
export interface GatewayGauges {
  readonly clientConnections: number;
  readonly clientStreams: number;
  readonly upstreamConnections: number;
  readonly bufferedBytes: number;
  readonly endpointsLive: number;
  readonly endpointsSetAside: number;
  readonly endpointsEjected: number;
  readonly endpointsUnhealthy: number;
  readonly routes: number;
  readonly routesWithoutInstance: number;
  readonly routeConflicts: number;
  readonly documents: number;
  readonly documentProblems: number;
  readonly securityPoliciesUnloaded: number;
  readonly registryAgeSeconds: number;
}

/** The gateway's own metrics; their names and meanings are listed in the README. */
export class GatewayMetrics implements CallObserver, UpstreamObserver, SecurityObserver {
  readonly traffic: TrafficMetrics;
  private readonly calls;
  private readonly durations;
  private readonly retries;
  private readonly refusedRetries;
  private readonly refusals;
  private readonly ejections;
  private readonly resilience: ResilienceMetrics;
  private readonly connections;
  private readonly refusedConnections;
  private readonly brokenConnections;
  private readonly documentSets;
  private readonly judgedCalls;
  private readonly keyLoads;
  private readonly rules;
  private readonly accessLogLines;
  // By service and status.
  private readonly ends = new Map<string, CountCall[]>();

  constructor(
    metrics: Metrics,
    gauges: () => GatewayGauges,
    private readonly onSetAside: (service: string, address: string, detail: string) => void,
  ) {
    this.traffic = new TrafficMetrics(metrics);
    const combinationsMax = servicesMax * 17;
    const byCause = (name: string, help: string) =>
      metrics.counter({ name, help, labels: ['service', 'cause'], combinationsMax });
    this.calls = metrics.counter({
      name: 'raftway_gateway_calls_total',
      help: 'Finished calls by gRPC service and status.',
      labels: ['grpc_service', 'code'],
      combinationsMax,
    });
    this.durations = metrics.histogram({
      name: 'raftway_gateway_call_duration_seconds',
      help: 'Time from a call headers to its status, by gRPC service.',
      labels: ['grpc_service'],
      combinationsMax: servicesMax + 1,
    });
    this.retries = byCause(
      'raftway_gateway_retries_total',
      'Calls that were sent to a further instance, by registered service and cause.',
    );
    this.refusedRetries = byCause(
      'raftway_gateway_retries_refused_total',
      'Failed calls that were not made again for the budget or limit of retries, by registered service and cause.',
    );
    this.refusals = byCause(
      'raftway_gateway_backend_refusals_total',
      'Calls that were not sent because their service has enough, by registered service and cause.',
    );
    this.ejections = byCause(
      'raftway_gateway_ejections_total',
      'Instances that were left out for failing more than the others, by registered service and cause.',
    );
    this.resilience = new ResilienceMetrics(metrics, combinationsMax);
    this.connections = connectionCounters(metrics);
    this.refusedConnections = metrics.counter({
      name: 'raftway_gateway_refused_connections_total',
      help: 'Client connections that were closed at once, by cause.',
      labels: ['cause'],
    });
    this.brokenConnections = metrics.counter({
      name: 'raftway_gateway_client_connection_errors_total',
      help: 'Client connections that were closed for breaking a limit or the protocol.',
    });
    this.documentSets = metrics.counter({
      name: 'raftway_gateway_document_sets_total',
      help: 'Sets of documents that came, by whether they are used: used or refused.',
      labels: ['result'],
    });
    this.judgedCalls = judgedCalls(metrics, combinationsMax);
    this.keyLoads = keyLoads(metrics);
    this.rules = new RuleMetrics(metrics);
    this.accessLogLines = accessLogLines(metrics);
    registerGauges(metrics, gauges);
  }

  onCallEnd(grpcService: string, code: number, durationMs: number): void {
    this.endOf(grpcService, code)(durationMs);
  }

  onRuleCallEnd(rule: RuleName, backend: string, code: number, durationMs: number): void {
    this.rules.onCallEnd(rule, backend, code, durationMs);
  }

  onAccessLogLines(result: 'written' | 'dropped', count: number): void {
    this.accessLogLines.increment({ result }, count);
  }

  onRetry(service: string, cause: 'connect' | 'refused' | 'code' | 'timeout'): void {
    this.retries.increment({ service, cause });
  }

  onRetryRefused(service: string, cause: 'budget' | 'limit'): void {
    this.refusedRetries.increment({ service, cause });
  }

  onRefused(service: string, cause: RefusalCause): void {
    this.refusals.increment({ service, cause });
  }

  onEjected(service: string, cause: EjectionCause): void {
    this.ejections.increment({ service, cause });
  }

  onHedge(service: string): void {
    this.resilience.hedges.increment({ service });
  }

  onHedgeWon(service: string): void {
    this.resilience.hedgesWon.increment({ service });
  }

  onHealthCheckFailed(service: string, cause: HealthCheckFailure): void {
    this.resilience.failedChecks.increment({ service, cause });
  }

  onConnect(service: string): void {
    this.connections.opened.increment({ service });
  }

  onConnectFailed(service: string, address: string, detail: string): void {
    this.connections.failed.increment({ service });
    this.onSetAside(service, address, `no connection: ${detail}`);
  }

  onViolation(service: string, address: string, detail: string): void {
    this.connections.broken.increment({ service });
    this.onSetAside(service, address, `it broke the protocol: ${detail}`);
  }

  onConnectionRefused(cause: string): void {
    this.refusedConnections.increment({ cause });
  }

  onDocumentSet(used: boolean): void {
    this.documentSets.increment({ result: used ? 'used' : 'refused' });
  }

  onJudged(policy: string, result: string): void {
    this.judgedCalls.increment({ policy, result });
  }

  onKeysLoaded(ok: boolean): void {
    this.keyLoads.increment({ result: ok ? 'ok' : 'failed' });
  }

  onConnectionBroken(): void {
    this.brokenConnections.increment();
  }

  private endOf(grpcService: string, code: number): CountCall {
    let name = grpcService === '' ? 'unknown' : grpcService;
    let byCode = this.ends.get(name);
    if (byCode === undefined) {
      if (this.ends.size >= servicesMax) name = 'other';
      byCode = this.ends.get(name) ?? [];
      this.ends.set(name, byCode);
    }
    const index = code >= 0 && code <= 16 ? code : 2;
    return (byCode[index] ??= countedCalls(this.calls, this.durations, {
      grpc_service: name,
      code: codeName(index),
    }));
  }
}

function judgedCalls(metrics: Metrics, combinationsMax: number) {
  return metrics.counter({
    name: 'raftway_gateway_security_calls_total',
    help: 'Calls that a SecurityPolicy judged, by policy (empty: a host of no Gateway) and result: allowed, failed_open, or why not.',
    labels: ['policy', 'result'],
    combinationsMax,
  });
}

function accessLogLines(metrics: Metrics) {
  return metrics.counter({
    name: 'raftway_gateway_access_log_lines_total',
    help: 'Lines of the access log, by what became of them: written or dropped.',
    labels: ['result'],
  });
}

function keyLoads(metrics: Metrics) {
  return metrics.counter({
    name: 'raftway_gateway_token_keys_loads_total',
    help: 'Times that keys of tokens were fetched or read, by result: ok or failed.',
    labels: ['result'],
  });
}

/** Connections to instances. */
function connectionCounters(metrics: Metrics) {
  return {
    opened: metrics.counter({
      name: 'raftway_gateway_upstream_connects_total',
      help: 'Connections opened to instances.',
      labels: ['service'],
    }),
    failed: metrics.counter({
      name: 'raftway_gateway_upstream_connect_failures_total',
      help: 'Connections to instances that could not be made.',
      labels: ['service'],
    }),
    broken: metrics.counter({
      name: 'raftway_gateway_upstream_violations_total',
      help: 'Connections to instances that were closed for breaking a limit or the protocol.',
      labels: ['service'],
    }),
  };
}

function registerGauges(metrics: Metrics, read: () => GatewayGauges): void {
  const gauge = (name: string, help: string, pick: (gauges: GatewayGauges) => number) => {
    const metric = metrics.gauge({ name: `raftway_gateway_${name}`, help });
    return (gauges: GatewayGauges): void => metric.set(pick(gauges));
  };
  const setters = [
    gauge('client_connections', 'Open client connections.', (g) => g.clientConnections),
    gauge('client_streams', 'Open calls of clients.', (g) => g.clientStreams),
    gauge('upstream_connections', 'Open connections to instances.', (g) => g.upstreamConnections),
    gauge('buffered_bytes', 'Bytes of calls held in memory.', (g) => g.bufferedBytes),
    gauge('endpoints_live', 'Instances that take calls.', (g) => g.endpointsLive),
    gauge('endpoints_set_aside', 'Of those, set aside for failing.', (g) => g.endpointsSetAside),
    gauge('endpoints_ejected', 'Of those, left out as outliers.', (g) => g.endpointsEjected),
    gauge(
      'endpoints_unhealthy',
      'Of those, left out because their health checks fail.',
      (g) => g.endpointsUnhealthy,
    ),
    gauge('routes', 'Known gRPC services.', (g) => g.routes),
    gauge('routes_without_instance', 'Of those, without instance.', (g) => g.routesWithoutInstance),
    gauge('route_conflicts', 'Claims that are not honoured.', (g) => g.routeConflicts),
    gauge('documents', 'Documents that calls are routed by.', (g) => g.documents),
    gauge(
      'document_problems',
      'Problems of the newest set of documents, which is not used while there are any.',
      (g) => g.documentProblems,
    ),
    gauge(
      'security_policies_unloaded',
      'SecurityPolicies whose keys are not there, so that calls are refused.',
      (g) => g.securityPoliciesUnloaded,
    ),
    gauge('registry_age_seconds', 'Age of the registry view.', (g) => g.registryAgeSeconds),
  ];
  metrics.onScrape(() => {
    const gauges = read();
    for (const set of setters) set(gauges);
  });
}
