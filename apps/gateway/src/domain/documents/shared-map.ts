/** Parts of a map. Of thousands of keys a change copies some dozens. */
const partsCount = 128;

/**
 * A map by text that shares with the one before what has not changed: a change of some keys costs their parts, and not all of it. Never changes.
 * Its order is no order.
 */
export class SharedMap<Value> {
  private constructor(
    private readonly parts: readonly (ReadonlyMap<string, Value> | undefined)[],
    readonly size: number,
  ) {}

  static of<Value>(entries: Iterable<readonly [key: string, value: Value]>): SharedMap<Value> {
    return new SharedMap<Value>([], 0).changed(entries);
  }

  get(key: string): Value | undefined {
    return this.parts[partOf(key)]?.get(key);
  }

  /** @param entries the keys that change, each once; without a value it goes. */
  changed(entries: Iterable<readonly [key: string, value: Value | undefined]>): SharedMap<Value> {
    const parts = Array.from({ length: partsCount }, (_, at) => this.parts[at]);
    const copies = new Map<number, Map<string, Value>>();
    let { size } = this;
    for (const [key, value] of entries) {
      const at = partOf(key);
      let copy = copies.get(at);
      if (copy === undefined) {
        copy = new Map(parts[at]);
        copies.set(at, copy);
        parts[at] = copy;
      }
      size -= copy.size;
      if (value === undefined) copy.delete(key);
      else copy.set(key, value);
      size += copy.size;
    }
    return new SharedMap(parts, size);
  }
}

/** FNV-1a (Fowler, Noll, Vo) of a key's code units. */
function partOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1)
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 16)) & (partsCount - 1);
}
