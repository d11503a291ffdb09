/** Parts of a window: what is counted leaves it in steps of a tenth. */
const bucketsOfWindow = 10;

/**
 * Two counts over the last `windowMs`, such as calls and failures.
 *
 * The window moves in steps of a tenth of it, so that noting costs a few additions and no memory grows. It covers between
 * nine tenths and all of `windowMs`. A clock that goes back counts as one that stands still.
 */
export class RollingCounts {
  private readonly first = new Float64Array(bucketsOfWindow);
  private readonly second = new Float64Array(bucketsOfWindow);
  private readonly bucketMs: number;
  private bucket = 0;
  private index = 0;
  /** When the bucket that is filled now ends. */
  private endMs: number;
  private firstSum = 0;
  private secondSum = 0;

  /** @param windowMs from 1 */
  constructor(windowMs: number) {
    this.bucketMs = windowMs / bucketsOfWindow;
    this.endMs = this.bucketMs;
  }

  /** Notes so many of each at `nowMs`. */
  add(first: number, second: number, nowMs: number): void {
    if (nowMs >= this.endMs) this.advance(nowMs);
    const { index } = this;
    this.first[index] = (this.first[index] ?? 0) + first;
    this.firstSum += first;
    if (second === 0) return;
    this.second[index] = (this.second[index] ?? 0) + second;
    this.secondSum += second;
  }

  /** The first count at `nowMs`. */
  firstTotal(nowMs: number): number {
    if (nowMs >= this.endMs) this.advance(nowMs);
    return this.firstSum;
  }

  /** The second count at `nowMs`. */
  secondTotal(nowMs: number): number {
    if (nowMs >= this.endMs) this.advance(nowMs);
    return this.secondSum;
  }

  /** Forgets everything. */
  clear(): void {
    this.first.fill(0);
    this.second.fill(0);
    this.firstSum = 0;
    this.secondSum = 0;
  }

  private advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.bucketMs);
    // Beyond a whole window nothing is left to be taken off one by one.
    if (bucket - this.bucket >= bucketsOfWindow) this.clear();
    else for (let old = this.bucket + 1; old <= bucket; old += 1) this.drop(old % bucketsOfWindow);
    this.bucket = bucket;
    this.index = bucket % bucketsOfWindow;
    this.endMs = (bucket + 1) * this.bucketMs;
  }

  private drop(index: number): void {
    this.firstSum -= this.first[index] ?? 0;
    this.secondSum -= this.second[index] ?? 0;
    this.first[index] = 0;
    this.second[index] = 0;
  }
}
