/**
 * The locks, their holders and their queues: what the service is about.
 *
 * Invariants, after every command:
 * - A lock has at most one holder, whose session is open; a lock with waiters is held.
 * - A lock's tokens strictly grow: a grant's token is the log index of the entry that made it, or, in the rare case that this lock was
 *   already granted by the same entry (an expiry handed it over and the command behind it freed it again), one more than the last.
 * - Waiters are granted in the order in which they came; one whose session, time or call has ended is never granted.
 * - Only entries change anything: a lock whose session's deadline has passed is held until an entry carries a later stamp.
 */
import { type ApplyContext, DeadlineHeap } from '@raftway/raft/state-machine';
import { Attempts } from './attempts';
import { type Acquire, type CancelWait, type ForceRelease, type Release } from './commands';
import { type LockLimits } from './limits';
import { type Attempt, type HeldLock, type LockHolder, type Session } from './model';
import { type LockOutcome, type Rejected, limitReached, rejected } from './results';
import { SessionTable } from './session-table';
import { TokenMemory } from './token-memory';
import { viewHolder } from './views';
import {
  acquired,
  findWaiting,
  forgetGrant,
  holdAgain,
  isHolder,
  newAttempt,
  placesInQueues,
  waitingInOrder,
} from './attempt-rules';
import { WaitQueue } from './wait-queue';

/** Told of every attempt that stopped waiting or was taken over by another call. Must not change the table. */
export type AttemptListener = (attempt: Attempt) => void;

const nothingCancelled: LockOutcome = { kind: 'waitCancelled', gaveBack: false, queuePosition: 0 };

/** The replicated state of the lock service. Its methods are the commands; see the invariants above. */
export class LockTable {
  readonly sessions = new SessionTable();
  readonly held = new Map<string, HeldLock>();
  readonly attempts: Attempts;
  readonly tokens: TokenMemory;
  readonly waiterDeadlines = new DeadlineHeap<Attempt>();
  /** Waiting attempts whose grant will open a session: they have reserved their place among the sessions. */
  reservedSessions = 0;
  onAttemptChanged: AttemptListener = () => {};

  constructor(readonly limits: LockLimits) {
    this.attempts = new Attempts(limits);
    this.tokens = new TokenMemory(limits.freeLockTokensMax);
  }

  openSession(id: string, ttlMs: number, context: ApplyContext): LockOutcome {
    const full = this.sessionsFull();
    if (full !== undefined) return full;
    const deadlineMs = context.nowMs + ttlMs;
    this.sessions.open({ id, order: context.index, ttlMs, deadlineMs, implicitLock: '' });
    return { kind: 'sessionOpened', sessionId: id, ttlMs };
  }

  renewSessions(ids: readonly string[], { nowMs }: ApplyContext): LockOutcome {
    const ttlsMs = ids.map((id) => {
      const session = this.sessions.get(id);
      if (session === undefined) return 0;
      this.sessions.renew(session, nowMs);
      return session.ttlMs;
    });
    return { kind: 'sessionsRenewed', ttlsMs };
  }

  closeSession(id: string, context: ApplyContext): LockOutcome {
    const session = this.sessions.get(id);
    if (session === undefined) return rejected('sessionNotFound');
    const locksReleased = session.held.size;
    this.endSession(session, 'sessionClosed', context);
    return { kind: 'sessionClosed', locksReleased };
  }

