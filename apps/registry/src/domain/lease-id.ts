import { fingerprint } from '@raftway/raft/state-machine';

/**
 * A lease's id: the log index of the registration that made it, which no other lease of the group ever has, and a fingerprint of what is
 * registered.
 *
 * The fingerprint is for a registry that lost its disks: its log begins again at 1 while the instances go on renewing what they hold.
 * Without it, the old "7" of one process would keep the new "7" of another alive, and the first would never learn that it is gone.
 */
export function leaseIdOf(index: number, service: string, instanceId: string): string {
  return `${index}-${printOf(service, instanceId)}`;
}

/** Whether a lease id can belong to this instance. */
export function isLeaseOf(leaseId: string, service: string, instanceId: string): boolean {
  return leaseId.endsWith(`-${printOf(service, instanceId)}`);
}

/** 8 hexadecimal digits. */
function printOf(service: string, instanceId: string): string {
  return fingerprint(service, instanceId).toString(16).padStart(8, '0');
}
