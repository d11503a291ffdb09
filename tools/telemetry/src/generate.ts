import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertGroups } from './alerts';
import { renderPrometheusRule, renderRuleFile } from './alerts/render-rules';
import { Catalogue, type Metric } from './catalogue/catalogue';
import { renderMetricsPage } from './catalogue/metrics-page';
import { readApps } from './catalogue/read-apps';
import { dashboards } from './dashboards';
import { dashboardModel } from './dashboards/dashboard';
import { renderConfigMaps } from './dashboards/render-dashboards';
import { renderOperatingPage } from './documents/alerts-table';

/** The list of metrics, from the workspace's root folder; everything else here is made from it. */
export const METRICS_FILE = 'docs/reference/metrics.json';
export const RULE_FILE = 'docker/observability/alerts.yaml';
export const DASHBOARDS_FOLDER = 'docker/observability/grafana/dashboards';
const MONITORING = 'k8s/components/monitoring';

/** The list as it is committed. */
export function committedCatalogue(workspace: string): Catalogue {
  return new Catalogue(JSON.parse(readFileSync(join(workspace, METRICS_FILE), 'utf8')) as Metric[]);
}

/** What {@link generate} makes of the built apps. */
export function generateFromApps(workspace: string): ReadonlyMap<string, string> {
  return generate(workspace, readApps(workspace, committedCatalogue(workspace)));
}

/** Every generated file, by its path from the workspace's root folder, with its content as it is before formatting. */
export function generate(workspace: string, catalogue: Catalogue): ReadonlyMap<string, string> {
  const groups = alertGroups(catalogue);
  const boards = dashboards(catalogue);
  const read = (file: string): string => readFileSync(join(workspace, file), 'utf8');
  const metricsPage = 'docs/reference/metrics.md';
  const operatingPage = 'docs/operating/README.md';
  return new Map([
    [METRICS_FILE, JSON.stringify(catalogue.metrics)],
    [metricsPage, renderMetricsPage(read(metricsPage), catalogue)],
    [operatingPage, renderOperatingPage(read(operatingPage), groups)],
    [RULE_FILE, renderRuleFile(groups)],
    [`${MONITORING}/prometheus-rule.yaml`, renderPrometheusRule(groups)],
    [`${MONITORING}/dashboards.yaml`, renderConfigMaps(boards)],
    ...boards.map((board): [string, string] => [
      `${DASHBOARDS_FOLDER}/${board.name}.json`,
      JSON.stringify(dashboardModel(board)),
    ]),
  ]);
}
