import type { Catalogue } from '../catalogue/catalogue';
import type { Dashboard } from './dashboard';
import { gatewayDashboard } from './gateway-dashboard';
import { processDashboard } from './process-dashboard';
import { raftDashboard } from './raft-dashboard';
import { idsDashboard, locksDashboard, registryDashboard } from './service-dashboards';
import { suiteDashboard } from './suite-dashboard';

/** Every dashboard; the suite's is the one that Grafana opens with. */
export function dashboards(catalogue: Catalogue): Dashboard[] {
  return [
    suiteDashboard(catalogue),
    raftDashboard(),
    locksDashboard(catalogue),
    idsDashboard(catalogue),
    registryDashboard(catalogue),
    gatewayDashboard(),
    processDashboard(),
  ];
}
