/**
 * Remembers the newest fencing token of locks that are free, so that tokens grow for as long as the state lives.
 *
 * The problem: names are chosen by callers, so remembering every name for ever is unbounded, and forgetting a name would let its next
 * token start again. The answer: beyond `namesMax`, the oldest names are forgotten and the largest forgotten token becomes the `floor`.
 * A name that is not remembered counts as if its newest token were the floor: that is never too small, so the next token of every lock,
 * forgotten or new, is larger than all its earlier ones. The price is that, once something was forgotten, a lock that was never granted
 * reads as `floor` and not as 0.
 */
export class TokenMemory {
  private readonly tokens = new Map<string, number>();
  private floorToken = 0;

  /** @param namesMax How many names are remembered one by one. */
  constructor(private readonly namesMax: number) {}

  /** The largest token that belonged to a forgotten name; 0 when none was forgotten. */
  get floor(): number {
    return this.floorToken;
  }

  get size(): number {
    return this.tokens.size;
  }

  /** The newest token of a free lock; for a name that is not remembered, the floor. */
  newestOf(name: string): number {
    return this.tokens.get(name) ?? this.floorToken;
  }

  /** Notes that a lock is free again. */
  remember(name: string, token: number): void {
    this.tokens.delete(name);
    this.tokens.set(name, token);
    // Several at a time: finding the oldest key of a Map costs a walk over the keys deleted before it.
    if (this.tokens.size >= this.namesMax + Math.ceil(this.namesMax / 16)) this.forgetOldest();
  }

  /** Yields the newest token of a lock that is being granted, and leaves the name to the holder's record. */
  take(name: string): number {
    const token = this.newestOf(name);
    this.tokens.delete(name);
    return token;
  }

  /** Remembered names, oldest first. */
  entries(): Iterable<[string, number]> {
    return this.tokens.entries();
  }

  /** Replaces everything by what a snapshot says. */
  restore(floor: number, entries: Iterable<[string, number]>): void {
    this.floorToken = floor;
    this.tokens.clear();
    for (const [name, token] of entries) this.tokens.set(name, token);
  }

  private forgetOldest(): void {
    for (const [name, token] of this.tokens) {
      if (this.tokens.size <= this.namesMax) return;
      this.floorToken = Math.max(this.floorToken, token);
      this.tokens.delete(name);
    }
  }
}
