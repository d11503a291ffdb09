/** One metric, as docs/reference/metrics.json has it. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  /** What its numbers count or measure, by its name: `seconds`, `bytes`, `entries`; `1` for whatever else is counted. */
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
  /** Who has it, each a process of its own with a job of its name in Prometheus. */
  readonly apps: readonly string[];
  /** A process without certificates does not have it. */
  readonly withTlsOnly: boolean;
}

/** Everything that the suite measures. */
export class Catalogue {
  private readonly byName: ReadonlyMap<string, Metric>;

  constructor(readonly metrics: readonly Metric[]) {
    this.byName = new Map(metrics.map((metric) => [metric.name, metric]));
  }

  /** The metric of a series: a histogram has three, whose names end in `_bucket`, `_sum` and `_count`. */
  ofSeries(name: string): Metric | undefined {
    const exact = this.byName.get(name);
    if (exact !== undefined) return exact;
    const histogram = this.byName.get(name.replace(/_(bucket|sum|count)$/, ''));
    return histogram?.type === 'histogram' ? histogram : undefined;
  }

  /** @throws Error when there is no such metric */
  require(name: string): Metric {
    const metric = this.byName.get(name);
    if (metric === undefined) throw new Error(`no app has the metric ${name}`);
    return metric;
  }

  /** The same and one more. */
  with(metric: Metric): Catalogue {
    return new Catalogue([...this.metrics, metric]);
  }

  /** Those whose names begin so. */
  withPrefix(prefix: string): Metric[] {
    return this.metrics.filter(({ name }) => name.startsWith(prefix));
  }
}

const UNITS = ['seconds', 'bytes', 'entries'];

/** Prometheus' names end in their unit; `_total` of a counter comes after it. */
export function unitOf(name: string): string {
  const last =
    name
      .replace(/_total$/, '')
      .split('_')
      .at(-1) ?? '';
  return UNITS.includes(last) ? last : '1';
}
