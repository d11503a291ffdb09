import {
  collectDefaultMetrics,
  Counter,
  type CounterConfiguration,
  Gauge,
  Registry,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';
import { DirectHistogram } from './direct-histogram';

/** Seconds, for calls that take from half a millisecond to ten seconds. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Values of a metric's labels; one that is undefined is left out. */
export type Labels = Readonly<Record<string, string | number | undefined>>;

/** What a metric is made from. */
export interface MetricOptions {
  /** Prometheus name with its unit last, such as `raftway_lock_wait_seconds`; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  /** @default none */
  readonly labels?: readonly string[] | undefined;
  /**
   * How many different label combinations are kept; further ones are counted under `other`, so that a caller's input can never fill the
   * memory. @default 200
   */
  readonly combinationsMax?: number | undefined;
}

/** A histogram's buckets as well. */
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds in the metric's unit. @default DURATION_BUCKETS_SECONDS */
  readonly buckets?: readonly number[] | undefined;
}

export interface CounterMetric {
  increment(labels?: Labels, by?: number): void;
  /** The same for one combination of labels, found once: for who counts often. */
  with(labels: Labels): (by?: number) => void;
}

export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
  /** Forgets every combination of labels: for what is set anew at each scrape and may have gone. */
  reset(): void;
}

export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
  /** The same for one combination of labels, found once: for who observes often. */
  with(labels: Labels): (value: number) => void;
}

/** What is known of a metric before anything is measured. */
export interface MetricDeclaration {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly labels: readonly string[];
  readonly help: string;
}

/** One number of a metric; those of a histogram say by `metricName` what they are. */
export type MetricSample = MetricValueWithName<string>;

/** A metric with all its numbers. */
export type MetricFamily = MetricObjectWithValues<MetricSample>;

/** The metrics of one process or app. Asking twice for one name yields the same metric. */
export interface Metrics {
  counter(options: MetricOptions): CounterMetric;
  gauge(options: MetricOptions): GaugeMetric;
  histogram(options: HistogramOptions): HistogramMetric;
  /** Calls `collect` before each scrape, to set gauges that are read rather than kept. */
  onScrape(collect: () => void): void;
  /** Every metric that has been asked for, and those of the process, by name. */
  declared(): readonly MetricDeclaration[];
  /** Everything in the Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Everything as objects, for another format. */
  families(): Promise<MetricFamily[]>;
  /** prom-client's registry, for what the helpers above do not offer. */
  readonly registry: Registry;
}

/** Makes a registry of its own (never prom-client's global one, so that several apps can live in one process). */
export function createMetrics(
  options: {
    /** Added to every metric. @default none */
    readonly defaultLabels?: Labels | undefined;
    /** CPU, memory, event loop lag and handles of the process. @default true */
    readonly processMetrics?: boolean | undefined;
  } = {},
): Metrics {
  const registry = new Registry();
  if (options.defaultLabels !== undefined) registry.setDefaultLabels({ ...options.defaultLabels });
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  return new PrometheusMetrics(registry);
}

type RegisteredMetric = Omit<MetricDeclaration, 'labels'> & {
  readonly labelNames: readonly string[];
};

class PrometheusMetrics implements Metrics {
  private readonly made = new Map<string, unknown>();
  private readonly collectors: (() => void)[] = [];

  constructor(readonly registry: Registry) {}

  get contentType(): string {
    return this.registry.contentType;
  }

  counter(options: MetricOptions): CounterMetric {
    return this.once(options.name, () => new PendingCounter(options, this.settings(options)));
  }

  gauge(options: MetricOptions): GaugeMetric {
    return this.once(options.name, () => {
      const gauge = new Gauge(this.settings(options));
      const bound = boundedLabels(options);
      return {
        set: (value, labels) => gauge.set(bound(labels), value),
        add: (by, labels) => gauge.inc(bound(labels), by),
        reset: () => {
          gauge.reset();
          bound.forget();
        },
      };
    });
  }

  histogram(options: HistogramOptions): HistogramMetric {
    return this.once(options.name, () => {
      const buckets = [...(options.buckets ?? DURATION_BUCKETS_SECONDS)];
      const histogram = new DirectHistogram({ ...this.settings(options), buckets });
      const bound = boundedLabels(options);
      // Without labels there is one series, from the beginning.
      if ((options.labels ?? []).length === 0) histogram.cellOf(bound());
      return {
        observe: (value, labels) => histogram.observeIn(histogram.cellOf(bound(labels)), value),
        with: (labels) => {
          const cell = histogram.cellOf(bound(labels));
          return (value) => histogram.observeIn(cell, value);
        },
      };
    });
  }

