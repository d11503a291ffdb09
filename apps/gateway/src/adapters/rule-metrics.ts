import { codeName } from '@raftway/errors';
import { type Labels, type Metrics } from '@raftway/observability';
import { type RuleName } from '../proxy/proxy-context';

/** Rules, with each of their backends, that have series of their own; further ones are counted as `other`. Their names come from documents, of which there may be thousands. */
const rulesMax = 200;

/** Calls and latencies by the rule of a document that took them: what a share for a new version does differently is seen here. */
export class RuleMetrics {
  private readonly calls;
  private readonly durations;
  // Label objects are kept, so that counting a call allocates nothing.
  private readonly labels = new WeakMap<RuleName, Map<string, Labels[]>>();

  constructor(metrics: Metrics) {
    this.calls = metrics.counter({
      name: 'raftway_gateway_route_calls_total',
      help: 'Finished calls that a rule of a document took, by document, rule, registered service and status.',
      labels: ['route', 'rule', 'backend', 'code'],
      combinationsMax: rulesMax * 17,
    });
    this.durations = metrics.histogram({
      name: 'raftway_gateway_route_call_duration_seconds',
      help: 'Time from the headers of such a call to its status, by document, rule and registered service.',
      labels: ['route', 'rule', 'backend'],
      combinationsMax: rulesMax,
    });
  }

  /** @param code gRPC status, 0 for OK. */
  onCallEnd(rule: RuleName, backend: string, code: number, durationMs: number): void {
    const labels = this.labelsOf(rule, backend, code >= 0 && code <= 16 ? code : 2);
    this.calls.increment(labels);
    this.durations.observe(durationMs / 1000, labels);
  }

  private labelsOf(rule: RuleName, backend: string, code: number): Labels {
    let byBackend = this.labels.get(rule);
    if (byBackend === undefined) this.labels.set(rule, (byBackend = new Map<string, Labels[]>()));
    let byCode = byBackend.get(backend);
    if (byCode === undefined) byBackend.set(backend, (byCode = []));
    const { document, name } = rule;
    return (byCode[code] ??= {
      ...{ route: document, rule: name, backend: backend || 'none' },
      code: code === 0 ? 'OK' : codeName(code),
    });
  }
}
