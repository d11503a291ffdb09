const closedKept = 128;
const resetKept = 1024;

/**
 * The streams that ended last. What arrives for a stream that is gone means different things: after our own reset it is on the way still and is
 * let pass (RFC 9113 §5.4.2), after an orderly end it is an error (§5.1). Only the last ones are kept: an unbounded memory of streams would be a
 * leak, and a peer is not late for ever.
 */
export class ClosedStreams {
  private readonly closed = new Uint32Array(closedKept);
  private closedCount = 0;
  private reset: Uint32Array | undefined;
  private resetCount = 0;

  /** Notes a stream that ended. @param byUs whether we reset it */
  add(streamId: number, byUs: boolean): void {
    this.closed[this.closedCount++ % closedKept] = streamId;
    if (!byUs) return;
    this.reset ??= new Uint32Array(resetKept);
    this.reset[this.resetCount++ % resetKept] = streamId;
  }

  /** Whether it ended lately, in any way. */
  isKnown(streamId: number): boolean {
    return this.closed.includes(streamId);
  }

  /** Whether we reset it lately. */
  wasResetByUs(streamId: number): boolean {
    return this.reset?.includes(streamId) ?? false;
  }
}
