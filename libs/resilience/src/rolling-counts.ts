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
  private firstSum = 0;
  private secondSum = 0;

  /** @param windowMs from 1 */
  constructor(readonly windowMs: number) {
    this.bucketMs = windowMs / bucketsOfWindow;
  }

  /** Notes so many of each at `nowMs`. */
  add(first: number, second: number, nowMs: number): void {
    this.advance(nowMs);
    const index = this.bucket % bucketsOfWindow;
    this.first[index] = (this.first[index] ?? 0) + first;
    this.second[index] = (this.second[index] ?? 0) + second;
    this.firstSum += first;
    this.secondSum += second;
  }

  /** The first count at `nowMs`. */
  firstTotal(nowMs: number): number {
    this.advance(nowMs);
    return this.firstSum;
  }

  /** The second count at `nowMs`. */
  secondTotal(nowMs: number): number {
    this.advance(nowMs);
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
    if (bucket <= this.bucket) return;
    if (bucket - this.bucket >= bucketsOfWindow) this.clear();
    else {
      for (let old = this.bucket + 1; old <= bucket; old += 1) {
        const index = old % bucketsOfWindow;
        this.firstSum -= this.first[index] ?? 0;
        this.secondSum -= this.second[index] ?? 0;
        this.first[index] = 0;
        this.second[index] = 0;
      }
    }
    this.bucket = bucket;
  }
}