  acquire(command: Acquire, context: ApplyContext): LockOutcome {
    const earlier = this.attempts.forRequest(command.requestId);
    if (earlier !== undefined) return this.takeOver(earlier, command, context);
    const session = this.sessions.get(command.sessionId);
    if (command.sessionId !== '' && session === undefined) return rejected('sessionNotFound');
    const attempt = newAttempt(command, context);
    const lock = this.held.get(command.name);
    const reentrant = lock !== undefined && isHolder(lock.holder, attempt);
    const waits = lock !== undefined && !reentrant;
    const full =
      waits && command.waitMs === 0 ? undefined : this.full(attempt, session, lock, reentrant);
    if (full !== undefined) return full;

    if (waits && command.waitMs > 0) {
      this.attempts.add(attempt);
      this.enqueue(lock, attempt);
      return { kind: 'waiting', attemptId: attempt.id };
    }
    if (waits) attempt.outcome = { kind: 'notAcquired', queuePosition: 0 };
    else if (lock !== undefined) holdAgain(lock.holder, attempt);
    else this.grant(attempt, this.tokens.take(attempt.name), new WaitQueue<Attempt>(), context);
    const { outcome } = attempt;
    if (attempt.requestId !== '') {
      this.attempts.add(attempt);
      this.attempts.finish(attempt, outcome, context.nowMs);
    }
    return outcome.kind === 'granted'
      ? acquired(attempt, outcome)
      : { kind: 'notAcquired', queuePosition: 0 };
  }

  cancelWait(command: CancelWait, context: ApplyContext): LockOutcome {
    const lock = this.held.get(command.name);
    const attempt = this.attempts.get(command.attemptId) ?? findWaiting(lock, command.attachment);
    if (attempt?.outcome.kind === 'waiting') {
      if (attempt.attachment !== command.attachment) return nothingCancelled;
      const queuePosition = this.dequeue(attempt);
      this.finish(attempt, { kind: 'cancelled' }, context);
      this.attempts.cancel(attempt);
      return { kind: 'waitCancelled', gaveBack: false, queuePosition };
    }
    const grant = lock?.holder.recentGrants.find((it) => it.attachment === command.attachment);
    if (lock === undefined || grant === undefined) return nothingCancelled;
    forgetGrant(lock.holder, grant.attemptId);
    const granted = this.attempts.get(grant.attemptId);
    if (granted !== undefined) this.attempts.cancel(granted);
    this.releaseOnce(lock, context);
    return { kind: 'waitCancelled', gaveBack: true, queuePosition: 0 };
  }

  release(command: Release, context: ApplyContext): LockOutcome {
    if (this.sessions.get(command.sessionId) === undefined) return rejected('sessionNotFound');
    const lock = this.held.get(command.name);
    const ownerId = command.ownerId || command.sessionId;
    if (lock === undefined || !isHolder(lock.holder, { sessionId: command.sessionId, ownerId }))
      return rejected('notHolder');
    if (command.token !== 0 && command.token !== lock.holder.token)
      return rejected('tokenMismatch', lock.holder.token);
    return { kind: 'released', holdCount: this.releaseOnce(lock, context) };
  }

  forceRelease(command: ForceRelease, context: ApplyContext): LockOutcome {
    const lock = this.held.get(command.name);
    if (lock === undefined) return { kind: 'forceReleased', holders: [] };
    const holder = viewHolder(lock.holder, this.sessions.get(lock.holder.sessionId), context.nowMs);
    this.free(lock, context);
    return { kind: 'forceReleased', holders: [holder] };
  }

  /** Ends everything whose deadline has passed. Waiters leave first, so that none of them gets a lock that the same moment frees. */
  expire(context: ApplyContext): void {
    this.endDue(context.nowMs, context);
    this.attempts.forgetUntil(context.nowMs);
  }

  /** Ends every wait and every session, as if the time of all were over: all locks are free. What the tokens were is remembered. */
  endAll(context: ApplyContext): void {
    this.endDue(Number.POSITIVE_INFINITY, context);
  }

  private endDue(untilMs: number, context: ApplyContext): void {
    const late = this.waiterDeadlines.takeDue(untilMs);
    const positions = placesInQueues(late, this.held);
    for (const attempt of late) {
      this.leaveQueue(attempt);
      const queuePosition = positions.get(attempt) ?? 0;
      this.finish(attempt, { kind: 'notAcquired', queuePosition }, context);
    }
    const ended = this.sessions.takeDue(untilMs);
    for (const session of ended) this.takeOutOfQueues(session, 'sessionExpired', context);
    for (const session of ended) this.endSession(session, 'sessionExpired', context);
  }

