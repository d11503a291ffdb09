import type { CatchUp } from './catch-up';
import type { ClockReading } from './freshness';
import type { InflightWindow } from './inflight';
import type { LogIndex, ServerId } from './types';

/**
 * How the leader sends to one follower.
 *
 * - `probe`: where the logs agree is unknown; one message at a time until the follower accepts one.
 * - `replicate`: they agree up to matchIndex; messages are sent ahead without waiting, as far as the window allows.
 * - `snapshot`: the follower needs entries that were compacted; nothing is appended until the snapshot has arrived.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** What the leader knows about one other member (Raft figure 2: nextIndex and matchIndex, and what pipelining adds). */
export class Progress {
  state: ProgressState = 'probe';
  /** Everything up to here is on the follower's disk and equals our log. */
  matchIndex: LogIndex = 0;
  /** The next entry to send. Invariant: nextIndex > matchIndex. */
  nextIndex: LogIndex;
  /** In `snapshot`: the index of the snapshot that it was sent. */
  pendingSnapshotIndex: LogIndex = 0;
  /** The highest commit index that it was sent. */
  sentCommitIndex: LogIndex = 0;
  /** The newest heartbeat round that it answered. */
  acknowledgedRound = 0;
  /** The newest reading of its clock that has come. */
  reading: ClockReading | undefined;
  /** Its priority, once it has told. */
  priority: number | undefined;
  /** Since when it could take over: see priority.ts. */
  couldLeadSinceMs: number | undefined;
  /** In `probe`: a probe is under way. */
  private probeSent = false;
  /** Not 0: the process that answers is suspect (see suspicion.ts), and this is its run. */
  suspectRun = 0;
  /** A suspect run that counts all the same: it helped to elect this leader, as did every other voter. */
  countedRun = 0;
  /** An entry of this leader that was appended after it heard of the suspect run. */
  readmitIndex: LogIndex = 0;
  /** The heartbeat round in which the leader last learned whether the process is suspect. What answers an earlier one may come from an earlier process. */
  judgedAtRound = 0;
  /** Set for a member that is no voter: whether it could become one. */
  catchUp: CatchUp | undefined;
  /** It is no member any more, and is only told so; until then, once that is known. */
  departsAtMs = Infinity;
  private lastSentMs: number;
  private lastProgressMs: number;

  constructor(
    readonly id: ServerId,
    nextIndex: LogIndex,
    /** When it last answered anything in this term. */
    public lastContactMs: number,
    readonly inflight: InflightWindow,
  ) {
    this.nextIndex = nextIndex;
    this.lastSentMs = lastContactMs;
    this.lastProgressMs = lastContactMs;
  }

  /** True when no append may be sent now. */
  isPaused(): boolean {
    switch (this.state) {
      case 'probe':
        return this.probeSent;
      case 'replicate':
        return this.inflight.isFull();
      case 'snapshot':
        return true;
    }
  }

  /** True when its answers count towards quorums. */
  get counts(): boolean {
    return this.suspectRun === 0 || this.suspectRun === this.countedRun;
  }

  /** It was restarted and may have lost what it acknowledged: nothing that is known of it holds any longer. */
  becomeSuspect(run: number, nextIndex: LogIndex): void {
    this.suspectRun = run;
    this.readmitIndex = nextIndex;
    this.matchIndex = 0;
    this.sentCommitIndex = 0;
    this.acknowledgedRound = 0;
    this.state = 'probe';
    this.pendingSnapshotIndex = 0;
    this.probeSent = false;
    this.inflight.reset();
    this.nextIndex = nextIndex;
    this.catchUp?.reset(nextIndex, this.lastContactMs);
  }

  /** An append message that ends at `lastIndex` was sent. */
  sent(lastIndex: LogIndex, bytes: number, nowMs: number): void {
    this.lastSentMs = nowMs;
    if (this.state === 'probe') {
      this.probeSent = true;
      return;
    }
    if (this.inflight.count === 0) this.lastProgressMs = nowMs;
    this.nextIndex = lastIndex + 1;
    this.inflight.add(lastIndex, bytes);
  }

  /** Wait for a sign of life before the next probe. */
  pauseProbe(nowMs: number): void {
    this.probeSent = true;
    this.lastSentMs = nowMs;
  }

  /** The follower has everything up to here. @returns true when that is news. */
  matched(index: LogIndex, nowMs: number): boolean {
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    this.nextIndex = Math.max(this.nextIndex, index + 1);
    this.inflight.freeTo(index);
    this.lastProgressMs = nowMs;
    return true;
  }

  /**
   * The follower refused the message whose prevLogIndex was `refusedIndex`; its log may match up to `mayMatchIndex`.
   *
   * @returns false when the refusal is old news: of a message that was sent before the last change of mind.
   */
  refused(refusedIndex: LogIndex, mayMatchIndex: LogIndex): boolean {
    // Below the match index: late; or the follower lost what it had acknowledged, and asking again at once would never end.
    if (this.state === 'snapshot' || refusedIndex <= this.matchIndex) return false;
    if (this.state === 'replicate') {
      this.becomeProbe();
      return true;
    }
    if (refusedIndex !== this.nextIndex - 1) return false;
    const next = Math.min(refusedIndex, mayMatchIndex + 1);
    this.nextIndex = Math.max(next, this.matchIndex + 1);
    this.probeSent = false;
    return true;
  }

  becomeProbe(): void {
    this.nextIndex =
      this.state === 'snapshot'
        ? Math.max(this.matchIndex, this.pendingSnapshotIndex) + 1
        : this.matchIndex + 1;
    this.state = 'probe';
    this.pendingSnapshotIndex = 0;
    this.probeSent = false;
    this.inflight.reset();
  }

  becomeReplicate(nowMs: number): void {
    this.state = 'replicate';
    this.pendingSnapshotIndex = 0;
    this.probeSent = false;
    this.inflight.reset();
    this.nextIndex = this.matchIndex + 1;
    this.lastProgressMs = nowMs;
  }

  becomeSnapshot(snapshotIndex: LogIndex, nowMs: number): void {
    this.state = 'snapshot';
    this.pendingSnapshotIndex = snapshotIndex;
    this.probeSent = false;
    this.inflight.reset();
    this.lastSentMs = nowMs;
  }

  /**
   * The follower answers heartbeats and not what it was sent: messages were lost. Nothing else would ever tell, when nothing new is proposed
   * (hashicorp/raft #612 is a follower that stays wedged so).
   *
   * @returns true when something is to be sent again.
   */
  isStalled(nowMs: number, timeoutMs: number): boolean {
    switch (this.state) {
      case 'probe':
        return this.probeSent && nowMs - this.lastSentMs >= timeoutMs;
      case 'replicate':
        return this.inflight.count > 0 && nowMs - this.lastProgressMs >= timeoutMs;
      case 'snapshot':
        return nowMs - this.lastSentMs >= timeoutMs;
    }
  }

  /** Allows the next probe. */
  resumeProbe(): void {
    this.probeSent = false;
  }
}
