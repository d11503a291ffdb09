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
  /** Writes that have begun and of which nobody was told that they are done: a restart finds them, or what was there before. */
  private attempts: Persist[] = [];
  /** Entries, as `index/term`, that rot has taken from this disk, and that it may have acknowledged before. */
  private readonly lost = new Set<string>();
  /** Every vote that was ever durable here, by term. Several where rot has taken one: the later one does not count, but the earlier one did. */
  private readonly votes = new Map<Term, Set<ServerId>>();
  private highestTerm = 0;

  constructor(private readonly id: ServerId) {}

  /** A write begins. */
  writing(batch: Persist): void {
    this.attempts.push(batch);
  }

  /** A write is done, and with it what failed before: the next write holds that, too. */
  persisted(batch: Persist): void {
    this.attempts = [];
    this.hardState = batch.hardState ?? this.hardState;
    this.noteVote(this.hardState);
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
    // A write that failed may have reached the disk all the same, and counts from now on.
    this.noteVote(found.hardState);
    this.snapshotIndex = found.snapshot?.lastIncludedIndex ?? 0;
    this.logStart = found.entries[0]?.index ?? this.snapshotIndex + 1;
    this.terms = found.entries.map(({ term }) => term);
    this.attempts = [];
  }

  /** The group has brought this server up to date: it holds what it has, and nothing else. */
  trusted(): void {
    this.lost.clear();
  }

  /** Term and vote that a restart would find. */
  durableVote(): { readonly term: Term; readonly votedFor: ServerId } {
    return { term: this.hardState.currentTerm, votedFor: this.hardState.votedFor };
  }

  /** True when this server may have voted so: it did, or its disk has gone on to a later term since, with that vote in the same write. */
  mayHaveVoted(term: Term, votedFor: ServerId): boolean {
    const votes = this.votes.get(term);
    return votes === undefined ? this.highestTerm > term : votes.has(votedFor);
  }

  /** True when the entry is on this disk, or in its snapshot, or was there until it rotted. */
  holds(index: number, term: Term): boolean {
    return this.termAt(index) === term || this.covers(index) || this.lost.has(`${index}/${term}`);
  }

  /** True when something is on this disk for the index. */
  has(index: number): boolean {
    return this.termAt(index) !== undefined || this.covers(index);
  }

  private noteVote({ currentTerm, votedFor }: HardState): void {
    this.highestTerm = Math.max(this.highestTerm, currentTerm);
    if (votedFor === 0) return;
    const votes = this.votes.get(currentTerm) ?? new Set();
    this.votes.set(currentTerm, votes.add(votedFor));
  }

  private covers(index: number): boolean {
    return index <= this.snapshotIndex;
  }

  private termAt(index: number): Term | undefined {
    return this.terms[index - this.logStart];
  }

  private rememberLost(): void {
    this.terms.forEach((term, offset) => this.lost.add(`${this.logStart + offset}/${term}`));
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
    // A received snapshot that the log does not agree with replaces it, also when the process ended between writing its file and cutting the log.
    const snapshotTerm = this.termAt(snapshotIndex) ?? found.snapshot?.lastIncludedTerm;
    const isLogGone =
      found.entries.length === 0 && snapshotTerm !== found.snapshot?.lastIncludedTerm;
    this.terms.forEach((term, offset) => {
      const index = this.logStart + offset;
      const there = found.entries[index - start]?.term;
      const isReplaced = isLogGone || this.attempts.some((batch) => replaces(batch, index, there));
      if (index <= snapshotIndex || there === term || isReplaced) return;
      throw this.violation(`entry ${index} of term ${term}`, `term ${there} there`);
    });
  }

  private violation(promised: string, found: string): SafetyViolation {
    return new SafetyViolation(
      `storage of server ${this.id} said that ${promised} were durable; a restart finds ${found}`,
    );
  }
}

/** True when the write leaves an entry of this term at the index, or none (undefined), whatever was there before. */
function replaces(batch: Persist, index: number, term: Term | undefined): boolean {
  const first = batch.entries[0]?.index;
  const cuts = batch.snapshot !== undefined || (first !== undefined && first <= index);
  return cuts && batch.entries[index - (first ?? 0)]?.term === term;
}
