import { mergePersists, StorageError } from '@raftway/raft';
import type { Storage } from '@raftway/raft';
import type { Message, Persist } from '@raftway/raft/core';

/** How often a full disk is tried again, in virtual milliseconds. */
const NO_SPACE_RETRY_MS = 40;

/** What happens when a write has ended. */
export interface LogWriterCallbacks {
  readonly send: (messages: readonly Message[]) => void;
  readonly onWriting: (batch: Persist) => void;
  readonly onPersisted: (batch: Persist) => void;
  readonly onFatal: (error: unknown) => void;
  readonly later: (delayMs: number, run: () => void) => void;
}

/** The driver's write queue (libs/raft/src/node/persist-queue.ts) in virtual time: one write at a time, with all that has come meanwhile in the next. */
export class LogWriter {
  private waiting: Persist | undefined;
  private busy = false;
  private given = 0;
  private durable = 0;
  private readonly held: { readonly number: number; readonly messages: readonly Message[] }[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly callbacks: LogWriterCallbacks,
  ) {}

  /** Writes, and sends when that and everything before it is durable. */
  add(batch: Persist | undefined, after: readonly Message[]): void {
    if (batch !== undefined) {
      this.given = batch.number;
      this.waiting = mergePersists(this.waiting, batch);
    }
    if (after.length > 0) {
      if (this.durable === this.given) this.callbacks.send(after);
      else this.held.push({ number: this.given, messages: after });
    }
    this.writeNext();
  }

  private writeNext(): void {
    const batch = this.waiting;
    if (batch === undefined || this.busy) return;
    this.busy = true;
    this.waiting = undefined;
    this.callbacks.onWriting(batch);
    this.storage.persist(batch).then(
      () => this.written(batch),
      (error: unknown) => this.failed(batch, error),
    );
  }

  private written(batch: Persist): void {
    this.busy = false;
    this.durable = batch.number;
    this.callbacks.onPersisted(batch);
    while ((this.held[0]?.number ?? Infinity) <= batch.number) {
      this.callbacks.send(this.held.shift()?.messages ?? []);
    }
    this.writeNext();
  }

  private failed(batch: Persist, error: unknown): void {
    if (!(error instanceof StorageError && error.code === 'noSpace')) {
      this.callbacks.onFatal(error);
      return;
    }
    this.callbacks.later(NO_SPACE_RETRY_MS, () => {
      this.busy = false;
      this.waiting = this.waiting === undefined ? batch : mergePersists(batch, this.waiting);
      this.writeNext();
    });
  }
}
