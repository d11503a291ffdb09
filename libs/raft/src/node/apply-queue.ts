import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import type { Checkpoint, Entry, LogIndex, SnapshotMetadata, Term } from '../core';
import type { PendingProposals } from './pending-proposals';

/** How many entries are applied between two looks at the clock. */
const ENTRIES_BETWEEN_CHECKS = 32;

/** What the state machine stands for. */
export interface AppliedPosition {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: number;
}

/**
 * Committed entries on their way into the state machine. Applying is synchronous, and given up to the event loop when it takes long, so that
 * heartbeats go on while a follower catches up or a restart replays its log.
 */
export class ApplyQueue<Result> {
  private entries: readonly Entry[] = [];
  private next = 0;
  private later: (readonly Entry[])[] = [];
  private current: AppliedPosition = { index: 0, term: 0, stampMs: 0 };
  private bytes = 0;

  constructor(
    private readonly stateMachine: DeduplicatedStateMachine<Result>,
    private readonly proposals: PendingProposals<Result>,
    private readonly onEntry: (entry: Entry) => void,
  ) {}

  get position(): AppliedPosition {
    return this.current;
  }

  get isEmpty(): boolean {
    return this.next >= this.entries.length && this.later.length === 0;
  }

  get waitingEntries(): number {
    let count = this.entries.length - this.next;
    for (const entries of this.later) count += entries.length;
    return count;
  }

  /** Bytes of commands applied since {@link resetBytes}. */
  get appliedBytes(): number {
    return this.bytes;
  }

  resetBytes(): void {
    this.bytes = 0;
  }

  add(entries: readonly Entry[]): void {
    if (entries.length > 0) this.later.push(entries);
  }

  /** A snapshot takes the place of everything before it. */
  restore(snapshot: SnapshotMetadata, data: Uint8Array): void {
    this.stateMachine.restore(data);
    this.entries = [];
    this.next = 0;
    this.later = [];
    this.bytes = 0;
    this.current = {
      index: snapshot.lastIncludedIndex,
      term: snapshot.lastIncludedTerm,
      stampMs: snapshot.stampMs,
    };
  }

  /**
   * Applies entries for about a budget of milliseconds.
   *
   * @returns how many were applied.
   */
  run(budgetMs: number): number {
    if (this.isEmpty) return 0;
    const endMs = performance.now() + budgetMs;
    let applied = 0;
    for (let entry = this.take(); entry !== undefined; entry = this.take()) {
      this.apply(entry);
      applied += 1;
      if (applied % ENTRIES_BETWEEN_CHECKS === 0 && performance.now() >= endMs) break;
    }
    return applied;
  }

  /** What the state machine answered at the indexes that replicas compare, since the last call. */
  takeCheckpoints(): readonly Checkpoint[] {
    return this.stateMachine.takeCheckpoints();
  }

  private take(): Entry | undefined {
    while (this.next >= this.entries.length) {
      const entries = this.later.shift();
      if (entries === undefined) return undefined;
      this.entries = entries;
      this.next = 0;
    }
    const entry = this.entries[this.next];
    this.next += 1;
    return entry;
  }

  private apply(entry: Entry): void {
    const result = this.stateMachine.apply(entry);
    this.current = { index: entry.index, term: entry.term, stampMs: entry.stampMs };
    this.bytes += entry.payload.length;
    this.proposals.onApplied(entry, result);
    this.onEntry(entry);
  }
}
