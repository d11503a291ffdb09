import type { Message, Persist } from '../core';
import { StorageError } from '../errors';
import type { RaftLogger } from '../observer';
import type { Storage } from '../storage/storage';

/** How often a full disk is tried again, in milliseconds. */
const NO_SPACE_RETRY_MS = 250;

interface Batch {
  persist: Persist | undefined;
  /** Messages that speak for the disk, in order. */
  after: Message[];
}

/**
 * Group commit: one write is under way at a time, and everything that comes meanwhile goes into the next one. So the busier the group, the
 * more entries share a sync, and a quiet group waits for nothing.
 *
 * A full disk is waited for: to the core it is a slow one, so a leader steps down and nothing is acknowledged. Any other failure is final.
 */
export class PersistQueue {
  private inFlight: Batch | undefined;
  private waiting: Batch | undefined;
  private stopped = false;
  private noSpace: StorageError | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly callbacks: {
      readonly send: (messages: readonly Message[]) => void;
      readonly onPersisted: (persist: Persist, durationMs: number) => void;
      readonly onFatal: (error: unknown) => void;
      /** The disk is full, or with undefined has room again. */
      readonly onNoSpace?: (error: StorageError | undefined) => void;
    },
  ) {}

  /** Entries that are not on disk yet. */
  get unpersistedEntries(): number {
    const count = (batch: Batch | undefined): number => batch?.persist?.entries.length ?? 0;
    return count(this.inFlight) + count(this.waiting);
  }

  /** True while a write waits for room on the disk. */
  get isDiskFull(): boolean {
    return this.noSpace !== undefined;
  }

  /** Writes, and sends when that and everything before it is durable. */
  add(persist: Persist | undefined, after: readonly Message[]): void {
    if (this.stopped || (persist === undefined && after.length === 0)) return;
    if (persist === undefined && this.inFlight === undefined && this.waiting === undefined) {
      this.callbacks.send(after);
      return;
    }
    this.waiting ??= { persist: undefined, after: [] };
    if (persist !== undefined) this.waiting.persist = mergePersists(this.waiting.persist, persist);
    for (const message of after) this.waiting.after.push(message);
    if (this.inFlight === undefined) void this.run();
  }

  /** Takes nothing more; resolves when the write under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting = undefined;
    this.wake?.();
    while (this.inFlight !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  private async run(): Promise<void> {
    while (this.waiting !== undefined) {
      const batch = this.waiting;
      this.waiting = undefined;
      this.inFlight = batch;
      const startedMs = performance.now();
      try {
        if (batch.persist !== undefined) await this.storage.persist(batch.persist);
      } catch (error) {
        if (error instanceof StorageError && error.code === 'noSpace') {
          await this.waitForSpace(batch, error);
          continue;
        }
        this.inFlight = undefined;
        this.waiting = undefined;
        this.stopped = true;
        this.callbacks.onFatal(error);
        return;
      }
      this.inFlight = undefined;
      if (this.stopped) return;
      this.noteSpace(undefined);
      this.callbacks.send(batch.after);
      if (batch.persist !== undefined) {
        this.callbacks.onPersisted(batch.persist, performance.now() - startedMs);
      }
    }
  }

  /** Then everything that waits is one write again. */
  private async waitForSpace(batch: Batch, error: StorageError): Promise<void> {
    this.noteSpace(error);
    if (!this.stopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, NO_SPACE_RETRY_MS);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.wake = undefined;
    this.inFlight = undefined;
    this.waiting = this.stopped ? undefined : joined(batch, this.waiting);
  }

  private noteSpace(error: StorageError | undefined): void {
    const changed = (this.noSpace === undefined) !== (error === undefined);
    this.noSpace = error;
    if (changed) this.callbacks.onNoSpace?.(error);
  }
}

function joined(first: Batch, second: Batch | undefined): Batch {
  if (second === undefined) return first;
  const persist =
    second.persist === undefined ? first.persist : mergePersists(first.persist, second.persist);
  return { persist, after: first.after.concat(second.after) };
}

/** Tells people that the disk is full, or with undefined that it no longer is. */
export function logNoSpace(logger: RaftLogger, error: StorageError | undefined): void {
  if (error === undefined) logger.info('the disk has room again');
  else logger.error('the disk is full: this replica acknowledges nothing', { error });
}

/** Two writes as one, with the effect of both in order. */
export function mergePersists(first: Persist | undefined, second: Persist): Persist {
  if (first === undefined) return second;
  const hardState = second.hardState ?? first.hardState;
  if (second.snapshot !== undefined) return { ...second, hardState };
  return {
    number: second.number,
    hardState,
    entries: mergeEntries(first, second),
    snapshot: first.snapshot,
  };
}

function mergeEntries(first: Persist, second: Persist): Persist['entries'] {
  const from = second.entries[0]?.index;
  if (from === undefined) return first.entries;
  // A later entry cuts what an earlier write would have put at its index and after it.
  const kept = first.entries.filter((entry) => entry.index < from);
  return kept.concat(second.entries);
}
