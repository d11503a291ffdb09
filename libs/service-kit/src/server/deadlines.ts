/** Something with a deadline. */
export interface Expirable {
  onDeadline(): void;
}

/** A deadline that was added, and where it stands. */
export interface Deadline {
  readonly item: Expirable;
  readonly bucket: Bucket;
  /** Its place in the bucket. */
  at: number;
}

/** Deadlines of the same 5 ms. */
interface Bucket {
  readonly number: number;
  readonly deadlines: Deadline[];
}

/** Width of a bucket in milliseconds: how late a deadline may be noticed. It is never noticed early. */
const bucketMs = 5;

/**
 * Deadlines of many calls with one timer.
 *
 * A timer a call is costly: each call has another duration, and Node keeps a list a duration. Here calls stand in
 * buckets of 5 ms, and one interval, which exists only while there are calls, empties the buckets that have passed.
 */
export class Deadlines {
  private readonly buckets = new Map<number, Bucket>();
  private timer: NodeJS.Timeout | undefined;
  private passed: number;

  constructor(private readonly nowMs: () => number) {
    this.passed = Math.floor(nowMs() / bucketMs);
  }

  /** Calls `onDeadline` once after `deadlineMs` of the given clock. Returns what {@link remove} wants back. */
  add(item: Expirable, deadlineMs: number): Deadline {
    const number = Math.max(Math.ceil(deadlineMs / bucketMs), this.passed + 1);
    let bucket = this.buckets.get(number);
    if (bucket === undefined) this.buckets.set(number, (bucket = { number, deadlines: [] }));
    const deadline = { item, bucket, at: bucket.deadlines.length };
    bucket.deadlines.push(deadline);
    if (this.timer === undefined) {
      this.passed = Math.min(number - 1, Math.floor(this.nowMs() / bucketMs));
      this.timer = setInterval(() => this.expire(), bucketMs);
    }
    return deadline;
  }

  /** Forgets a deadline. Without one, or with one that has passed or was removed, nothing happens. */
  remove(deadline: Deadline | undefined): void {
    if (deadline === undefined) return;
    const { bucket, at } = deadline;
    const { number, deadlines } = bucket;
    if (deadlines[at] !== deadline) return;
    // The last one takes its place. A set would keep the order, which nobody needs, at several times the price.
    const last = deadlines.pop();
    if (last !== undefined && last !== deadline) {
      deadlines[at] = last;
      last.at = at;
    }
    if (deadlines.length > 0) return;
    this.buckets.delete(number);
    this.stopWhenEmpty();
  }

  private expire(): void {
    const current = Math.floor(this.nowMs() / bucketMs);
    for (let number = this.passed + 1; number <= current; number += 1) {
      this.passed = number;
      const deadlines = this.buckets.get(number)?.deadlines ?? [];
      this.buckets.delete(number);
      // One that passes may remove others of its bucket.
      for (let next = deadlines.pop(); next !== undefined; next = deadlines.pop())
        next.item.onDeadline();
    }
    this.stopWhenEmpty();
  }

  private stopWhenEmpty(): void {
    if (this.buckets.size > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
