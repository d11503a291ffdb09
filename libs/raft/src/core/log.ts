import { Durability } from './durability';
import { checkBounds, invariant } from './invariants';
import type { Entry, HardState, LogIndex, SnapshotMetadata, Term } from './types';

/** What an entry costs beside its payload, in memory and on the wire; an estimate that limits may use. */
const ENTRY_OVERHEAD_BYTES = 64;

/** About how many bytes an entry takes. */
export function entryBytes(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + entry.payload.length + entry.clientId.length;
}

/** The position before the first entry that is kept: entries up to here were compacted, or never were. */
export interface LogBase {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: number;
}

/**
 * The log of one server, in memory, and the positions in it (Raft §5.3):
 *
 *     base ≤ applied ≤ applying ≤ commit ≤ last        stable ≤ last
 *
 * `applying` has been handed to the state machine, `applied` is what it has confirmed; `stable` is on this server's disk and may lag behind or run
 * ahead of `commit`. `handed` (≤ last) has been given to storage to write.
 *
 * Never cut at or below commit. Entries are shared with messages and storage and are never changed.
 */
export class RaftLog {
  private entries: Entry[];
  private base: LogBase;
  private commit: LogIndex;
  private applying: LogIndex;
  private applied: LogIndex;
  private handed: LogIndex;
  readonly durability: Durability;

  constructor(
    base: LogBase,
    entries: readonly Entry[],
    writtenHardState: HardState,
    commitIndex: LogIndex,
    appliedIndex: LogIndex,
    writtenIndex: LogIndex,
  ) {
    this.base = base;
    this.entries = [];
    this.commit = base.index;
    this.handed = base.index;
    this.durability = new Durability(writtenIndex, writtenHardState);
    for (const entry of entries) this.append(entry);
    this.handed = writtenIndex;
    this.commit = commitIndex;
    this.applied = appliedIndex;
    this.applying = appliedIndex;
    this.check();
  }

  get firstIndex(): LogIndex {
    return this.base.index + 1;
  }

  get baseIndex(): LogIndex {
    return this.base.index;
  }

  get lastIndex(): LogIndex {
    return this.base.index + this.entries.length;
  }

  get lastTerm(): Term {
    return this.entries.at(-1)?.term ?? this.base.term;
  }

  /** The log clock of the last entry: where a new leader's clock begins. */
  get lastStampMs(): number {
    return this.entries.at(-1)?.stampMs ?? this.base.stampMs;
  }

  get commitIndex(): LogIndex {
    return this.commit;
  }

  get appliedIndex(): LogIndex {
    return this.applied;
  }

  get applyingIndex(): LogIndex {
    return this.applying;
  }

  get stableIndex(): LogIndex {
    return this.durability.stableIndex;
  }

  /** Undefined when it was compacted, is the base, or is beyond the end. */
  entryAt(index: LogIndex): Entry | undefined {
    return this.entries[index - this.base.index - 1];
  }

  /** Undefined when it was compacted or is beyond the end; the base's own term is known. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.base.index ? this.base.term : this.entryAt(index)?.term;
  }

  /** True when a log that ends so is at least as up to date as ours: the later last term wins, then the longer log (Raft §5.4.1). */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /**
   * The last index up to `from` whose term is at most `term`: where two logs may still agree when one has `term` there. Skips a whole wrong tail at
   * a time instead of one entry a round trip (the optimisation at the end of Raft §5.3).
   *
   * @returns the index and our term there; the base when everything above it was skipped.
   */
  lastIndexWithTermAtMost(from: LogIndex, term: Term): { index: LogIndex; term: Term } {
    let index = Math.min(from, this.lastIndex);
    while (index > this.base.index && (this.termAt(index) ?? 0) > term) index -= 1;
    return { index, term: this.termAt(index) ?? 0 };
  }

  /** Entries from `from` on, about `bytesMax` of them, at least one if there is one. */
  slice(from: LogIndex, bytesMax: number): { entries: readonly Entry[]; bytes: number } {
    const start = from - this.base.index - 1;
    invariant(start >= 0, () => `entry ${from} was compacted, the first is ${this.firstIndex}`);
    let end = start;
    let bytes = 0;
    while (end < this.entries.length) {
      const size = entryBytes(this.entries[end] as Entry);
      if (end > start && bytes + size > bytesMax) break;
      bytes += size;
      end += 1;
    }
    return { entries: this.entries.slice(start, end), bytes };
  }

