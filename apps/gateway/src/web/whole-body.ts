const nothing = Buffer.alloc(0);

/** A body that has to be complete before anything is done with it. Many small pieces cost twice their bytes and no more. */
export class WholeBody {
  private buffer: Buffer = nothing;
  private used = 0;

  get byteLength(): number {
    return this.used;
  }

  push(chunk: Uint8Array): void {
    const needed = this.used + chunk.length;
    if (needed > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, this.used);
      this.buffer = larger;
    }
    this.buffer.set(chunk, this.used);
    this.used = needed;
  }

  /** All of it, which is not kept any longer. */
  take(): Buffer {
    const bytes = this.buffer.subarray(0, this.used);
    this.buffer = nothing;
    this.used = 0;
    return bytes;
  }
}
