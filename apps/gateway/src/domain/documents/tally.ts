/** What is there at least once, when some go and others come: without a look at those that stay. Never changes. */
export class Tally<Item> {
  private constructor(private readonly counts: ReadonlyMap<Item, number>) {}

  static of<Item>(items: Iterable<Item>): Tally<Item> {
    return new Tally<Item>(new Map()).changed([], items);
  }

  /** @param removed of what is there, each as often as it goes. */
  changed(removed: Iterable<Item>, added: Iterable<Item>): Tally<Item> {
    const counts = new Map(this.counts);
    for (const item of added) counts.set(item, (counts.get(item) ?? 0) + 1);
    for (const item of removed) {
      const left = (counts.get(item) ?? 0) - 1;
      if (left > 0) counts.set(item, left);
      else counts.delete(item);
    }
    return new Tally(counts);
  }

  /** How many different ones there are. */
  get size(): number {
    return this.counts.size;
  }

  /** Each once. */
  items(): Iterable<Item> {
    return this.counts.keys();
  }
}
