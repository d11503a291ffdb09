import type { Catalogue } from '../catalogue/catalogue';
import type { AlertGroup } from './alert';
import { processAlerts } from './process-alerts';
import { raftAlerts } from './raft-alerts';
import { serviceAlerts } from './service-alerts';

/** Every alert of the suite. */
export function alertGroups(catalogue: Catalogue): AlertGroup[] {
  return [raftAlerts(catalogue), processAlerts(catalogue), serviceAlerts(catalogue)];
}
