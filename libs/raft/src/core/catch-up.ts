import type { LogIndex } from './types';

/**
 * Whether a learner has caught up, so that making it a voter does not hold up commits (dissertation §4.2.1).
 *
 * Replication to it is cut into rounds: a round is over when it has everything that was in the leader's log when the round began. What was appended meanwhile is the
 * next round. A round that took no longer than an election timeout leaves so little to send that the group would not stand still longer than for an election. The
 * dissertation gives up after ten rounds; here a learner that is too slow just stays a learner, and the status shows how far behind it is.
 */
export class CatchUp {
  private caughtUp = false;
  private targetIndex: LogIndex;
  private startedMs: number;
  private running = true;

  constructor(
    lastIndex: LogIndex,
    nowMs: number,
    /** One election timeout. */
    private readonly roundMaxMs: number,
  ) {
    this.targetIndex = lastIndex;
    this.startedMs = nowMs;
  }

  /** True when the last round was short enough. */
  get isCaughtUp(): boolean {
    return this.caughtUp;
  }

  /** The learner has everything up to `matchIndex`, the leader up to `lastIndex`. */
  observe(matchIndex: LogIndex, lastIndex: LogIndex, nowMs: number): void {
    if (this.running && matchIndex >= this.targetIndex) {
      this.running = false;
      this.caughtUp = nowMs - this.startedMs <= this.roundMaxMs;
    }
    if (matchIndex >= lastIndex) this.caughtUp = true;
    else if (!this.running) {
      this.running = true;
      this.targetIndex = lastIndex;
      this.startedMs = nowMs;
    }
  }

  /** It was restarted and may have lost what it acknowledged. */
  reset(lastIndex: LogIndex, nowMs: number): void {
    this.caughtUp = false;
    this.running = true;
    this.targetIndex = lastIndex;
    this.startedMs = nowMs;
  }
}