  onScrape(collect: () => void): void {
    this.collectors.push(collect);
  }

  declared(): readonly MetricDeclaration[] {
    // prom-client's types leave out the names of labels, and its types of metrics are an enumeration without values.
    const all = this.registry.getMetricsAsArray() as unknown as readonly RegisteredMetric[];
    const declarations = all.map(({ name, type, labelNames, help }) => ({
      ...{ name, type, help },
      labels: [...labelNames],
    }));
    return declarations.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  text(): Promise<string> {
    for (const collect of this.collectors) collect();
    return this.registry.metrics();
  }

  families(): Promise<MetricFamily[]> {
    for (const collect of this.collectors) collect();
    return this.registry.getMetricsAsJSON();
  }

  private settings(options: MetricOptions) {
    return {
      name: options.name,
      help: options.help,
      labelNames: [...(options.labels ?? [])],
      registers: [this.registry],
    };
  }

  private once<Metric>(name: string, make: () => Metric): Metric {
    const known = this.made.get(name);
    if (known !== undefined) return known as Metric;
    const metric = make();
    this.made.set(name, metric);
    return metric;
  }
}

/** What has been counted of one combination of labels since it was last read. */
interface Cell {
  readonly labels: Record<string, string>;
  pending: number;
}

/** A counter that tells prom-client, which checks and hashes labels each time, when it is read. */
class PendingCounter implements CounterMetric {
  private readonly cells = new Map<Record<string, string>, Cell>();
  private readonly bound: BoundedLabels;

  constructor(options: MetricOptions, settings: CounterConfiguration<string>) {
    this.bound = boundedLabels(options);
    const counter: Counter = new Counter({ ...settings, collect: () => this.tell(counter) });
  }

  increment(labels?: Labels, by = 1): void {
    add(this.cellOf(labels), by);
  }

  with(labels: Labels): (by?: number) => void {
    const cell = this.cellOf(labels);
    return (by = 1) => add(cell, by);
  }

  private cellOf(given?: Labels): Cell {
    const labels = this.bound(given);
    let cell = this.cells.get(labels);
    if (cell === undefined) this.cells.set(labels, (cell = { labels, pending: 0 }));
    return cell;
  }

  private tell(counter: Counter): void {
    for (const cell of this.cells.values()) {
      if (cell.pending === 0) continue;
      counter.inc(cell.labels, cell.pending);
      cell.pending = 0;
    }
  }
}

function add(cell: Cell, by: number): void {
  if (!(by >= 0)) throw new RangeError(`a counter does not go down: ${by}`);
  cell.pending += by;
}

interface BoundedLabels {
  (labels?: Labels): Record<string, string>;
  forget(): void;
}

const COMBINATIONS_MAX_DEFAULT = 200;

/** Combinations that begin alike. */
interface LabelNode {
  readonly next: Map<string, LabelNode>;
  /** The combination that ends here. */
  labels: Record<string, string> | undefined;
}

/** Lets the first combinations of label values through and replaces all values of further ones with `other`. */
function boundedLabels(options: MetricOptions): BoundedLabels {
  const names = options.labels ?? [];
  const combinationsMax = options.combinationsMax ?? COMBINATIONS_MAX_DEFAULT;
  // Found by one value after the other, so that no text is put together each time.
  let root: LabelNode = { next: new Map(), labels: undefined };
  let seen = 0;
  const other = Object.fromEntries(names.map((name) => [name, 'other']));
  const add = (labels: Labels): Record<string, string> => {
    if (seen >= combinationsMax) return other;
    seen += 1;
    let node = root;
    for (const name of names) {
      const value = String(labels[name] ?? '');
      let next = node.next.get(value);
      if (next === undefined) node.next.set(value, (next = { next: new Map(), labels: undefined }));
      node = next;
    }
    const given = names.filter((name) => labels[name] !== undefined);
    return (node.labels = Object.fromEntries(given.map((name) => [name, String(labels[name])])));
  };
  const bound = (labels: Labels = {}): Record<string, string> => {
    let node: LabelNode | undefined = root;
    for (const name of names) node = node?.next.get(String(labels[name] ?? ''));
    return node?.labels ?? add(labels);
  };
  const forget = (): void => {
    root = { next: new Map(), labels: undefined };
    seen = 0;
  };
  return Object.assign(bound, { forget });
}
