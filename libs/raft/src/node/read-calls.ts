import type { LogIndex } from '../core';
import type { Raft } from '../core/raft';
import { RaftError } from '../errors';
import type { ReadOptions } from '../raft-node';
import { PendingReads } from './pending-reads';

/** The calls of readBarrier(), of both kinds: those that want a quorum asked, and those that are content with the leader's lease. */
export class ReadCalls {
  private readonly byRound: PendingReads;
  private readonly byLease: PendingReads;

  /** @param countMax of each kind. */
  constructor(
    countMax: number,
    onSettled: (startedMs: number, error: RaftError | undefined) => void,
  ) {
    this.byRound = new PendingReads(countMax, onSettled);
    this.byLease = new PendingReads(countMax, onSettled);
  }

  /** Reads that wait, asked for or not. */
  get count(): number {
    return this.byRound.count + this.byLease.count;
  }

  get queuedCount(): number {
    return this.byRound.queuedCount + this.byLease.queuedCount;
  }

  /** Takes a call. */
  add(
    call: ReadOptions,
    options: {
      readonly callTimeoutMs: number;
      readonly leaseClockDriftMax: number | undefined;
    },
  ): Promise<void> {
    const isLease = call.consistency === 'lease';
    if (isLease && options.leaseClockDriftMax === undefined) {
      const rule = 'lease reads need leaseClockDriftMax, on all replicas of the group';
      return Promise.reject(new RaftError('invalidOptions', rule));
    }
    const startedMs = performance.now();
    const deadlineMs = startedMs + (call.timeoutMs ?? options.callTimeoutMs);
    const kind = isLease ? this.byLease : this.byRound;
    return kind.add(startedMs, deadlineMs, call.signal);
  }

  /** Puts what is queued to the core, a ticket for each kind. */
  ask(raft: Raft, takeTicket: () => number): void {
    for (const kind of [this.byRound, this.byLease]) {
      if (kind.queuedCount === 0) continue;
      const ticket = takeTicket();
      // A lease has to be looked at after the call came: the time at which the turn began may be from before a pause.
      const nowMs = performance.now();
      kind.ask(ticket, nowMs);
      raft.step({ type: 'read', tickets: [ticket], lease: kind === this.byLease }, nowMs);
    }
  }

  onIndex(ticket: number, index: LogIndex, appliedIndex: LogIndex): void {
    this.byRound.onIndex(ticket, index, appliedIndex);
    this.byLease.onIndex(ticket, index, appliedIndex);
  }

  onRefused(ticket: number): void {
    this.byRound.onRefused(ticket);
    this.byLease.onRefused(ticket);
  }

  onApplied(appliedIndex: LogIndex): void {
    this.byRound.onApplied(appliedIndex);
    this.byLease.onApplied(appliedIndex);
  }

  expire(nowMs: number, askedBeforeMs: number): void {
    this.byRound.expire(nowMs, askedBeforeMs);
    this.byLease.expire(nowMs, askedBeforeMs);
  }

  stop(): void {
    this.byRound.stop();
    this.byLease.stop();
  }
}
