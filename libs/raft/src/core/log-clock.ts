/*
 * The log clock
 *
 * The problem. Locks and registrations end when their owner has not renewed them for some time. All replicas have to agree on when that is, or
 * one of them believes that a lock is free while another says that it is held. And the time must not run out while the owner had no chance
 * to renew, which is exactly when things go wrong: during an election, while a leader hangs, after the whole group was switched off.
 *
 * Why the obvious answers fail.
 *   1. Each replica compares deadlines with its own clock: replicas differ, and their states diverge.
 *   2. The leader compares with its wall clock and puts the result into the log: NTP steps and operators move wall clocks by hours, and the next leader's
 *      clock is another one.
 *   3. The leader counts with its monotonic clock from the time it became leader: better, but a leader that was frozen for a minute (SIGSTOP, a
 *      virtual machine that migrates, a laptop lid) wakes up, sees that a minute has passed and ends every lease, though nobody could reach it
 *      meanwhile; and a deposed leader that does not know it yet ends leases that its successor has renewed (etcd #15247).
 *
 * The sketch. Time is what the log says. Every entry carries a stamp: milliseconds on a clock that belongs to the log, not to a machine. It
 * begins at 0 with the group and only the leader moves it:
 *   - A new leader begins at the stamp of the last entry in its log. The time between two leaders is lost: leases get longer, never shorter.
 *   - It advances with the leader's monotonic clock, but not beyond the time at which the leader sent the newest heartbeat round that a
 *     quorum has answered, plus one election timeout. So a leader that is cut off stops the clock, and does not catch up afterwards.
 *   - Between two observations it advances by at most one election timeout. A process that was frozen longer loses the rest; that also
 *     covers a group of one, whose quorum always answers.
 *   - It never goes backwards: stamps in a log never decrease, and a leader starts at its last one.
 *
 * What follows. If a lease was granted at stamp s for d milliseconds, then between the leader's appending the grant and an entry whose stamp is
 * s + d or more at least d milliseconds have passed on the monotonic clocks of the leaders of that time, of which at most an election timeout
 * went by unheard at a stretch. The log clock runs at most as fast as real time, up to the drift of crystals. It may run slower, so
 * that a dead owner's lock is freed later than promised, after failovers: safety is bought with that.
 *
 * Further reading: etcd's lessor checkpoints (remaining time is written to the log for the same reason), and the dissertation's §6.3 on letting the log
 * decide when client sessions end.
 */

/** The leader's hand on the log clock, for one term. */
export class LogClock {
  private valueMs: number;
  private observedMs: number;
  /** The clock does not pass beyond this time of the leader's monotonic clock. */
  private boundMs: number;

  /**
   * @param startMs the stamp of the last entry in the new leader's log.
   * @param nowMs the leader's monotonic clock; a quorum has just voted, which counts as an answer.
   * @param stretchMaxMs one election timeout: the longest stretch that may go by unheard.
   */
  constructor(
    startMs: number,
    nowMs: number,
    private readonly stretchMaxMs: number,
  ) {
    this.valueMs = startMs;
    this.observedMs = nowMs;
    this.boundMs = nowMs + stretchMaxMs;
  }

  /** A quorum has answered the round that was sent at `sentAtMs`. What counts is when it was sent: the answers may have been under way for long. */
  quorumAnswered(sentAtMs: number): void {
    this.boundMs = Math.max(this.boundMs, sentAtMs + this.stretchMaxMs);
  }

  /** What the clock would show; changes nothing. */
  read(nowMs: number): number {
    const passedMs = Math.min(nowMs, this.boundMs) - this.observedMs;
    return this.valueMs + Math.min(Math.max(passedMs, 0), this.stretchMaxMs);
  }

  /** Lets time pass up to now. To be called with every input, so that a gap means that this process did not run. */
  observe(nowMs: number): void {
    this.valueMs = this.read(nowMs);
    this.observedMs = Math.max(this.observedMs, nowMs);
  }

  /** The stamp for an entry that is appended now: whole milliseconds, not below its predecessor's. */
  stamp(nowMs: number, predecessorMs: number): number {
    this.observe(nowMs);
    return Math.max(Math.floor(this.valueMs), predecessorMs);
  }
}
