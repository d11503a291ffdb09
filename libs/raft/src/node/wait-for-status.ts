import type { RaftStatus } from '../raft-node';
import type { Driver } from './driver';

/** The status once it satisfies the condition; undefined when the time is over, or nobody waits any longer. */
export function waitForStatus<Result>(
  driver: Driver<Result>,
  condition: (status: RaftStatus) => boolean,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<RaftStatus | undefined> {
  const now = driver.status();
  if (condition(now)) return Promise.resolve(now);
  return new Promise((resolve) => {
    const finish = (status: RaftStatus | undefined): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      remove();
      resolve(status);
    };
    const giveUp = (): void => finish(undefined);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    const remove = driver.statusListeners.add((status) => {
      if (condition(status)) finish(status);
    });
  });
}
