import {
  type Entry,
  EntryKind,
  type LogIndex,
  type Proposal,
  type ProposalPlaced,
  type Term,
  type Trouble,
} from '../core';
import type { AppliedEntry } from '../client-sessions/deduplicated-state-machine';
import { type OutcomeUnknownReason, RaftError } from '../errors';
import type { ProposalSpan } from '../observer';
import type { Applied } from '../raft-node';
import { type LeaderBacklog, leaderFull, outcomeUnknown, queueFull } from './refusals';

/** Results of commands that were applied here before the leader said which of them are ours. */
const EARLY_RESULTS_MAX = 16_384;

/** One proposal of this replica, from the call to its result. */
interface Pending<Result> {
  ticket: number;
  readonly clientId: string;
  readonly command: Uint8Array;
  readonly startedMs: number;
  /** When the caller stops waiting. */
  readonly deadlineMs: number;
  /** When a leader that is one no longer is not expected to answer any more. */
  answerDeadlineMs: number;
  /** When `noLeader` is answered if it has not been sent. */
  readonly leaderDeadlineMs: number;
  /**
   * - `queued`: nobody has it yet; giving up has certainly no effect.
   * - `sent`: the core has it, and perhaps the leader; its place is not known.
   * - `placed`: it is in the leader's log.
   */
  state: 'queued' | 'sent' | 'placed';
  index: LogIndex;
  term: Term;
  /** Set when somebody records it. */
  readonly span: ProposalSpan | undefined;
  /** Another one with the same index and another term: one of them will find itself overwritten. */
  sameIndex: Pending<Result> | undefined;
  readonly resolve: (applied: Applied<Result>) => void;
  readonly reject: (error: RaftError) => void;
  detach: (() => void) | undefined;
}

/** Limits of {@link PendingProposals}. */
export interface PendingProposalLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

/**
 * What the callers of propose() wait for.
 *
 * A proposal's fate is decided by its place: when the entry at that index is applied here and has the placed term, the result is the caller's;
 * when it has another term, somebody else's entry took the place. The place and the entry may arrive in either order, because a follower may
 * apply an entry before the leader's answer to its forward arrives: while answers are outstanding, results are kept.
 */
export class PendingProposals<Result> {
  private readonly pending = new Map<number, Pending<Result>>();
  private readonly byIndex = new Map<LogIndex, Pending<Result>>();
  private queue: Pending<Result>[] = [];
  /** Refused for want of a leader: not tried again before {@link retryPostponed}, or a broken link would make the loop spin. */
  private postponed: Pending<Result>[] = [];
  private bytes = 0;
  private sentCount = 0;
  /** Those that somebody records. */
  private readonly recorded = new Set<Pending<Result>>();
  private placedSpans: ProposalSpan[] = [];
  private readonly early = new Map<LogIndex, { term: Term; applied: AppliedEntry<Result> }>();

  constructor(
    private readonly limits: PendingProposalLimits,
    private readonly onSettled: (startedMs: number, error: RaftError | undefined) => void,
    /** What keeps a proposal at this index, 0 when that is not known, from being decided. */
    private readonly troubleWith: (index: LogIndex) => Trouble | undefined = () => undefined,
    /** What the leader holds uncommitted, if this replica leads. */
    private readonly leaderBacklog: () => LeaderBacklog | undefined = () => undefined,
  ) {}

  get count(): number {
    return this.pending.size;
  }

  get byteCount(): number {
    return this.bytes;
  }

  get queuedCount(): number {
    return this.queue.length;
  }

  /** Takes a call. @throws RaftError queueFull or cancelled */
  add(call: {
    readonly ticket: number;
    readonly command: Uint8Array;
    readonly clientId: string;
    readonly startedMs: number;
    readonly deadlineMs: number;
    readonly leaderDeadlineMs: number;
    readonly signal: AbortSignal | undefined;
    /** Begins a span, if somebody records this call. */
    readonly span: (() => ProposalSpan | undefined) | undefined;
  }): Promise<Applied<Result>> {
    const full = queueFull(this.pending.size, this.bytes, call.command.length, this.limits);
    if (full !== undefined) return Promise.reject(full);
    const { signal } = call;
    if (signal?.aborted === true) {
      return Promise.reject(new RaftError('cancelled', 'the call was cancelled before it began'));
    }
    return new Promise((resolve, reject) => {
      // Written out: a spread costs as much as all the rest of a proposal's way to the core.
      const pending: Pending<Result> = {
        ticket: call.ticket,
        clientId: call.clientId,
        command: call.command,
        startedMs: call.startedMs,
        deadlineMs: call.deadlineMs,
        leaderDeadlineMs: call.leaderDeadlineMs,
        answerDeadlineMs: Infinity,
        state: 'queued',
        index: 0,
        term: 0,
        span: call.span?.(),
        sameIndex: undefined,
        resolve,
        reject,
        detach: undefined,
      };
      if (signal !== undefined) {
        const onAbort = (): void => this.cancel(pending);
        signal.addEventListener('abort', onAbort, { once: true });
        pending.detach = () => signal.removeEventListener('abort', onAbort);
      }
      this.pending.set(pending.ticket, pending);
      this.bytes += pending.command.length;
      this.queue.push(pending);
      if (pending.span !== undefined) this.recorded.add(pending);
    });
  }

