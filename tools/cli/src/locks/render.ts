import type { duration, lock } from '@raftway/contracts';
import { toMilliseconds } from '@raftway/service-kit';
import { table } from '../command/table';

/** Locks for people, one a line. */
export function renderLocks(locks: readonly lock.Lock[]): string {
  if (locks.length === 0) return 'No lock is held or waited for.';
  return table([
    ['LOCK', 'OWNER', 'SESSION', 'TOKEN', 'HELD FOR', 'EXPIRES IN', 'WAITING'],
    ...locks.map(({ name, holders: [holder], waiters, currentToken }) => [
      name,
      holder?.ownerId ?? '-',
      holder?.sessionId ?? '-',
      String(holder?.fencingToken ?? currentToken),
      seconds(holder?.heldFor),
      seconds(holder?.expiresIn),
      String(waiters.length),
    ]),
  ]);
}

/** One lock for people, with everybody who waits for it. */
export function renderLock(one: lock.Lock): string {
  const { name, holders, waiters, currentToken } = one;
  const state =
    holders.length === 0
      ? `${name} is free; the newest token is ${currentToken}.`
      : renderLocks([one]);
  const metadata = holders.flatMap((holder) => Object.entries(holder.metadata));
  const facts = metadata.map(([key, value]) => `  ${key}: ${value}`).join('\n');
  const queue = table(
    [
      ['PLACE', 'WAITING OWNER', 'SESSION', 'WAITING FOR'],
      ...waiters.map(({ queuePosition, ownerId, sessionId, waitingFor }) => [
        String(queuePosition),
        ownerId,
        sessionId,
        seconds(waitingFor),
      ]),
    ],
    '  ',
  );
  return [state, facts, waiters.length === 0 ? '' : queue].filter((part) => part !== '').join('\n');
}

/** Who holds a lock, in a clause. */
export function describeHolders(holders: readonly lock.Holder[]): string {
  const [holder] = holders;
  if (holder === undefined) return 'nobody says who holds it';
  const about = Object.entries(holder.metadata).map(([key, value]) => `${key} ${value}`);
  const details = [`for ${seconds(holder.heldFor)}`, `token ${holder.fencingToken}`, ...about].join(
    ', ',
  );
  return `${holder.ownerId} holds it (${details})`;
}

function seconds(length: duration.Duration | undefined): string {
  if (length === undefined) return '-';
  return `${((toMilliseconds(length) ?? 0) / 1000).toFixed(1)} s`;
}