  nextDeadlineMs(): number | undefined {
    const session = this.sessions.nextDeadlineMs();
    const waiter = this.waiterDeadlines.peek()?.deadlineMs;
    if (session === undefined || waiter === undefined) return session ?? waiter;
    return Math.min(session, waiter);
  }

  /** Puts an attempt at the end of a queue; its session is known to be open, or will be opened at the grant. */
  enqueue(lock: HeldLock, attempt: Attempt): void {
    lock.queue.push(attempt);
    this.waiterDeadlines.add(attempt);
    if (attempt.implicit) this.reservedSessions += 1;
    else this.sessions.get(attempt.sessionId)?.waiting.add(attempt);
  }

  /** A later call with the same request id: it takes the first call's place, or gets its answer. */
  private takeOver(attempt: Attempt, command: Acquire, context: ApplyContext): LockOutcome {
    if (attempt.fingerprint !== command.fingerprint) return rejected('requestIdReused');
    const { outcome } = attempt;
    switch (outcome.kind) {
      case 'waiting':
        attempt.attachment = command.nonce;
        if (command.waitMs === 0) {
          const queuePosition = this.dequeue(attempt);
          this.finish(attempt, { kind: 'notAcquired', queuePosition }, context);
          return { kind: 'notAcquired', queuePosition };
        }
        this.waiterDeadlines.reschedule(attempt, context.nowMs + command.waitMs);
        this.onAttemptChanged(attempt);
        return { kind: 'waiting', attemptId: attempt.id };
      case 'granted': {
        const holder = this.held.get(attempt.name)?.holder;
        if (holder?.token !== outcome.token) return rejected('grantEnded', outcome.token);
        // Either call may have told its caller by now, so neither may give the lock back by being cancelled.
        forgetGrant(holder, attempt.id);
        return acquired(attempt, outcome);
      }
      case 'notAcquired':
        return { kind: 'notAcquired', queuePosition: outcome.queuePosition };
      case 'sessionExpired':
      case 'sessionClosed':
        return rejected('sessionEnded');
      case 'cancelled':
        throw new Error(`attempt ${attempt.id} is cancelled and still has its request id`);
    }
  }

  private full(
    attempt: Attempt,
    session: Session | undefined,
    lock: HeldLock | undefined,
    reentrant: boolean,
  ): Rejected | undefined {
    const { limits } = this;
    if (reentrant) {
      const holds = lock?.holder.holdCount ?? 0;
      return holds < limits.holdCountMax
        ? undefined
        : limitReached('hold_count', limits.holdCountMax, holds);
    }
    if (lock === undefined && this.held.size >= limits.locksMax)
      return limitReached('locks', limits.locksMax, this.held.size);
    if (lock !== undefined && lock.queue.size >= limits.waitersPerLockMax)
      return limitReached('waiters_per_lock', limits.waitersPerLockMax, lock.queue.size);
    if (lock !== undefined && this.waiterDeadlines.size >= limits.waitersMax)
      return limitReached('waiters', limits.waitersMax, this.waiterDeadlines.size);
    const used = session === undefined ? 0 : session.held.size + session.waiting.size;
    if (used >= limits.locksPerSessionMax)
      return limitReached('locks_per_session', limits.locksPerSessionMax, used);
    return attempt.implicit ? this.sessionsFull() : undefined;
  }

  private sessionsFull(): Rejected | undefined {
    const used = this.sessions.size + this.reservedSessions;
    const { sessionsMax } = this.limits;
    return used < sessionsMax ? undefined : limitReached('sessions', sessionsMax, used);
  }

