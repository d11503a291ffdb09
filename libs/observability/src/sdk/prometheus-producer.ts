import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { MetricFamily, MetricSample, Metrics } from '../metrics';

const SCOPE = { name: '@raftway/observability' };

/** Of a metric that OpenTelemetry's semantic conventions name. Others go by their Prometheus names. */
const CONVENTIONS: Readonly<Record<string, string>> = {
  rpc_server_call_duration_seconds: 'rpc.server.call.duration',
};

const LABEL_CONVENTIONS: Readonly<Record<string, string>> = {
  rpc_system_name: 'rpc.system.name',
  rpc_method: 'rpc.method',
  rpc_response_status_code: 'rpc.response.status_code',
  error_type: 'error.type',
};

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
];

/** The metrics of a process, which are counted once and for Prometheus, as the data of OpenTelemetry. Counts since the process began. */
export class PrometheusProducer implements MetricProducer {
  private readonly startTime = millisToHrTime(performance.timeOrigin);

  constructor(private readonly metrics: Metrics) {}

  async collect(): Promise<CollectionResult> {
    const families = await this.metrics.families();
    const times = { startTime: this.startTime, endTime: millisToHrTime(Date.now()) };
    const metrics = families.flatMap((family) => metricData(family, times) ?? []);
    const resource = emptyResource();
    return { resourceMetrics: { resource, scopeMetrics: [{ scope: SCOPE, metrics }] }, errors: [] };
  }
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** Undefined for summaries, of which there are none. */
function metricData(family: MetricFamily, times: Times): MetricData | undefined {
  const common = {
    descriptor: {
      name: CONVENTIONS[family.name] ?? family.name,
      description: family.help,
      unit: UNITS.find(([pattern]) => pattern.test(family.name))?.[1] ?? '',
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = (): DataPoint<number>[] =>
    family.values.map(({ value, labels }) => ({ ...times, value, attributes: attributes(labels) }));
  switch (String(family.type)) {
    case 'counter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: points(),
      };
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() };
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: histogramPoints(family, times),
      };
    default:
      return undefined;
  }
}

/** Prometheus has a sample a bucket, with all that is smaller in it, and one each for sum and count. */
function histogramPoints(family: MetricFamily, times: Times): DataPoint<Histogram>[] {
  const series = new Map<string, { attributes: Attributes; samples: MetricSample[] }>();
  for (const sample of family.values) {
    const { le: _bound, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    const known = series.get(key);
    if (known === undefined) {
      series.set(key, { attributes: attributes(labels), samples: [sample] });
    } else known.samples.push(sample);
  }
  return [...series.values()].map((one) => ({
    ...times,
    attributes: one.attributes,
    value: histogramOf(one.samples, family.name),
  }));
}

function histogramOf(samples: readonly MetricSample[], name: string): Histogram {
  const boundaries: number[] = [];
  const counts: number[] = [];
  let below = 0;
  let sum = 0;
  let count = 0;
  for (const { value, metricName, labels } of samples) {
    if (metricName === `${name}_sum`) sum = value;
    else if (metricName === `${name}_count`) count = value;
    else {
      counts.push(value - below);
      below = value;
      if (labels['le'] !== '+Inf') boundaries.push(Number(labels['le']));
    }
  }
  return { buckets: { boundaries, counts }, sum, count };
}

function attributes(labels: MetricSample['labels']): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [LABEL_CONVENTIONS[label] ?? label, value]),
  );
}
