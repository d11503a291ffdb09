/**
 * A 32-bit hash (FNV-1a) of what a request asks for. It is kept with the request's result, so that a request id that comes back with
 * something else is noticed in all but one of four billion cases.
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