  /** Takes queued proposals to be given to the core, oldest first, up to limits that keep one message small. */
  takeQueued(countMax: number, bytesMax: number): Proposal[] {
    const proposals: Proposal[] = [];
    let bytes = 0;
    let taken = 0;
    for (const pending of this.queue) {
      if (proposals.length >= countMax || bytes >= bytesMax) break;
      taken += 1;
      if (!this.pending.has(pending.ticket)) continue;
      pending.state = 'sent';
      this.sentCount += 1;
      bytes += pending.command.length;
      proposals.push({
        ticket: pending.ticket,
        kind: EntryKind.command,
        clientId: pending.clientId,
        sequence: 0,
        payload: pending.command,
        trace: pending.span?.context,
      });
    }
    this.queue = taken === this.queue.length ? [] : this.queue.slice(taken);
    return proposals;
  }

  /**
   * Queues what was refused for want of a leader once more. To be called once a tick, and when a leader appears.
   *
   * @param takeTicket yields new tickets: who refused a batch takes another one with its tickets for a late copy, and keeps silent.
   */
  retryPostponed(takeTicket: () => number): void {
    for (const pending of this.postponed) {
      if (!this.pending.delete(pending.ticket)) continue;
      pending.ticket = takeTicket();
      this.pending.set(pending.ticket, pending);
      this.queue.push(pending);
    }
    this.postponed = [];
  }

  /** The core knows a proposal's place, or that it was refused. */
  onPlaced(placed: ProposalPlaced, appliedIndex: LogIndex): void {
    const pending = this.pending.get(placed.ticket);
    if (pending === undefined || pending.state !== 'sent') return;
    this.sentCount -= 1;
    if ('refusal' in placed) {
      pending.state = 'queued';
      pending.answerDeadlineMs = Infinity;
      if (placed.refusal === 'queueFull') {
        this.fail(pending, leaderFull(this.leaderBacklog()));
      } else {
        // Nothing was appended anywhere: wait for the next leader instead of telling the caller about an election.
        this.postponed.push(pending);
      }
    } else {
      this.place(pending, placed.index, placed.term, appliedIndex);
    }
    if (this.sentCount === 0) this.early.clear();
  }

  /** The spans of proposals that got their places since the last call. */
  takePlacedSpans(): readonly ProposalSpan[] {
    if (this.placedSpans.length === 0) return this.placedSpans;
    const spans = this.placedSpans;
    this.placedSpans = [];
    return spans;
  }

  /** Everything up to an index is committed. */
  onCommitted(index: LogIndex): void {
    if (this.recorded.size === 0) return;
    for (const { state, index: at, span } of this.recorded) {
      if (state === 'placed' && at <= index) span?.committed();
    }
  }

  /** A forward never left this process, so the leader certainly has none of it: wait for the next chance. */
  onNeverSent(tickets: readonly number[]): void {
    for (const ticket of tickets) this.onPlaced({ ticket, refusal: 'noLeader' }, 0);
  }

  /** An entry was applied here; `applied` is undefined when it is no command. */
  onApplied(entry: Entry, applied: AppliedEntry<Result> | undefined): void {
    if (this.sentCount > 0 && applied !== undefined) this.keepEarly(entry, applied);
    let pending = this.byIndex.get(entry.index);
    if (pending === undefined) return;
    this.byIndex.delete(entry.index);
    for (; pending !== undefined; pending = pending.sameIndex) {
      if (applied !== undefined && pending.term === entry.term) this.succeed(pending, applied);
      else this.unknown(pending, 'overwritten');
    }
  }

  /** A snapshot replaced everything up to an index: what was placed there was decided somewhere else. */
  onSnapshotInstalled(index: LogIndex): void {
    this.early.clear();
    for (const pending of this.pending.values()) {
      if (pending.state === 'placed' && pending.index <= index) {
        this.unknown(pending, 'snapshotInstalled');
      }
    }
  }

