import { DeduplicatedStateMachine } from '@raftway/raft';
import type {
  Checkpoint,
  Entry,
  LogIndex,
  Ready,
  ServerId,
  SnapshotMetadata,
  Term,
} from '@raftway/raft/core';
import type { Checker } from './checker';
import { CommandList } from './state-machine';

/**
 * What became of a command, as far as the server that took it can tell: `acknowledged` and applied at an index, `refused` without effect, `superseded` by
 * another entry at its place and so without effect, or `unknown`.
 */
export type Outcome = 'acknowledged' | 'refused' | 'superseded' | 'unknown';

interface WaitingCommand {
  readonly settle: (outcome: Outcome, index: number) => void;
  index: number;
  term: number;
}

interface WaitingRead {
  readonly settle: (readable: boolean) => void;
  /** The newest term that had a leader when the read began. */
  readonly termBefore: Term;
  index: number | undefined;
}

/** A snapshot: what it stands for and its bytes. */
export interface SnapshotFile {
  readonly snapshot: SnapshotMetadata;
  readonly data: Uint8Array;
}

/** Small, so that replicas compare often in a run of some hundred entries. */
const COMPARE_EVERY_ENTRIES = 4;

/** What servers compare of an answer: where its command is in the log, unless the run has a state machine that is no function of its log. */
export type FingerprintOf = (id: ServerId, index: LogIndex) => number;

/** The state machine of one process, and who waits for it. */
export class Application {
  readonly list = new CommandList();
  /** With the library's own deduplication of requests before it. */
  readonly machine: DeduplicatedStateMachine<LogIndex>;
  appliedIndex = 0;
  private readonly commands = new Map<number, WaitingCommand>();
  private readonly reads = new Map<number, WaitingRead>();
  /** Applied entries, for proposals whose place is learned after they were applied. */
  private readonly applied = new Map<number, { readonly term: Term; readonly result: LogIndex }>();

  constructor(
    private readonly id: ServerId,
    private readonly checker: Checker,
    fingerprintOf: FingerprintOf = (_id, index) => index,
  ) {
    this.list.fingerprintResult = (index) => fingerprintOf(id, index);
    this.machine = new DeduplicatedStateMachine(this.list, COMPARE_EVERY_ENTRIES);
  }

  awaitCommand(ticket: number, settle: WaitingCommand['settle']): void {
    this.commands.set(ticket, { settle, index: 0, term: 0 });
  }

  awaitRead(ticket: number, settle: WaitingRead['settle']): void {
    this.reads.set(ticket, { settle, termBefore: this.checker.newestTerm, index: undefined });
  }

  /** What was answered at the indexes that servers compare, since the last call. */
  takeCheckpoints(): readonly Checkpoint[] {
    return this.machine.takeCheckpoints();
  }

  restore(file: SnapshotFile): void {
    this.machine.restore(file.data);
    this.appliedIndex = file.snapshot.lastIncludedIndex;
    this.checker.applied(this.id, this.appliedIndex, this.list.fingerprint);
    this.applied.clear();
    this.settleReads();
  }

  apply(entry: Entry): void {
    // A restored snapshot may be newer than the core knows yet: it then hands out entries that are in it.
    if (entry.index <= this.appliedIndex) return;
    this.checker.onApply(this.id, entry, this.appliedIndex);
    const result = this.machine.apply(entry)?.result ?? 0;
    this.appliedIndex = entry.index;
    this.checker.applied(this.id, entry.index, this.list.fingerprint);
    this.applied.set(entry.index, { term: entry.term, result });
    for (const [ticket, command] of this.commands) {
      if (command.index === entry.index) this.settleCommand(ticket, command);
    }
    this.settleReads();
  }

  /** @param term the server's. */
  answer(ready: Ready, term: Term): void {
    for (const placed of ready.proposals) {
      const command = this.commands.get(placed.ticket);
      if (command === undefined) continue;
      if ('refusal' in placed) {
        this.commands.delete(placed.ticket);
        command.settle('refused', 0);
        continue;
      }
      command.index = placed.index;
      command.term = placed.term;
      if (placed.index <= this.appliedIndex) this.settleCommand(placed.ticket, command);
    }
    for (const { ticket, index } of ready.reads) {
      const read = this.reads.get(ticket);
      if (read === undefined) continue;
      this.checker.onReadConfirmed(this.id, term, read.termBefore);
      read.index = index;
    }
    for (const ticket of ready.readsRefused) {
      this.reads.get(ticket)?.settle(false);
      this.reads.delete(ticket);
    }
    this.settleReads();
  }

  /** The process is gone. */
  abandon(): void {
    for (const command of this.commands.values()) command.settle('unknown', 0);
    for (const read of this.reads.values()) read.settle(false);
  }

  private settleCommand(ticket: number, command: WaitingCommand): void {
    this.commands.delete(ticket);
    const applied = this.applied.get(command.index);
    if (applied === undefined) command.settle('unknown', 0);
    else if (applied.term !== command.term) command.settle('superseded', 0);
    else command.settle('acknowledged', applied.result);
  }

  private settleReads(): void {
    for (const [ticket, read] of this.reads) {
      if (read.index === undefined || read.index > this.appliedIndex) continue;
      this.reads.delete(ticket);
      read.settle(true);
    }
  }
}
