/*
 * How old the local state is
 *
 * A caller that can live with a state of two seconds ago need not ask anybody, if the replica knows that its state is no older. But what it hears says little about that: a heartbeat may have
 * been under way for a minute, and its leader may be deposed and not know it. "I heard a leader a moment ago" is no bound at all.
 *
 * The sketch needs no clocks that agree, and no bound on their drift:
 *
 *   1. Each answer to a heartbeat carries the follower's own clock, and the number of its run: a reading.
 *   2. When the leader begins a round it keeps, beside its commit index, the newest reading that it has got of everybody.
 *   3. When a quorum has answered the round, the leader was the leader when it began (read-index.ts): everything that was acknowledged before has an index up to that commit index. It says
 *      so with the next heartbeat, and returns the follower's reading.
 *   4. The round began after the reading was sent. So once the follower has applied that index, its state has everything that was acknowledged before its clock showed the reading.
 *
 * The run tells the clocks of two processes of one server apart. Late and repeated messages return old readings, which are true all the same. It costs two heartbeats and a round trip: the known age of an idle follower
 * is between two and three heartbeat intervals. The leader needs no reading: its rounds have its own time.
 */
import type { RaftState } from './state';
import type { LogIndex } from './types';

/** A server's monotonic clock when it sent something; comes back to it as it was. */
export interface ClockReading {
  /** Of the process whose clock it is. */
  readonly runId: number;
  readonly sentAtMs: number;
}

/** Returned to whom the reading is from: everything that was acknowledged before it has an index up to this one. */
export interface Freshness extends ClockReading {
  readonly index: LogIndex;
}

/** Points that are remembered while their index is not applied yet. */
const WAITING_MAX = 64;

/** What this server knows of the age of its state. */
export class FreshnessPoints {
  private reachedMs = -Infinity;
  /** Oldest first. */
  private points: { readonly asOfMs: number; readonly index: LogIndex }[] = [];

  /**
   * All that was acknowledged before `asOfMs` of the own clock has an index up to `index`.
   *
   * @param appliedIndex as far as the core knows: points before the newest one that is applied are not needed any more.
   */
  add(asOfMs: number, index: LogIndex, appliedIndex: LogIndex): void {
    const { points } = this;
    // When applying is far behind, the oldest ones are those that are reached first.
    if (points.length < WAITING_MAX) points.push({ asOfMs, index });
    while ((points[1]?.index ?? Infinity) <= appliedIndex) points.shift();
  }

  /**
   * The state has everything that was acknowledged before this time of the own clock; -Infinity when nothing is known.
   *
   * @param appliedIndex of the state machine itself: the core is ahead of it while a snapshot is being restored. The simulator found this.
   */
  asOfMs(appliedIndex: LogIndex): number {
    for (const { asOfMs, index } of this.points) {
      if (index <= appliedIndex) this.reachedMs = Math.max(this.reachedMs, asOfMs);
    }
    return this.reachedMs;
  }
}

/** The leader has returned a reading of ours, or of an earlier process, which is of no use. */
export function learnFreshness(state: RaftState, { runId, sentAtMs, index }: Freshness): void {
  if (runId !== state.runId) return;
  state.freshness.add(sentAtMs, index, state.log.appliedIndex);
}
