import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './images';

const FILE = 'docker/observability/grafana/dashboards/raftway.json';

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}

/** Names of the metrics in Grafana's dashboard, each once, without what Prometheus adds to a histogram's name. */
export function dashboardMetrics(): string[] {
  const { panels } = JSON.parse(readFileSync(join(WORKSPACE, FILE), 'utf8')) as Dashboard;
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const names = expressions.join(' ').match(/\b(raftway|rpc|process|nodejs)_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}
