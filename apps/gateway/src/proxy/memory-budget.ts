/** Counts the bytes that the whole process holds for its calls, and says when they are too many. */
export class MemoryBudget {
  private used = 0;

  constructor(readonly bytesMax: number) {}

  /** Bytes held now. */
  get usedBytes(): number {
    return this.used;
  }

  /** While true, no new call is taken. */
  get isExhausted(): boolean {
    return this.used >= this.bytesMax;
  }

  /** Notes bytes that came (positive) or left (negative). */
  add(bytes: number): void {
    this.used += bytes;
  }
}
