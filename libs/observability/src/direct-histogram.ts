import {
  Histogram,
  type HistogramConfiguration,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';

/** What has been observed with one combination of labels. */
export interface HistogramCell {
  readonly labels: Readonly<Record<string, string>>;
  /** By bucket, not cumulative. What is above all bounds is in `count` alone. */
  readonly counts: number[];
  sum: number;
  count: number;
}

type Sample = MetricValueWithName<string>;

/**
 * A histogram of prom-client that is read like any other and is observed through its cells: prom-client's own way checks and hashes the labels of each value, which costs
 * more than the rest of what is counted of a call.
 */
export class DirectHistogram extends Histogram {
  private readonly cells = new Map<Readonly<Record<string, string>>, HistogramCell>();
  private readonly bounds: readonly number[];

  constructor(settings: HistogramConfiguration<string> & { readonly buckets: number[] }) {
    super(settings);
    this.bounds = settings.buckets;
  }

  /** @param labels the same object for the same combination */
  cellOf(labels: Readonly<Record<string, string>>): HistogramCell {
    let cell = this.cells.get(labels);
    if (cell === undefined) {
      cell = { labels, counts: this.bounds.map(() => 0), sum: 0, count: 0 };
      this.cells.set(labels, cell);
    }
    return cell;
  }

  /** @throws TypeError for what is no finite number */
  observeIn(cell: HistogramCell, value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`a histogram observes numbers: ${value}`);
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    if (bucket < bounds.length) cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
    cell.sum += value;
    cell.count += 1;
  }

  override get(): Promise<MetricObjectWithValues<Sample>> {
    // prom-client's types do not know that a histogram has its own name and help.
    const { name, help, type, aggregator, collect } =
      this as unknown as MetricObjectWithValues<Sample>;
    const values = [...this.cells.values()].flatMap((cell) => this.samplesOf(name, cell));
    return Promise.resolve({ name, help, type, aggregator, collect, values });
  }

  /** What prom-client asks instead when it writes text. */
  getForPromString(): Promise<MetricObjectWithValues<Sample>> {
    return this.get();
  }

  private samplesOf(name: string, { labels, counts, sum, count }: HistogramCell): Sample[] {
    let below = 0;
    const buckets = this.bounds.map((le, index): Sample => {
      below += counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
