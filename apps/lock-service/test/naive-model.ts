/**
 * The lock service as plainly as it can be said: arrays, searched from the start, no limits, nothing forgotten. What the real state machine
 * is compared with. Deliberately shares no code with it.
 */
import {
  type Acquire,
  type CancelWait,
  type LockCommand,
  type Release,
} from '../src/domain/commands';

interface ModelSession {
  id: string;
  order: number;
  ttlMs: number;
  deadlineMs: number;
  /** The lock whose implicit session this is. */
  of: string;
}

export interface ModelAttempt {
  id: number;
  command: Acquire;
  sessionId: string;
  ownerId: string;
  attachment: string;
  deadlineMs: number;
  state: string;
  token: number;
  holdCount: number;
  place: number;
  findable: boolean;
}

interface ModelLock {
  name: string;
  sessionId: string;
  ownerId: string;
  token: number;
  holdCount: number;
  grants: { attemptId: number; attachment: string }[];
}

/** What an answer is compared by. */
export type ModelAnswer = Record<string, unknown>;

export class NaiveModel {
  sessions: ModelSession[] = [];
  locks: ModelLock[] = [];
  attempts: ModelAttempt[] = [];
  /** Every token that was ever granted, by lock, in order. */
  granted = new Map<string, number[]>();
  private index = 0;
  private nowMs = 0;

  queue(name: string): ModelAttempt[] {
    return this.attempts.filter((it) => it.command.name === name && it.state === 'waiting');
  }

  lock(name: string): ModelLock | undefined {
    return this.locks.find((it) => it.name === name);
  }

  expire(index: number, nowMs: number): void {
    this.index = index;
    this.nowMs = nowMs;
    const late = this.attempts.filter((it) => it.state === 'waiting' && it.deadlineMs <= nowMs);
    const places = late.map((it) => this.queue(it.command.name).indexOf(it) + 1);
    for (const [at, attempt] of late.entries()) {
      attempt.state = 'notAcquired';
      attempt.place = places[at] ?? 0;
    }
    const ended = this.sessions
      .filter((it) => it.deadlineMs <= nowMs)
      .sort((a, b) => a.deadlineMs - b.deadlineMs || a.order - b.order);
    for (const session of ended) this.dismiss(session.id, 'sessionExpired');
    for (const session of ended) this.end(session, 'sessionExpired');
  }

  apply(command: LockCommand): ModelAnswer {
    switch (command.kind) {
      case 'openSession': {
        const id = `${this.index.toString(36)}-${command.nonce}`;
        this.open(id, this.index, command.ttlMs, '');
        return { kind: 'sessionOpened', sessionId: id };
      }
      case 'renewSessions':
        return { kind: 'sessionsRenewed', ttlsMs: command.sessionIds.map((id) => this.renew(id)) };
      case 'closeSession': {
        const session = this.session(command.sessionId);
        if (session === undefined) return { kind: 'rejected', reason: 'sessionNotFound' };
        const locksReleased = this.locks.filter((it) => it.sessionId === session.id).length;
        this.end(session, 'sessionClosed');
        return { kind: 'sessionClosed', locksReleased };
      }
      case 'acquire':
        return this.acquire(command);
      case 'cancelWait':
        return this.cancel(command);
      case 'release':
        return this.release(command);
      case 'forceRelease': {
        const lock = this.lock(command.name);
        if (lock !== undefined) this.free(lock);
        return { kind: 'forceReleased' };
      }
    }
  }

  private session(id: string): ModelSession | undefined {
    return this.sessions.find((it) => it.id === id);
  }

  private open(id: string, order: number, ttlMs: number, of: string): void {
    this.sessions.push({ id, order, ttlMs, deadlineMs: this.nowMs + ttlMs, of });
  }

  private renew(id: string): number {
    const session = this.session(id);
    if (session === undefined) return 0;
    session.deadlineMs = this.nowMs + session.ttlMs;
    return session.ttlMs;
  }

  private acquire(command: Acquire): ModelAnswer {
    const earlier = this.attempts.find(
      (it) => it.findable && command.requestId !== '' && it.command.requestId === command.requestId,
    );
    if (earlier !== undefined) return this.again(earlier, command);
    if (command.sessionId !== '' && this.session(command.sessionId) === undefined)
      return { kind: 'rejected', reason: 'sessionNotFound' };
    const sessionId = command.sessionId || `${this.index.toString(36)}-${command.nonce}`;
    const attempt: ModelAttempt = {
      id: this.index,
      command,
      sessionId,
      ownerId: command.ownerId || sessionId,
      attachment: command.nonce,
      deadlineMs: this.nowMs + command.waitMs,
      state: 'new',
      token: 0,
      holdCount: 0,
      place: 0,
      findable: true,
    };
    this.attempts.push(attempt);
    const lock = this.lock(command.name);
    if (lock === undefined) this.grant(attempt);
    else if (lock.sessionId === sessionId && lock.ownerId === attempt.ownerId)
      this.hold(lock, attempt);
    else attempt.state = command.waitMs > 0 ? 'waiting' : 'notAcquired';
    return this.answer(attempt);
  }