  /** The leader changed: what was sent to the old one and has not been answered by `deadlineMs` is given up. */
  onLeaderChange(deadlineMs: number): void {
    if (this.sentCount === 0) return;
    for (const pending of this.pending.values()) {
      if (pending.state === 'sent') {
        pending.answerDeadlineMs = Math.min(pending.answerDeadlineMs, deadlineMs);
      }
    }
  }

  /** Gives up what nobody waits for any longer. To be called from time to time. */
  expire(nowMs: number): void {
    for (const pending of this.pending.values()) {
      if (pending.state === 'queued') {
        if (nowMs >= Math.min(pending.deadlineMs, pending.leaderDeadlineMs)) {
          this.fail(pending, new RaftError('noLeader', 'no leader appeared in time'));
        }
      } else if (nowMs >= pending.deadlineMs) {
        this.unknown(pending, this.troubleWith(pending.index) ?? 'timeout');
      } else if (pending.state === 'sent' && nowMs >= pending.answerDeadlineMs) {
        this.unknown(pending, 'leaderChanged');
      }
    }
    // Without a leader nobody takes from the queue: what was given up must not stay in it.
    this.queue = this.queue.filter(({ ticket }) => this.pending.has(ticket));
  }

  /** The replica stops. */
  stop(): void {
    for (const pending of this.pending.values()) {
      if (pending.state === 'queued') {
        this.fail(pending, new RaftError('stopped', 'this replica is stopping'));
      } else this.unknown(pending, 'stopped');
    }
    this.queue = [];
    this.postponed = [];
  }

  private place(
    pending: Pending<Result>,
    index: LogIndex,
    term: Term,
    appliedIndex: LogIndex,
  ): void {
    pending.state = 'placed';
    pending.index = index;
    pending.term = term;
    if (pending.span !== undefined) {
      pending.span.placed(index, term);
      this.placedSpans.push(pending.span);
    }
    if (index > appliedIndex) {
      pending.sameIndex = this.byIndex.get(index);
      this.byIndex.set(index, pending);
      return;
    }
    const early = this.early.get(index);
    if (early === undefined) this.unknown(pending, 'resultEvicted');
    else if (early.term === term) this.succeed(pending, early.applied);
    else this.unknown(pending, 'overwritten');
  }

  private keepEarly(entry: Entry, applied: AppliedEntry<Result>): void {
    this.early.set(entry.index, { term: entry.term, applied });
    if (this.early.size <= EARLY_RESULTS_MAX) return;
    for (const oldest of this.early.keys()) {
      this.early.delete(oldest);
      return;
    }
  }

  private cancel(pending: Pending<Result>): void {
    if (pending.state === 'queued') {
      this.fail(pending, new RaftError('cancelled', 'the call was cancelled before it was sent'));
    } else this.unknown(pending, 'cancelled');
  }

  private succeed(pending: Pending<Result>, applied: AppliedEntry<Result>): void {
    this.forget(pending);
    pending.span?.applied();
    this.onSettled(pending.startedMs, undefined);
    pending.resolve(applied);
  }

  private unknown(pending: Pending<Result>, reason: OutcomeUnknownReason): void {
    this.fail(pending, outcomeUnknown(reason));
  }

  private fail(pending: Pending<Result>, error: RaftError): void {
    if (pending.state === 'sent') {
      this.sentCount -= 1;
      if (this.sentCount === 0) this.early.clear();
    }
    this.forget(pending);
    pending.span?.failed(error);
    this.onSettled(pending.startedMs, error);
    pending.reject(error);
  }

  private forget(pending: Pending<Result>): void {
    if (!this.pending.delete(pending.ticket)) return;
    this.bytes -= pending.command.length;
    if (pending.span !== undefined) this.recorded.delete(pending);
    pending.detach?.();
    if (pending.state === 'placed') this.unlink(pending);
  }

  private unlink(pending: Pending<Result>): void {
    const head = this.byIndex.get(pending.index);
    if (head === undefined) return;
    if (head === pending) {
      if (pending.sameIndex === undefined) this.byIndex.delete(pending.index);
      else this.byIndex.set(pending.index, pending.sameIndex);
      return;
    }
    for (let at: Pending<Result> | undefined = head; at !== undefined; at = at.sameIndex) {
      if (at.sameIndex === pending) at.sameIndex = pending.sameIndex;
    }
  }
}
