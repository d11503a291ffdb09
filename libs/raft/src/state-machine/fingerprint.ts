/**
 * A 32-bit hash (FNV-1a) of texts, in their order. Kept with a result, it tells in all but one of four billion cases that a request id
 * comes back with a request for something else. It is written to logs and snapshots: it never changes.
 */
export function fingerprint(...parts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 1) hash = mix(hash, part.charCodeAt(at));
    hash = mix(hash, 0);
  }
  return hash >>> 0;
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}
