import { codeName } from '@raftway/errors';
import {
  type CounterMetric,
  type HistogramMetric,
  type Labels,
  type Metrics,
} from '@raftway/observability';
import { type RuleName } from '../proxy/proxy-context';

/** Rules, with each of their backends, that have series of their own; further ones are counted as `other`. Their names come from documents, of which there may be thousands. */
const rulesMax = 200;

/** Counts a call of one kind, with the time that it took. */
export type CountCall = (durationMs: number) => void;

/** Calls and latencies by the rule of a document that took them: what a share for a new version does differently is seen here. */
export class RuleMetrics {
  private readonly calls;
  private readonly durations;
  // By rule, backend and status.
  private readonly ends = new WeakMap<RuleName, Map<string, CountCall[]>>();

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
    this.endOf(rule, backend, code >= 0 && code <= 16 ? code : 2)(durationMs);
  }

  private endOf(rule: RuleName, backend: string, code: number): CountCall {
    let byBackend = this.ends.get(rule);
    if (byBackend === undefined) this.ends.set(rule, (byBackend = new Map<string, CountCall[]>()));
    let byCode = byBackend.get(backend);
    if (byCode === undefined) byBackend.set(backend, (byCode = []));
    return (byCode[code] ??= countedCalls(this.calls, this.durations, {
      ...{ route: rule.document, rule: rule.name, backend: backend || 'none' },
      code: code === 0 ? 'OK' : codeName(code),
    }));
  }
}

/** How calls with these labels are counted. */
export function countedCalls(
  calls: CounterMetric,
  durations: HistogramMetric,
  labels: Labels,
): CountCall {
  const count = calls.with(labels);
  const observe = durations.with(labels);
  return (durationMs) => {
    count();
    observe(durationMs / 1000);
  };
}
