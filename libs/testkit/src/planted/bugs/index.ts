import type { SimulatedBug } from '../bug';
import { ELECTION_BUGS } from './elections';
import { LEASE_BUGS } from './leases';
import { MEMBERSHIP_BUGS } from './membership';
import { READ_AND_CLIENT_BUGS } from './reads-and-clients';
import { REPLICATION_BUGS } from './replication';
import { SESSION_AND_LIVENESS_BUGS } from './sessions-and-liveness';
import { SNAPSHOT_AND_CLOCK_BUGS } from './snapshots-and-clock';
import { STORAGE_BUGS } from './storage';

/** What the simulator has to find. */
export const SIMULATED_BUGS: readonly SimulatedBug[] = [
  ...ELECTION_BUGS,
  ...REPLICATION_BUGS,
  ...READ_AND_CLIENT_BUGS,
  ...LEASE_BUGS,
  ...SESSION_AND_LIVENESS_BUGS,
  ...SNAPSHOT_AND_CLOCK_BUGS,
  ...STORAGE_BUGS,
  ...MEMBERSHIP_BUGS,
];
