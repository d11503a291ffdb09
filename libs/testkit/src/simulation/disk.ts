import type {
  Entry,
  HardState,
  InitialState,
  Persist,
  ServerId,
  SnapshotMetadata,
  Term,
} from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';

/** A snapshot file: what it stands for and its bytes (any value that nobody changes). */
export interface SnapshotFile {
  readonly snapshot: SnapshotMetadata;
  readonly data: unknown;
}

interface Write {
  readonly batch: Persist;
  readonly done: () => void;
}

const blank: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };

/**
 * One server's disk. A write becomes durable some time after it was asked for, in order; a crash before that loses it, or not: unsynced pages may have been
 * written all the same, always a prefix, since the log's checksums cut the rest.
 */
export class SimulatedDisk {
  private hardState = blank;
  private entries: Entry[] = [];
  private logStart = 1;
  private snapshotFile: SnapshotFile | undefined;
  private written = false;
  private underWay: Write[] = [];
  private busy = false;
  /** Writes that were begun before a crash must not complete after it. */
  private generation = 0;
  /** Milliseconds that one write takes, at most. */
  latencyMaxMs = 3;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
  ) {}

  /** Asks for a write; `done` is called when it is durable. */
  persist(batch: Persist, done: () => void): void {
    this.underWay.push({ batch, done });
    if (!this.busy) this.startNext();
  }

  private startNext(): void {
    if (this.underWay.length === 0) return;
    this.busy = true;
    // Everything that waits shares one sync, like in the real log.
    const count = this.underWay.length;
    const { generation } = this;
    this.queue.after(0.1 + this.random.next() * this.latencyMaxMs, () => {
      if (generation !== this.generation) return;
      const writes = this.underWay.splice(0, count);
      for (const write of writes) this.apply(write.batch);
      this.busy = false;
      this.startNext();
      for (const write of writes) write.done();
    });
  }

  private apply(batch: Persist): void {
    this.written = true;
    if (batch.hardState !== undefined) this.hardState = batch.hardState;
    if (batch.snapshot !== undefined) {
      this.entries = [];
      this.logStart = batch.snapshot.lastIncludedIndex + 1;
    }
    // The log may have been compacted past the beginning of a write that was under way.
    const entries = batch.entries.filter((entry) => entry.index >= this.logStart);
    const first = batch.entries[0];
    if (first === undefined) return;
    if (first.index > this.logStart + this.entries.length) {
      throw new Error(
        `write begins at ${first.index}, the log on disk ends at ${this.logStart + this.entries.length - 1}`,
      );
    }
    this.entries.length = Math.max(0, first.index - this.logStart);
    this.entries.push(...entries);
  }

  /** Durable at once: the caller has waited already. An older snapshot never replaces a newer one. */
  saveSnapshot(file: SnapshotFile): void {
    const present = this.snapshotFile?.snapshot.lastIncludedIndex ?? 0;
    if (file.snapshot.lastIncludedIndex > present) this.snapshotFile = file;
  }

  newestSnapshot(): SnapshotFile | undefined {
    return this.snapshotFile;
  }

  /** Entries up to here will not be read again. Some are kept: segments go as a whole. */
  compact(upTo: number): void {
    const keepFrom = Math.min(upTo + 1, this.logStart + this.entries.length);
    if (keepFrom <= this.logStart || this.random.chance(0.3)) return;
    this.entries = this.entries.slice(keepFrom - this.logStart);
    this.logStart = keepFrom;
  }

  /** The process is gone. Some of what was not synced may be there all the same. */
  crash(): void {
    this.generation += 1;
    const survivors = this.random.integer(0, this.underWay.length);
    for (const write of this.underWay.slice(0, survivors)) this.apply(write.batch);
    this.underWay = [];
    this.busy = false;
  }

  /** What a restart finds. */
  recover(): InitialState {
    return {
      hardState: this.hardState,
      entries: [...this.entries],
      snapshot: this.snapshotFile?.snapshot,
      empty: !this.written,
    };
  }

  /** Term and vote that a restart would find. */
  durableVote(): { readonly term: Term; readonly votedFor: ServerId } {
    return { term: this.hardState.currentTerm, votedFor: this.hardState.votedFor };
  }

  /** The term of the entry at `index` on this disk; -1 when a snapshot has replaced it, undefined when it is not there. */
  durableTerm(index: number): Term | undefined {
    const entry = this.entries[index - this.logStart];
    if (entry !== undefined) return entry.term;
    const covered = this.snapshotFile?.snapshot.lastIncludedIndex ?? 0;
    return index <= covered ? -1 : undefined;
  }
}