  /** The index behind which the entries up to `to` take at most so many bytes. */
  indexBefore(to: LogIndex, bytesMax: number): LogIndex {
    let index = to;
    if (bytesMax === Infinity) return this.base.index;
    for (let bytes = 0; index > this.base.index; index -= 1) {
      bytes += entryBytes(this.entries[index - this.base.index - 1] as Entry);
      if (bytes > bytesMax) break;
    }
    return index;
  }

  /** Adds one entry at the end. */
  append(entry: Entry): void {
    invariant(
      entry.index === this.lastIndex + 1 && Number.isSafeInteger(entry.index),
      () => `entry ${entry.index} does not follow the last one, ${this.lastIndex}`,
    );
    invariant(
      entry.term >= this.lastTerm && Number.isSafeInteger(entry.term),
      () => `entry ${entry.index} has term ${entry.term}, the one before it ${this.lastTerm}`,
    );
    invariant(
      entry.stampMs >= this.lastStampMs,
      () => `entry ${entry.index} is stamped ${entry.stampMs}, before ${this.lastStampMs}`,
    );
    this.entries.push(entry);
  }

  /** Removes everything from `index` on: it conflicts with the leader's log (Raft §5.3). */
  truncateFrom(index: LogIndex): void {
    invariant(
      index > this.commit,
      () => `cannot cut the log at ${index}: it is committed up to ${this.commit}`,
    );
    this.entries.length = index - this.base.index - 1;
    this.handed = Math.min(this.handed, index - 1);
    this.durability.cutTo(index - 1);
  }

  /** Moves the commit index forward; an older one is ignored, because messages are reordered. */
  commitTo(index: LogIndex): boolean {
    if (index <= this.commit) return false;
    invariant(
      index <= this.lastIndex,
      () => `cannot commit ${index}: the log ends at ${this.lastIndex}; was it lost or cut?`,
    );
    this.commit = index;
    return true;
  }

  hasUnapplied(): boolean {
    return this.applying < this.commit;
  }

  /** Committed entries that the state machine has not been given yet; it has them from now on. */
  takeUnapplied(): readonly Entry[] {
    const from = this.applying - this.base.index;
    const entries = this.entries.slice(from, this.commit - this.base.index);
    this.applying = this.commit;
    return entries;
  }

  /** The state machine has applied everything up to here; an older report is ignored, a snapshot may have overtaken it. */
  appliedTo(index: LogIndex): void {
    invariant(
      index <= this.applying,
      () => `${index} is reported applied, only ${this.applying} was handed out`,
    );
    this.applied = Math.max(this.applied, index);
  }

  hasUnwritten(): boolean {
    return this.handed < this.lastIndex;
  }

  /** Entries that storage has not been given yet; it has them from now on. */
  takeUnwritten(): readonly Entry[] {
    const entries = this.entries.slice(this.handed - this.base.index);
    this.handed = this.lastIndex;
    return entries;
  }

  /** Drops entries up to and including `index`, which a durable snapshot stands for. */
  compactTo(index: LogIndex): void {
    if (index <= this.base.index) return;
    invariant(
      index <= this.applied && index <= this.handed,
      () => `cannot compact up to ${index}: applied ${this.applied}, written ${this.handed}`,
    );
    const last = this.entryAt(index) as Entry;
    this.entries = this.entries.slice(index - this.base.index);
    this.base = { index, term: last.term, stampMs: last.stampMs };
  }

  /** A received snapshot replaces everything (Raft §7). */
  restore(snapshot: SnapshotMetadata): void {
    const index = snapshot.lastIncludedIndex;
    invariant(
      index > this.commit,
      () => `snapshot ${index} is older than what is committed, ${this.commit}`,
    );
    // What is on disk above our commit index may differ from what the snapshot stands for.
    this.durability.cutTo(this.commit);
    this.entries = [];
    this.base = { index, term: snapshot.lastIncludedTerm, stampMs: snapshot.stampMs };
    this.handed = index;
    this.commit = index;
    this.applying = index;
    this.applied = index;
  }

  /** Asserts the order of the positions. */
  check(): void {
    checkBounds({
      baseIndex: this.base.index,
      appliedIndex: this.applied,
      applyingIndex: this.applying,
      commitIndex: this.commit,
      lastIndex: this.lastIndex,
      stableIndex: this.stableIndex,
    });
  }
}
