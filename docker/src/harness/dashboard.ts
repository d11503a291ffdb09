import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './images';

const FOLDER = 'docker/observability/grafana/dashboards';
const METRICS = 'docs/reference/metrics.json';

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

interface Metric {
  readonly name: string;
  readonly withTlsOnly: boolean;
  readonly labels: readonly string[];
}

/** Names of the metrics in Grafana's dashboards that a process without certificates has, each once, without what Prometheus adds to a histogram's name. */
export function dashboardMetrics(): string[] {
  const expressions = readdirSync(join(WORKSPACE, FOLDER)).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(join(WORKSPACE, FOLDER, file), 'utf8')) as Dashboard;
    return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  });
  const names = expressions.join(' ').match(/\b(raftway|rpc|process|nodejs)_\w+/g) ?? [];
  const all = JSON.parse(readFileSync(join(WORKSPACE, METRICS), 'utf8')) as Metric[];
  const withTls = all.filter((each) => each.withTlsOnly).map(({ name }) => name);
  // Labels look like metrics, and are none.
  const left = new Set([...withTls, ...all.flatMap(({ labels }) => labels)]);
  const plain = names.map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  return [...new Set(plain)].filter((name) => !left.has(name));
}