  /** Makes an attempt that is in no queue the holder of a free lock. */
  private grant(
    attempt: Attempt,
    newestToken: number,
    queue: WaitQueue<Attempt>,
    context: ApplyContext,
  ): void {
    const { name, sessionId, ownerId, ttlMs, metadata, attachment } = attempt;
    const session = attempt.implicit
      ? this.sessions.open({
          id: sessionId,
          order: attempt.id,
          ttlMs,
          deadlineMs: context.nowMs + ttlMs,
          implicitLock: name,
        })
      : this.sessions.get(sessionId);
    if (session === undefined) throw new Error(`lock "${name}" granted to a session that is gone`);
    const token = Math.max(context.index, newestToken + 1);
    const holder: LockHolder = {
      sessionId,
      ownerId,
      token,
      holdCount: 1,
      grantedAtMs: context.nowMs,
      metadata,
      recentGrants: [{ attemptId: attempt.id, attachment }],
    };
    session.held.add(name);
    this.held.set(name, { name, holder, queue });
    attempt.outcome = { kind: 'granted', token, holdCount: 1 };
  }

  private releaseOnce(lock: HeldLock, context: ApplyContext): number {
    const { holder } = lock;
    if (holder.holdCount > 1) {
      holder.holdCount -= 1;
      return holder.holdCount;
    }
    this.free(lock, context);
    return 0;
  }

  /** Takes a lock from its holder; an implicit session ends with it. */
  private free(lock: HeldLock, context: ApplyContext): void {
    const session = this.sessions.get(lock.holder.sessionId);
    if (session?.implicitLock === lock.name) {
      this.endSession(session, 'sessionClosed', context);
      return;
    }
    session?.held.delete(lock.name);
    this.handOver(lock, context);
  }

  /** Gives a lock that has lost its holder to the next waiter, or frees it. */
  private handOver(lock: HeldLock, context: ApplyContext): void {
    const next = lock.queue.head;
    if (next === undefined) {
      this.held.delete(lock.name);
      this.tokens.remember(lock.name, lock.holder.token);
      return;
    }
    this.waiterDeadlines.remove(next);
    this.leaveQueue(next);
    this.grant(next, lock.holder.token, lock.queue, context);
    this.finish(next, next.outcome, context);
    this.admitSameOwner(next, context);
  }

  /** The new holder may wait for its own lock in further calls: those are acquisitions by the holder, which never wait. */
  private admitSameOwner(granted: Attempt, context: ApplyContext): void {
    const session = this.sessions.get(granted.sessionId);
    const lock = this.held.get(granted.name);
    if (session === undefined || lock === undefined || session.waiting.size === 0) return;
    for (const waiter of waitingInOrder(session)) {
      if (waiter.name !== lock.name || waiter.ownerId !== granted.ownerId) continue;
      this.waiterDeadlines.remove(waiter);
      this.leaveQueue(waiter);
      holdAgain(lock.holder, waiter);
      this.finish(waiter, waiter.outcome, context);
    }
  }

  private endSession(
    session: Session,
    why: 'sessionExpired' | 'sessionClosed',
    context: ApplyContext,
  ): void {
    this.sessions.remove(session);
    this.takeOutOfQueues(session, why, context);
    for (const name of [...session.held].sort()) {
      const lock = this.held.get(name);
      if (lock !== undefined) this.handOver(lock, context);
    }
  }

  private takeOutOfQueues(
    session: Session,
    why: 'sessionExpired' | 'sessionClosed',
    context: ApplyContext,
  ): void {
    for (const attempt of waitingInOrder(session)) {
      this.waiterDeadlines.remove(attempt);
      this.leaveQueue(attempt);
      this.finish(attempt, { kind: why }, context);
    }
  }

  /** @returns the place that the attempt gives up. */
  private dequeue(attempt: Attempt): number {
    const position = this.held.get(attempt.name)?.queue.positionOf(attempt) ?? 0;
    this.waiterDeadlines.remove(attempt);
    this.leaveQueue(attempt);
    return position;
  }

  /** Undoes {@link enqueue} but for the deadline. */
  private leaveQueue(attempt: Attempt): void {
    this.held.get(attempt.name)?.queue.remove(attempt);
    if (attempt.implicit) this.reservedSessions -= 1;
    else this.sessions.get(attempt.sessionId)?.waiting.delete(attempt);
  }

  private finish(attempt: Attempt, outcome: Attempt['outcome'], context: ApplyContext): void {
    this.attempts.finish(attempt, outcome, context.nowMs);
    this.onAttemptChanged(attempt);
  }
}
