/**
 * A queue of bounded length in which nobody is served after its time. First come, first served. Times are not watched here:
 * an item whose time is over keeps its place until it is cancelled.
 */
export class RequestQueue<T> {
  /** Items and when their time is over, in the caller's milliseconds. */
  private readonly deadlines = new Map<T, number>();

  private most: number;

  /** @param lengthMax from 0 */
  constructor(lengthMax: number) {
    this.most = lengthMax;
  }

  /** From now on so many may wait. Whoever waits beyond that goes on waiting. */
  resize(lengthMax: number): void {
    this.most = lengthMax;
  }

  /** Items that wait. */
  get size(): number {
    return this.deadlines.size;
  }

  /** Lets an item wait until `deadlineMs`. False when the queue is full. An item waits once only. */
  offer(item: T, deadlineMs: number): boolean {
    if (this.deadlines.size >= this.most) return false;
    this.deadlines.set(item, deadlineMs);
    return true;
  }

  /** Takes the first item out whose time is not over; those that it passes are left to {@link cancel}. */
  take(nowMs: number): T | undefined {
    for (const [item, deadlineMs] of this.deadlines) {
      if (deadlineMs <= nowMs) continue;
      this.deadlines.delete(item);
      return item;
    }
    return undefined;
  }

  /** Takes an item out. False when it does not wait. */
  cancel(item: T): boolean {
    return this.deadlines.delete(item);
  }
}
