import type { LogIndex } from '../core';
import { RaftError } from '../errors';

interface Waiter {
  readonly startedMs: number;
  readonly deadlineMs: number;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
  detach: (() => void) | undefined;
}

/** Calls that share one read index: they all began before it was asked for. */
interface Round {
  readonly ticket: number;
  readonly waiters: readonly Waiter[];
  readonly askedMs: number;
}

/**
 * What the callers of readBarrier() wait for. All calls of a turn share one question to the leader. A question without an answer is asked
 * again: a read has no effect, so nothing is lost but time.
 */
export class PendingReads {
  private queued: Waiter[] = [];
  private readonly asked = new Map<number, Round>();
  /** Answered, and waiting for the state machine to get there. */
  private applying: { readonly index: LogIndex; readonly waiters: readonly Waiter[] }[] = [];
  private waiting = 0;

  constructor(
    private readonly countMax: number,
    private readonly onSettled: (startedMs: number, error: RaftError | undefined) => void,
  ) {}

  get count(): number {
    return this.waiting;
  }

  get queuedCount(): number {
    return this.queued.length;
  }

  /** Takes a call. */
  add(startedMs: number, deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.waiting >= this.countMax) {
      return Promise.reject(
        new RaftError('queueFull', `${this.waiting} reads are already waiting`, {
          limit: { name: 'pendingReads', limit: this.countMax, value: this.waiting },
        }),
      );
    }
    if (signal?.aborted === true) {
      return Promise.reject(new RaftError('cancelled', 'the call was cancelled before it began'));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        startedMs,
        deadlineMs,
        settled: false,
        resolve,
        reject,
        detach: undefined,
      };
      if (signal !== undefined) {
        const onAbort = (): void =>
          this.settle(waiter, new RaftError('cancelled', 'the call was cancelled'));
        signal.addEventListener('abort', onAbort, { once: true });
        waiter.detach = () => signal.removeEventListener('abort', onAbort);
      }
      this.waiting += 1;
      this.queued.push(waiter);
    });
  }

  /** Puts all queued calls under one ticket. */
  ask(ticket: number, nowMs: number): void {
    const waiters = this.queued.filter((waiter) => !waiter.settled);
    this.queued = [];
    if (waiters.length > 0) this.asked.set(ticket, { ticket, waiters, askedMs: nowMs });
  }

  /** The leader named the index that the state machine has to reach. */
  onIndex(ticket: number, index: LogIndex, appliedIndex: LogIndex): void {
    const round = this.asked.get(ticket);
    if (round === undefined) return;
    this.asked.delete(ticket);
    if (index <= appliedIndex) for (const waiter of round.waiters) this.settle(waiter);
    else this.applying.push({ index, waiters: round.waiters });
  }

  /** The leader could not serve it: ask again later. */
  onRefused(ticket: number): void {
    const round = this.asked.get(ticket);
    if (round === undefined) return;
    this.asked.delete(ticket);
    for (const waiter of round.waiters) if (!waiter.settled) this.queued.push(waiter);
  }

  /** The state machine has got there. */
  onApplied(appliedIndex: LogIndex): void {
    if (this.applying.length === 0) return;
    const still: typeof this.applying = [];
    for (const item of this.applying) {
      if (item.index > appliedIndex) still.push(item);
      else for (const waiter of item.waiters) this.settle(waiter);
    }
    this.applying = still;
  }

  /** Gives up what nobody waits for any longer, and asks again what was asked before `askedBeforeMs`. */
  expire(nowMs: number, askedBeforeMs: number): void {
    const check = (waiter: Waiter): void => {
      if (!waiter.settled && nowMs >= waiter.deadlineMs) {
        this.settle(waiter, new RaftError('deadlineExceeded', 'the read did not finish in time'));
      }
    };
    this.queued.forEach(check);
    // Without a leader nobody takes from the queue: what was given up must not stay in it.
    this.queued = this.queued.filter((waiter) => !waiter.settled);
    for (const { waiters } of this.applying) waiters.forEach(check);
    for (const round of this.asked.values()) {
      round.waiters.forEach(check);
      if (round.askedMs < askedBeforeMs) this.onRefused(round.ticket);
    }
  }

  /** The replica stops. */
  stop(): void {
    const fail = (waiter: Waiter): void =>
      this.settle(waiter, new RaftError('stopped', 'this replica is stopping'));
    this.queued.forEach(fail);
    for (const { waiters } of this.applying) waiters.forEach(fail);
    for (const { waiters } of this.asked.values()) waiters.forEach(fail);
    this.queued = [];
    this.applying = [];
    this.asked.clear();
  }

  private settle(waiter: Waiter, error?: RaftError): void {
    if (waiter.settled) return;
    waiter.settled = true;
    this.waiting -= 1;
    waiter.detach?.();
    this.onSettled(waiter.startedMs, error);
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
  }
}