  private again(attempt: ModelAttempt, command: Acquire): ModelAnswer {
    if (attempt.command.fingerprint !== command.fingerprint)
      return { kind: 'rejected', reason: 'requestIdReused' };
    if (attempt.state === 'waiting') {
      attempt.attachment = command.nonce;
      attempt.deadlineMs = this.nowMs + command.waitMs;
      if (command.waitMs === 0) {
        attempt.place = this.queue(command.name).indexOf(attempt) + 1;
        attempt.state = 'notAcquired';
      }
    }
    if (attempt.state === 'granted') {
      const lock = this.lock(command.name);
      if (lock?.token !== attempt.token) return { kind: 'rejected', reason: 'grantEnded' };
      lock.grants = lock.grants.filter((it) => it.attemptId !== attempt.id);
    }
    return this.answer(attempt);
  }

  private answer({ state, ...attempt }: ModelAttempt): ModelAnswer {
    if (state === 'granted')
      return {
        kind: 'acquired',
        sessionId: attempt.sessionId,
        token: attempt.token,
        holdCount: attempt.holdCount,
      };
    if (state === 'waiting') return { kind: 'waiting', attemptId: attempt.id };
    if (state === 'notAcquired') return { kind: 'notAcquired', queuePosition: attempt.place };
    return { kind: 'rejected', reason: 'sessionEnded' };
  }

  private cancel(command: CancelWait): ModelAnswer {
    const waiter = this.attempts.find(
      (it) => it.state === 'waiting' && it.id === command.attemptId,
    );
    if (waiter !== undefined) {
      if (waiter.attachment !== command.attachment)
        return { kind: 'waitCancelled', gaveBack: false, queuePosition: 0 };
      const queuePosition = this.queue(command.name).indexOf(waiter) + 1;
      waiter.state = 'cancelled';
      waiter.findable = false;
      return { kind: 'waitCancelled', gaveBack: false, queuePosition };
    }
    const lock = this.lock(command.name);
    const grant = lock?.grants.find((it) => it.attachment === command.attachment);
    if (lock !== undefined && grant !== undefined) {
      lock.grants = lock.grants.filter((it) => it !== grant);
      const attempt = this.attempts.find((it) => it.id === grant.attemptId);
      if (attempt !== undefined) {
        attempt.state = 'cancelled';
        attempt.findable = false;
      }
      this.releaseOnce(lock);
    }
    return { kind: 'waitCancelled', gaveBack: grant !== undefined, queuePosition: 0 };
  }

  private release({ name, sessionId, ownerId, token }: Release): ModelAnswer {
    if (this.session(sessionId) === undefined)
      return { kind: 'rejected', reason: 'sessionNotFound' };
    const lock = this.lock(name);
    if (lock?.sessionId !== sessionId || lock.ownerId !== (ownerId || sessionId))
      return { kind: 'rejected', reason: 'notHolder' };
    if (token !== 0 && token !== lock.token) return { kind: 'rejected', reason: 'tokenMismatch' };
    return { kind: 'released', holdCount: this.releaseOnce(lock) };
  }

  private releaseOnce(lock: ModelLock): number {
    lock.holdCount -= 1;
    if (lock.holdCount === 0) this.free(lock);
    return lock.holdCount;
  }

  private free(lock: ModelLock): void {
    const session = this.session(lock.sessionId);
    if (session?.of === lock.name) this.end(session, 'sessionClosed');
    else this.handOver(lock);
  }

  private handOver(lock: ModelLock): void {
    this.locks = this.locks.filter((it) => it !== lock);
    const [next] = this.queue(lock.name);
    if (next === undefined) return;
    this.grant(next);
    const held = this.lock(lock.name);
    for (const other of this.queue(lock.name))
      if (held && other.sessionId === next.sessionId && other.ownerId === next.ownerId)
        this.hold(held, other);
  }

  private grant(attempt: ModelAttempt): void {
    const { name, sessionId: given, ttlMs } = attempt.command;
    if (given === '') this.open(attempt.sessionId, attempt.id, ttlMs, name);
    const tokens = this.granted.get(name) ?? [];
    const token = Math.max(this.index, (tokens.at(-1) ?? 0) + 1);
    this.granted.set(name, [...tokens, token]);
    const { sessionId, ownerId } = attempt;
    const lock = { name, sessionId, ownerId, token, holdCount: 0, grants: [] };
    this.locks.push(lock);
    this.hold(lock, attempt);
  }

  private hold(lock: ModelLock, attempt: ModelAttempt): void {
    lock.holdCount += 1;
    lock.grants.push({ attemptId: attempt.id, attachment: attempt.attachment });
    attempt.state = 'granted';
    attempt.token = lock.token;
    attempt.holdCount = lock.holdCount;
  }

  private dismiss(sessionId: string, why: string): void {
    for (const attempt of this.attempts)
      if (
        attempt.state === 'waiting' &&
        attempt.sessionId === sessionId &&
        attempt.command.sessionId
      )
        attempt.state = why;
  }

  private end(session: ModelSession, why: string): void {
    this.sessions = this.sessions.filter((it) => it !== session);
    this.dismiss(session.id, why);
    for (const lock of this.locks.filter((it) => it.sessionId === session.id)) this.handOver(lock);
  }
}
