import { type ApplyContext } from '@raftway/raft/state-machine';
import { type Acquire } from './commands';
import {
  RECENT_GRANTS_MAX,
  type Attempt,
  type HeldLock,
  type LockHolder,
  type Session,
} from './model';
import { type Acquired } from './results';

/** The attempt that an Acquire makes. Its session's id holds the log index, so that it is unique, and the nonce, so that it is not guessed. */
export function newAttempt(command: Acquire, { index, nowMs }: ApplyContext): Attempt {
  const implicit = command.sessionId === '';
  const sessionId = implicit ? sessionIdFor(index, command.nonce) : command.sessionId;
  return {
    id: index,
    order: index,
    heapIndex: -1,
    previous: undefined,
    next: undefined,
    name: command.name,
    requestId: command.requestId,
    fingerprint: command.fingerprint,
    sessionId,
    implicit,
    ttlMs: command.ttlMs,
    ownerId: command.ownerId || sessionId,
    metadata: command.metadata,
    startedAtMs: nowMs,
    finishedAtMs: 0,
    deadlineMs: nowMs + command.waitMs,
    attachment: command.nonce,
    outcome: { kind: 'waiting' },
  };
}

/** The id of the session that the command at a log index opens. */
export function sessionIdFor(index: number, nonce: string): string {
  return `${index.toString(36)}-${nonce}`;
}

/** True when the lock is held by this owner within this session. */
export function isHolder(
  holder: LockHolder,
  who: { readonly sessionId: string; readonly ownerId: string },
): boolean {
  return holder.sessionId === who.sessionId && holder.ownerId === who.ownerId;
}

/** Reentrant acquisition: the same token, one more hold. */
export function holdAgain(holder: LockHolder, attempt: Attempt): void {
  holder.holdCount += 1;
  holder.recentGrants = [
    ...holder.recentGrants.slice(1 - RECENT_GRANTS_MAX),
    { attemptId: attempt.id, attachment: attempt.attachment },
  ];
  attempt.outcome = { kind: 'granted', token: holder.token, holdCount: holder.holdCount };
}

/** From now on no CancelWait gives this grant back. */
export function forgetGrant(holder: LockHolder, attemptId: number): void {
  holder.recentGrants = holder.recentGrants.filter((grant) => grant.attemptId !== attemptId);
}

/** The answer to a granted attempt. */
export function acquired(
  attempt: Attempt,
  { token, holdCount }: { readonly token: number; readonly holdCount: number },
): Acquired {
  return {
    kind: 'acquired',
    attemptId: attempt.id,
    sessionId: attempt.sessionId,
    token,
    holdCount,
  };
}

/** The waiter of a call that never learned its attempt's id. */
export function findWaiting(lock: HeldLock | undefined, attachment: string): Attempt | undefined {
  if (lock === undefined) return undefined;
  for (const attempt of lock.queue) if (attempt.attachment === attachment) return attempt;
  return undefined;
}

/** A session's waiters in the order in which they came, whatever the order in which a snapshot brought them back. */
export function waitingInOrder(session: Session): Attempt[] {
  return [...session.waiting].sort((one, other) => one.id - other.id);
}

/** The places of waiters that are about to leave: one walk along each queue, however many leave it. */
export function placesInQueues(
  leaving: readonly Attempt[],
  locks: ReadonlyMap<string, HeldLock>,
): Map<Attempt, number> {
  const places = new Map<Attempt, number>();
  if (leaving.length === 0) return places;
  const wanted = new Set(leaving);
  for (const name of new Set(leaving.map((attempt) => attempt.name))) {
    let place = 0;
    for (const attempt of locks.get(name)?.queue ?? []) {
      place += 1;
      if (wanted.has(attempt)) places.set(attempt, place);
    }
  }
  return places;
}
