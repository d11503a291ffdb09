import { invariant } from './invariants';
import type { HardState, LogIndex, ServerId, Term } from './types';

interface PendingWrite {
  readonly number: number;
  /** The last index that this write, and all before it, make durable; lowered when the log is cut meanwhile. */
  durableIndex: LogIndex;
  readonly currentTerm: Term;
  readonly votedFor: ServerId;
  readonly startedMs: number;
}

/**
 * What is on disk, as far as storage has told.
 *
 * Writes are asynchronous and complete in order. While one is under way the log may be cut and written anew at the same index, so "the write of
 * index 12 is done" says nothing about the entry that is at 12 now; not even "index 12, term 1 is done" does, because the same entry may have been
 * cut and appended again, with a write in between that replaces it (etcd-io/raft's `async_storage_writes_append_aba_race`). Therefore a
 * cut lowers the reach of every write that is under way: only a write that began after the cut can vouch for what is there now.
 */
export class Durability {
  /** Everything up to here is on disk and is what the log holds. */
  private stable: LogIndex;
  private durableTerm: Term;
  private durableVote: ServerId;
  private readonly pending: PendingWrite[] = [];
  private newestNumber = 0;

  constructor(stableIndex: LogIndex, hardState: HardState) {
    this.stable = stableIndex;
    this.durableTerm = hardState.currentTerm;
    this.durableVote = hardState.votedFor;
  }

  get stableIndex(): LogIndex {
    return this.stable;
  }

  /** True when a restart would find this term, and in it this vote. */
  holds(term: Term, votedFor: ServerId): boolean {
    return this.durableTerm === term && this.durableVote === votedFor;
  }

  /** True when a restart would find this term. */
  holdsTerm(term: Term): boolean {
    return this.durableTerm === term;
  }

  /** How long the oldest write has been under way, in milliseconds; 0 when there is none. */
  oldestWriteAgeMs(nowMs: number): number {
    const oldest = this.pending[0];
    return oldest === undefined ? 0 : nowMs - oldest.startedMs;
  }

  /** A write is handed to storage. @returns its number. */
  begin(durableIndex: LogIndex, currentTerm: Term, votedFor: ServerId, nowMs: number): number {
    this.newestNumber += 1;
    const number = this.newestNumber;
    this.pending.push({ number, durableIndex, currentTerm, votedFor, startedMs: nowMs });
    return number;
  }

  /** Storage has finished every write up to `number`. */
  complete(number: number): void {
    invariant(
      number <= this.newestNumber,
      `write ${number} is reported durable, the newest is ${this.newestNumber}`,
    );
    while (this.pending.length > 0 && (this.pending[0] as PendingWrite).number <= number) {
      const write = this.pending.shift() as PendingWrite;
      this.stable = Math.max(this.stable, write.durableIndex);
      this.durableTerm = write.currentTerm;
      this.durableVote = write.votedFor;
    }
  }

  /** The log was cut: what is under way, or was done, says nothing about indexes above `index` any more. */
  cutTo(index: LogIndex): void {
    this.stable = Math.min(this.stable, index);
    for (const write of this.pending) {
      write.durableIndex = Math.min(write.durableIndex, index);
    }
  }
}
