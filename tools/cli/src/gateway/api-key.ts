import { createHash, randomBytes } from 'node:crypto';

/** Bytes of a key that nobody can guess. */
const keyBytes = 32;

/** A new key, and what a SecurityPolicy is given of it. The prefix lets scanners of sources find keys that were committed. */
export function newApiKey(): { readonly key: string; readonly sha256: string } {
  const key = `raftway_${randomBytes(keyBytes).toString('base64url')}`;
  return { key, sha256: createHash('sha256').update(key, 'utf8').digest('hex') };
}
