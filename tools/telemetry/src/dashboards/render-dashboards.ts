import { stringify } from 'yaml';
import { type Dashboard, dashboardModel } from './dashboard';

/** One ConfigMap a dashboard, as Grafana's sidecar looks for them: each far below the 256 KiB that `kubectl apply` allows. */
export function renderConfigMaps(dashboards: readonly Dashboard[]): string {
  const objects = dashboards.map((dashboard) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `raftway-dashboard-${dashboard.name}`,
      labels: { grafana_dashboard: '1' },
      annotations: { grafana_folder: 'Raftway' },
    },
    data: { [`raftway-${dashboard.name}.json`]: JSON.stringify(dashboardModel(dashboard)) },
  }));
  const documents = objects.map((object) => stringify(object, { lineWidth: 0 }));
  return `# npm run generate writes this file from tools/telemetry/src/dashboards.\n${documents.join('---\n')}`;
}
