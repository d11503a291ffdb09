import type { Recovered } from '@raftway/raft';
import type { HardState, Persist, ServerId, Term } from '@raftway/raft/core';
import { SafetyViolation } from './violation';

const blank: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };

/**
 * What one server's storage has said is durable. A restart must find it again, whatever was done to the disk; unless a batch has rotted, which storage must notice.
 */
export class StoragePromises {
  private hardState = blank;
  private terms: Term[] = [];
  private logStart = 1;
  private snapshotIndex = 0;
  /** Terms of entries that rot has taken from this disk, and that it may have acknowledged before. */
  private lost = new Map<number, Term>();

  constructor(private readonly id: ServerId) {}

  /** A write is done. */
  persisted(batch: Persist): void {
    this.hardState = batch.hardState ?? this.hardState;
    if (batch.snapshot !== undefined) {
      this.terms = [];
      this.logStart = batch.snapshot.lastIncludedIndex + 1;
    }
    const first = batch.entries[0];
    if (first === undefined) return;
    this.terms.length = Math.max(0, first.index - this.logStart);
    for (const entry of batch.entries) {
      if (entry.index >= this.logStart) this.terms.push(entry.term);
    }
  }

  snapshotSaved(index: number): void {
    this.snapshotIndex = Math.max(this.snapshotIndex, index);
  }

  /** Compares with what a restart has found, which counts from now on. @throws SafetyViolation when something is missing. */
  recovered(found: Recovered): void {
    if (found.suspectTail === undefined) this.requireAll(found);
    else this.rememberLost();
    this.hardState = found.hardState;
    this.snapshotIndex = found.snapshot?.lastIncludedIndex ?? 0;
    this.logStart = found.entries[0]?.index ?? this.snapshotIndex + 1;
    this.terms = found.entries.map(({ term }) => term);
  }

  /** The group has brought this server up to date: it holds what it has, and nothing else. */
  trusted(): void {
    this.lost.clear();
  }

  /** Term and vote that a restart would find. */
  durableVote(): { readonly term: Term; readonly votedFor: ServerId } {
    return { term: this.hardState.currentTerm, votedFor: this.hardState.votedFor };
  }

  /** True unless it is certain that this disk has no vote for `candidate` in `term`. */
  mayHaveVoted(term: Term, candidate: ServerId): boolean {
    const { currentTerm, votedFor } = this.hardState;
    // What has rotted may have held the vote; what came in a later term has replaced it.
    if (this.lost.size > 0 || currentTerm > term) return true;
    return currentTerm === term && votedFor === candidate;
  }

  /** True when the entry is on this disk, or in its snapshot, or was there until it rotted. */
  holds(index: number, term: Term): boolean {
    return this.termAt(index) === term || this.covers(index) || this.lost.get(index) === term;
  }

  /** True when something is on this disk for the index. */
  has(index: number): boolean {
    return this.termAt(index) !== undefined || this.covers(index);
  }

  private covers(index: number): boolean {
    return index <= this.snapshotIndex;
  }

  private termAt(index: number): Term | undefined {
    return this.terms[index - this.logStart];
  }

  private rememberLost(): void {
    this.terms.forEach((term, offset) => this.lost.set(this.logStart + offset, term));
  }

  private requireAll(found: Recovered): void {
    const { currentTerm, votedFor } = this.hardState;
    const now = found.hardState;
    const keepsVote =
      now.currentTerm > currentTerm ||
      (now.currentTerm === currentTerm && (votedFor === 0 || now.votedFor === votedFor));
    const snapshotIndex = found.snapshot?.lastIncludedIndex ?? 0;
    if (!keepsVote || snapshotIndex < this.snapshotIndex) {
      throw this.violation(
        `term ${currentTerm}, vote ${votedFor} and snapshot ${this.snapshotIndex}`,
        `term ${now.currentTerm}, vote ${now.votedFor} and snapshot ${snapshotIndex}`,
      );
    }
    const start = found.entries[0]?.index ?? 0;
    // A write that nobody was told of may have replaced entries of earlier terms.
    const lastTerm = Math.max(
      found.entries.at(-1)?.term ?? 0,
      found.snapshot?.lastIncludedTerm ?? 0,
    );
    this.terms.forEach((term, offset) => {
      const index = this.logStart + offset;
      const there = found.entries[index - start]?.term;
      if (index <= snapshotIndex || there === term || lastTerm > term) return;
      throw this.violation(`entry ${index} of term ${term}`, `term ${there} there`);
    });
  }

  private violation(promised: string, found: string): SafetyViolation {
    return new SafetyViolation(
      `storage of server ${this.id} said that ${promised} were durable; a restart finds ${found}`,
    );
  }
}
