// Where keys and endpoints lie: every gateway, and everybody who wants to know which endpoint a key has, comes to the same numbers.

/**
 * Hash of a text, 0 to 2³² − 1: FNV-1a over its characters, one byte each (two for those above U+00FF), as header values
 * are on the wire; then mixed. Another seed gives an unrelated hash.
 */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return mix(hash);
}

/** Spreads a number over 0 to 2³² − 1, each bit over all. Source: the finalizer of MurmurHash3 (32 bits). */
export function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Two hashes of one key: that both are those of another key does not happen, while one alone does among many thousands. */
export function hashPair(key: string): readonly [number, number] {
  return [hashText(key), hashText(key, secondSeed)];
}

const secondSeed = 0x9e3779b9;
