import { type HeldLock, type LockHolder, type LockMetadata, type Session } from './model';
import { type HolderView } from './results';

/** One waiter as it is now. */
export interface WaiterView {
  readonly sessionId: string;
  readonly ownerId: string;
  /** 1 is next. */
  readonly queuePosition: number;
  readonly waitingForMs: number;
  readonly metadata: LockMetadata;
}

/** A lock as it is now. */
export interface LockView {
  readonly name: string;
  readonly holders: readonly HolderView[];
  readonly waiters: readonly WaiterView[];
  readonly currentToken: number;
}

/** Shows a holder at a moment of the log clock. */
export function viewHolder(
  holder: LockHolder,
  session: Session | undefined,
  nowMs: number,
): HolderView {
  return {
    sessionId: holder.sessionId,
    ownerId: holder.ownerId,
    token: holder.token,
    holdCount: holder.holdCount,
    heldForMs: Math.max(0, nowMs - holder.grantedAtMs),
    expiresInMs: Math.max(0, (session?.deadlineMs ?? nowMs) - nowMs),
    metadata: holder.metadata,
  };
}

/** Shows the first waiters of a lock. The session of a waiter that brought none is not open yet, and reads as ''. */
export function viewWaiters(lock: HeldLock, nowMs: number, waitersMax: number): WaiterView[] {
  const waiters: WaiterView[] = [];
  for (const attempt of lock.queue) {
    if (waiters.length >= waitersMax) break;
    waiters.push({
      sessionId: attempt.implicit ? '' : attempt.sessionId,
      ownerId: attempt.implicit && attempt.ownerId === attempt.sessionId ? '' : attempt.ownerId,
      queuePosition: waiters.length + 1,
      waitingForMs: Math.max(0, nowMs - attempt.startedAtMs),
      metadata: attempt.metadata,
    });
  }
  return waiters;
}

/**
 * The `count` smallest names that begin with `prefix` and come after `after`, in order. Walks all names once and keeps only a page of
 * them, so that listing a hundred thousand locks does not sort them for every page.
 */
export function smallestNames(
  names: Iterable<string>,
  prefix: string,
  after: string,
  count: number,
): string[] {
  const page: string[] = [];
  for (const name of names) {
    if (name <= after || !name.startsWith(prefix)) continue;
    const largest = page[page.length - 1];
    if (page.length >= count && largest !== undefined && name > largest) continue;
    page.splice(placeFor(page, name), 0, name);
    if (page.length > count) page.pop();
  }
  return page;
}

function placeFor(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = sorted[middle];
    if (there !== undefined && there < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
