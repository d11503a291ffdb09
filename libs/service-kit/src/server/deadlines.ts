/** Something with a deadline. */
export interface Expirable {
  onDeadline(): void;
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
  private readonly buckets = new Map<number, Set<Expirable>>();
  private timer: NodeJS.Timeout | undefined;
  private passed: number;

  constructor(private readonly nowMs: () => number) {
    this.passed = Math.floor(nowMs() / bucketMs);
  }

  /** Calls `onDeadline` once after `deadlineMs` of the given clock. Returns what {@link remove} wants back. */
  add(item: Expirable, deadlineMs: number): number {
    const bucket = Math.max(Math.ceil(deadlineMs / bucketMs), this.passed + 1);
    let items = this.buckets.get(bucket);
    if (items === undefined) this.buckets.set(bucket, (items = new Set()));
    items.add(item);
    if (this.timer === undefined) {
      this.passed = Math.min(bucket - 1, Math.floor(this.nowMs() / bucketMs));
      this.timer = setInterval(() => this.expire(), bucketMs);
    }
    return bucket;
  }

  remove(item: Expirable, bucket: number): void {
    const items = this.buckets.get(bucket);
    if (items === undefined || !items.delete(item) || items.size > 0) return;
    this.buckets.delete(bucket);
    this.stopWhenEmpty();
  }

  private expire(): void {
    const current = Math.floor(this.nowMs() / bucketMs);
    for (let bucket = this.passed + 1; bucket <= current; bucket += 1) {
      this.passed = bucket;
      const items = this.buckets.get(bucket);
      if (items === undefined) continue;
      this.buckets.delete(bucket);
      for (const item of items) item.onDeadline();
    }
    this.stopWhenEmpty();
  }

  private stopWhenEmpty(): void {
    if (this.buckets.size > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
