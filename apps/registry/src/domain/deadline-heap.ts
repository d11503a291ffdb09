/** What a {@link DeadlineHeap} holds. `heapPosition` belongs to the heap; start with -1. */
export interface HeapItem {
  /** Log-clock milliseconds. */
  deadlineMs: number;
  /** Breaks ties, so that the order is the same on every replica. Unique within the heap. */
  readonly order: number;
  heapPosition: number;
}

/**
 * A binary heap by (deadline, order) in which every item knows its place, so that a renewal moves one item in O(log n) instead of leaving
 * a stale copy behind: with 10,000 leases renewed every few seconds, stale copies would outnumber the leases.
 *
 * Invariant: `items[item.heapPosition] === item` for every item in the heap, and -1 outside it.
 */
export class DeadlineHeap<Item extends HeapItem> {
  private readonly items: Item[] = [];

  get size(): number {
    return this.items.length;
  }

  /** The item that is due first, or undefined. */
  peek(): Item | undefined {
    return this.items[0];
  }

  add(item: Item): void {
    item.heapPosition = this.items.length;
    this.items.push(item);
    this.siftUp(item);
  }

  /** Moves an item that is in the heap to its new deadline. */
  reschedule(item: Item, deadlineMs: number): void {
    item.deadlineMs = deadlineMs;
    this.siftUp(item);
    this.siftDown(item);
  }

  remove(item: Item): void {
    const position = item.heapPosition;
    const last = this.items.pop();
    item.heapPosition = -1;
    if (last === undefined || last === item) return;
    this.place(last, position);
    this.siftUp(last);
    this.siftDown(last);
  }

  private siftUp(item: Item): void {
    while (item.heapPosition > 0) {
      const parent = this.items[(item.heapPosition - 1) >> 1];
      if (parent === undefined || !isBefore(item, parent)) return;
      this.swapWithParent(item, parent);
    }
  }

  private siftDown(item: Item): void {
    for (;;) {
      const left = this.items[2 * item.heapPosition + 1];
      const right = this.items[2 * item.heapPosition + 2];
      if (left === undefined) return;
      const first = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(first, item)) return;
      this.swapWithParent(first, item);
    }
  }

  private swapWithParent(child: Item, parent: Item): void {
    const position = child.heapPosition;
    this.place(child, parent.heapPosition);
    this.place(parent, position);
  }

  private place(item: Item, position: number): void {
    this.items[position] = item;
    item.heapPosition = position;
  }
}

function isBefore(a: HeapItem, b: HeapItem): boolean {
  return a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.order < b.order);
}
