import { randomFillSync } from 'node:crypto';

const TEXT_BYTES = 12;
/** One request for many texts: each costs a call into OpenSSL, whatever its size, and every Acquire needs a text. */
const POOL_BYTES = 256 * TEXT_BYTES;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** 96 random bits in 16 characters: names a call, and makes ids hard to guess. */
export function randomText(): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const from = used;
  used += TEXT_BYTES;
  return pool.toString('base64url', from, used);
}
