import { BY_INSTANCE, GRAFANA_WINDOW as WINDOW, quantile } from '../promql/expressions';
import { CHOSEN, type Query } from './dashboard';

/** What is looked at: matchers, and the labels by which series are told apart. */
export interface Scope {
  readonly matchers: string;
  readonly by: string;
  readonly legend: string;
}

/** Every process, by itself. */
export const EACH: Scope = {
  matchers: `${CHOSEN}, job=~"$job", instance=~"$instance"`,
  by: BY_INSTANCE,
  legend: '{{job}} {{instance}}',
};

/** One of several label values besides. */
export function each({ by, legend, matchers }: Scope, label: string, more = ''): Scope {
  return { by: `${by}, ${label}`, legend: `${legend} {{${label}}}`, matchers: matchers + more };
}

/** A gauge as it is. */
export function value(gauge: string, { matchers, by, legend }: Scope, operator = 'max'): Query {
  return [`${operator} by (${by}) (${gauge}{${matchers}})`, legend];
}

/** How fast a counter grows, a second. */
export function rate(counter: string, { matchers, by, legend }: Scope, operator = 'sum'): Query {
  return [`${operator} by (${by}) (rate(${counter}{${matchers}}[${WINDOW}]))`, legend];
}

/** How much a counter grew between two points of the chart. */
export function events(counter: string, { matchers, by, legend }: Scope): Query {
  return [`sum by (${by}) (increase(${counter}{${matchers}}[${WINDOW}]))`, legend];
}

/** Median and 99th percentile of a histogram. */
export function quantiles(histogram: string, { matchers, by, legend }: Scope): Query[] {
  return [0.5, 0.99].map((rank) => [
    quantile(rank, histogram, { by, matchers, window: WINDOW }),
    `${legend} p${rank * 100}`.trim(),
  ]);
}
