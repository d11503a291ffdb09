/** Why a wait ended: its attempt may have changed, its time is over, its call was aborted, or this replica is about to stop. */
export type WaitEnd = 'changed' | 'timeout' | 'aborted' | 'draining';

interface PendingWait {
  readonly isOver: () => boolean;
  readonly end: (why: WaitEnd) => void;
}

/** The calls of this replica that wait for a lock, by attempt. */
export class PendingWaits {
  private readonly byAttempt = new Map<number, Set<PendingWait>>();
  private count = 0;
  private draining = false;

  get size(): number {
    return this.count;
  }

  /**
   * Waits until the attempt is over, or the time or the call is.
   *
   * @param isOver Whether this call has nothing more to wait for; asked now and after each change of the attempt.
   */
  wait(
    attemptId: number,
    isOver: () => boolean,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<WaitEnd> {
    const { timeoutMs, signal } = limits;
    if (isOver()) return Promise.resolve('changed');
    if (signal.aborted) return Promise.resolve('aborted');
    // A call whose Acquire was still on its way into the log when the drain began.
    if (this.draining) return Promise.resolve('draining');
    return new Promise((resolve) => {
      const onAbort = () => pending.end('aborted');
      const timer = setTimeout(() => pending.end('timeout'), timeoutMs);
      const pending: PendingWait = {
        isOver,
        end: (why) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          this.remove(attemptId, pending);
          resolve(why);
        },
      };
      signal.addEventListener('abort', onAbort);
      this.add(attemptId, pending);
    });
  }

  /** Wakes the calls that wait for an attempt, if it is over for them. */
  changed(attemptId: number): void {
    const pending = this.byAttempt.get(attemptId);
    if (pending === undefined) return;
    for (const wait of [...pending]) if (wait.isOver()) wait.end('changed');
  }

  /** Any attempt may have changed. */
  allChanged(): void {
    for (const attemptId of [...this.byAttempt.keys()]) this.changed(attemptId);
  }

  /** Ends every wait, and lets none begin from now on. */
  drain(): void {
    this.draining = true;
    for (const pending of [...this.byAttempt.values()])
      for (const wait of [...pending]) wait.end('draining');
  }

  private add(attemptId: number, pending: PendingWait): void {
    const others = this.byAttempt.get(attemptId);
    if (others === undefined) this.byAttempt.set(attemptId, new Set([pending]));
    else others.add(pending);
    this.count += 1;
  }

  private remove(attemptId: number, pending: PendingWait): void {
    const others = this.byAttempt.get(attemptId);
    if (others?.delete(pending) !== true) return;
    this.count -= 1;
    if (others.size === 0) this.byAttempt.delete(attemptId);
  }
}
