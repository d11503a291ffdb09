import type { Catalogue } from '../catalogue/catalogue';

/** One group or app in one namespace; outside Kubernetes no series has a namespace, which is a value like any other here. */
export const BY_JOB = 'namespace, job';
export const BY_INSTANCE = 'namespace, job, instance';

/** Matches the suite's own processes among everything that a Prometheus scrapes. */
export function ownJobs(catalogue: Catalogue): string {
  return `job=~"${catalogue.require('raftway_server_ready').apps.join('|')}"`;
}

/** The window of every dashboard's rates: Grafana puts a duration there, which follows the zoom and spans four scrapes at least. */
export const GRAFANA_WINDOW = '$__rate_interval';

/** Codes of calls that failed for no fault of their callers. */
export const FAILURE_CODES = 'UNAVAILABLE|INTERNAL|UNKNOWN|DATA_LOSS';

/** A quantile of a histogram's last minutes. */
export function quantile(
  rank: number,
  histogram: string,
  { by, matchers = '', window }: { by: string; matchers?: string; window: string },
): string {
  const selector = `${histogram}_bucket${matchers === '' ? '' : `{${matchers}}`}`;
  const labels = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile(${rank}, sum by (${labels}) (rate(${selector}[${window}])))`;
}

/**
 * A counter that has grown in a window. `increase` alone misses the first event of a label value: its series begins at 1, and nothing
 * comes before that. Such a series counts where its process was scraped a window ago already; otherwise a Prometheus that has just
 * started would take old events for new ones.
 */
export function hasGrown(counter: string, window: string): string {
  const first = `(${counter} unless ${counter} offset ${window}) > 0`;
  return `increase(${counter}[${window}]) > 0 or ${first} and on (${BY_INSTANCE}) up offset ${window}`;
}

/** The histogram of calls that servers answered; its name and labels come from the catalogue, as they follow OpenTelemetry's conventions. */
export function serverCalls(catalogue: Catalogue): {
  readonly name: string;
  readonly method: string;
  readonly status: string;
} {
  const [metric] = catalogue.withPrefix('rpc_server_').filter(({ type }) => type === 'histogram');
  const method = metric?.labels.find((label) => label.includes('method'));
  const status = metric?.labels.find((label) => label.includes('status'));
  if (metric === undefined || method === undefined || status === undefined)
    throw new Error('no histogram rpc_server_… with labels for the method and the status');
  return { name: metric.name, method, status };
}
