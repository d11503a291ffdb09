interface Scheduled {
  readonly atMs: number;
  /** Events of one moment run in the order in which they were scheduled. */
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen when, in virtual time: a binary heap, so that a simulation of many thousand events stays fast. */
export class EventQueue {
  private readonly heap: Scheduled[] = [];
  private scheduled = 0;
  private time = 0;

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.time;
  }

  get size(): number {
    return this.heap.length;
  }

  /** Runs `run` when `delayMs` have passed. */
  after(delayMs: number, run: () => void): void {
    this.scheduled += 1;
    this.heap.push({ atMs: this.time + Math.max(0, delayMs), order: this.scheduled, run });
    this.siftUp(this.heap.length - 1);
  }

  /** Runs the next event, unless it lies beyond `untilMs`. @returns false when nothing was run. */
  runNext(untilMs: number): boolean {
    const next = this.heap[0];
    if (next === undefined || next.atMs > untilMs) return false;
    const last = this.heap.pop() as Scheduled;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.siftDown();
    }
    this.time = next.atMs;
    next.run();
    return true;
  }

  /** Runs everything up to `untilMs`, at which time it then is. */
  runUntil(untilMs: number): void {
    while (this.runNext(untilMs));
    this.time = Math.max(this.time, untilMs);
  }

  private isBefore(left: number, right: number): boolean {
    const a = this.heap[left] as Scheduled;
    const b = this.heap[right] as Scheduled;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  private swap(left: number, right: number): void {
    const item = this.heap[left] as Scheduled;
    this.heap[left] = this.heap[right] as Scheduled;
    this.heap[right] = item;
  }

  private siftUp(start: number): void {
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      child = parent;
    }
  }

  private siftDown(): void {
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let least = parent;
      if (left < this.heap.length && this.isBefore(left, least)) least = left;
      if (right < this.heap.length && this.isBefore(right, least)) least = right;
      if (least === parent) return;
      this.swap(parent, least);
      parent = least;
    }
  }
}
