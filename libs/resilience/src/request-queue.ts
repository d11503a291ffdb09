/** A queue of bounded length in which nobody waits longer than its time. First come, first served. */
export class RequestQueue<T> {
  /** Items and when their time is over, in the caller's milliseconds. */
  private readonly deadlines = new Map<T, number>();
  /** No item's time is over before; may be too early, never too late. */
  private earliestMs = Infinity;

  /** @param lengthMax from 0 */
  constructor(readonly lengthMax: number) {}

  /** Items that wait. */
  get size(): number {
    return this.deadlines.size;
  }

  /** When {@link expire} should be called next; Infinity when nobody waits. */
  get nextDeadlineMs(): number {
    return this.deadlines.size === 0 ? Infinity : this.earliestMs;
  }

  /** Lets an item wait until `deadlineMs`. False when the queue is full. An item waits once only. */
  offer(item: T, deadlineMs: number): boolean {
    if (this.deadlines.size >= this.lengthMax) return false;
    this.deadlines.set(item, deadlineMs);
    if (deadlineMs < this.earliestMs) this.earliestMs = deadlineMs;
    return true;
  }

  /** Takes the first item out whose time is not over; those that it passes are left to {@link expire}. */
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

  /** Takes out all whose time is over. */
  expire(nowMs: number): T[] {
    if (nowMs < this.nextDeadlineMs) return [];
    const expired: T[] = [];
    this.earliestMs = Infinity;
    for (const [item, deadlineMs] of this.deadlines) {
      if (deadlineMs <= nowMs) {
        this.deadlines.delete(item);
        expired.push(item);
      } else if (deadlineMs < this.earliestMs) this.earliestMs = deadlineMs;
    }
    return expired;
  }
}
