/** Something that ends at a moment of the log clock. The heap owns `heapIndex`. */
export interface Expirable {
  /** When it ends, in milliseconds of the log clock. Change it only through {@link DeadlineHeap.reschedule}. */
  deadlineMs: number;
  /** Unique within one heap; breaks ties, so that the order of expiry never depends on the heap's layout. */
  readonly order: number;
  /** Where the item is in its heap; -1 when it is in none. */
  heapIndex: number;
}

/**
 * A binary heap of deadlines whose items know their place, so that renewing and removing cost O(log n) and leave nothing stale behind.
 *
 * Two replicas may hold the same items in different layouts (one grew them, the other restored them from a snapshot): the total order
 * (deadline, order) makes both yield them in the same sequence.
 */
export class DeadlineHeap<Item extends Expirable> {
  private readonly items: Item[] = [];

  get size(): number {
    return this.items.length;
  }

  /** The item that ends first, or undefined when there is none. */
  peek(): Item | undefined {
    return this.items[0];
  }

  add(item: Item): void {
    item.heapIndex = this.items.length;
    this.items.push(item);
    this.siftUp(item);
  }

  /** Gives an item of this heap a new deadline. */
  reschedule(item: Item, deadlineMs: number): void {
    item.deadlineMs = deadlineMs;
    this.siftUp(item);
    this.siftDown(item);
  }

  /** Takes an item out; does nothing when it is in no heap. */
  remove(item: Item): void {
    const hole = item.heapIndex;
    if (hole < 0) return;
    item.heapIndex = -1;
    const last = this.items.pop();
    if (last === undefined || last === item) return;
    last.heapIndex = hole;
    this.items[hole] = last;
    this.siftUp(last);
    this.siftDown(last);
  }

  /** Yields the items whose deadline is at or before nowMs, earliest first, and takes them out. */
  takeDue(nowMs: number): Item[] {
    const due: Item[] = [];
    for (let first = this.peek(); first !== undefined; first = this.peek()) {
      if (first.deadlineMs > nowMs) break;
      this.remove(first);
      due.push(first);
    }
    return due;
  }

  private siftUp(item: Item): void {
    while (item.heapIndex > 0) {
      const parent = this.items[(item.heapIndex - 1) >> 1];
      if (parent === undefined || !endsBefore(item, parent)) return;
      this.swap(item, parent);
    }
  }

  private siftDown(item: Item): void {
    for (;;) {
      const left = this.items[2 * item.heapIndex + 1];
      const right = this.items[2 * item.heapIndex + 2];
      let first = item;
      if (left !== undefined && endsBefore(left, first)) first = left;
      if (right !== undefined && endsBefore(right, first)) first = right;
      if (first === item) return;
      this.swap(item, first);
    }
  }

  private swap(one: Item, other: Item): void {
    const index = one.heapIndex;
    one.heapIndex = other.heapIndex;
    other.heapIndex = index;
    this.items[one.heapIndex] = one;
    this.items[other.heapIndex] = other;
  }
}

function endsBefore(one: Expirable, other: Expirable): boolean {
  return one.deadlineMs === other.deadlineMs
    ? one.order < other.order
    : one.deadlineMs < other.deadlineMs;
}
