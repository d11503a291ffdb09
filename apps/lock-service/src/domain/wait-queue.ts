/** An element of a {@link WaitQueue}, which owns both links. */
export interface Queued<Item> {
  previous: Item | undefined;
  next: Item | undefined;
}

/** A FIFO queue from whose middle an element leaves in constant time: a doubly linked list through its own elements. */
export class WaitQueue<Item extends Queued<Item>> implements Iterable<Item> {
  private first: Item | undefined;
  private last: Item | undefined;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The element that is next. */
  get head(): Item | undefined {
    return this.first;
  }

  push(item: Item): void {
    item.previous = this.last;
    item.next = undefined;
    if (this.last === undefined) this.first = item;
    else this.last.next = item;
    this.last = item;
    this.count += 1;
  }

  /** Takes an element of this queue out. */
  remove(item: Item): void {
    if (item.previous === undefined) this.first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.count -= 1;
  }

  /** The place of an element, 1 being next; O(its place). */
  positionOf(item: Item): number {
    let position = 0;
    for (const queued of this) {
      position += 1;
      if (queued === item) return position;
    }
    return 0;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let item = this.first; item !== undefined; item = item.next) yield item;
  }
}
