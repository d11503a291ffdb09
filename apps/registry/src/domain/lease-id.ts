/**
 * A lease's id: the log index of the registration that made it, which no other lease of the group ever has, and a fingerprint of what is
 * registered.
 *
 * The fingerprint is for a registry that lost its disks: its log begins again at 1 while the instances go on renewing what they hold.
 * Without it, the old "7" of one process would keep the new "7" of another alive, and the first would never learn that it is gone.
 */
export function leaseIdOf(index: number, service: string, instanceId: string): string {
  return `${index}-${fingerprint(`${service}/${instanceId}`)}`;
}

/** Whether a lease id can belong to this instance. */
export function isLeaseOf(leaseId: string, service: string, instanceId: string): boolean {
  return leaseId.endsWith(`-${fingerprint(`${service}/${instanceId}`)}`);
}

/** FNV-1a, 32 bits, as 8 hexadecimal digits (draft-eastlake-fnv). The names are ASCII, so a code unit is a byte. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let position = 0; position < text.length; position += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
