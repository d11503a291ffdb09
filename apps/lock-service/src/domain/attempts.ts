import { type LockLimits } from './limits';
import { type Attempt, type AttemptOutcome } from './model';

/**
 * Every attempt that can still be found: those that wait, and for a bounded while those that are finished, so that a retry with the same
 * request id, on any replica, finds what became of the first call.
 */
export class Attempts {
  private readonly byId = new Map<number, Attempt>();
  private readonly byRequestId = new Map<string, Attempt>();
  /** In the order in which they finished; the first `forgotten` places are empty. */
  private finished: Attempt[] = [];
  private forgotten = 0;

  constructor(
    private readonly limits: Pick<LockLimits, 'finishedAttemptsMax' | 'finishedAttemptRetentionMs'>,
  ) {}

  get(id: number): Attempt | undefined {
    return this.byId.get(id);
  }

  forRequest(requestId: string): Attempt | undefined {
    return requestId === '' ? undefined : this.byRequestId.get(requestId);
  }

  /** How many attempts wait. */
  get waitingCount(): number {
    return this.byId.size - this.finishedCount;
  }

  get finishedCount(): number {
    return this.finished.length - this.forgotten;
  }

  /** Notes a new attempt. */
  add(attempt: Attempt): void {
    this.byId.set(attempt.id, attempt);
    if (attempt.requestId !== '') this.byRequestId.set(attempt.requestId, attempt);
  }

  /** Ends an attempt that was added before, and forgets the oldest finished ones beyond the limit. */
  finish(attempt: Attempt, outcome: AttemptOutcome, nowMs: number): void {
    attempt.outcome = outcome;
    attempt.finishedAtMs = nowMs;
    attempt.metadata = [];
    this.finished.push(attempt);
    if (this.finishedCount > this.limits.finishedAttemptsMax) this.forgetOldest();
  }

  /** Makes a finished attempt cancelled, whatever it was, so that its request id starts afresh. */
  cancel(attempt: Attempt): void {
    attempt.outcome = { kind: 'cancelled' };
    this.releaseRequestId(attempt);
  }

  /** Forgets the finished attempts whose time is over. */
  forgetUntil(nowMs: number): void {
    const { finishedAttemptRetentionMs } = this.limits;
    for (let oldest = this.oldest(); oldest !== undefined; oldest = this.oldest()) {
      if (oldest.finishedAtMs + finishedAttemptRetentionMs > nowMs) return;
      this.forgetOldest();
    }
  }

  /** Finished attempts, oldest first. */
  *finishedAttempts(): Iterable<Attempt> {
    for (let index = this.forgotten; index < this.finished.length; index += 1) {
      const attempt = this.finished[index];
      if (attempt !== undefined) yield attempt;
    }
  }

  clear(): void {
    this.byId.clear();
    this.byRequestId.clear();
    this.finished = [];
    this.forgotten = 0;
  }

  /** Takes a finished attempt from a snapshot; call in the order of {@link finishedAttempts}. */
  restoreFinished(attempt: Attempt): void {
    this.byId.set(attempt.id, attempt);
    if (attempt.requestId !== '' && attempt.outcome.kind !== 'cancelled')
      this.byRequestId.set(attempt.requestId, attempt);
    this.finished.push(attempt);
  }

  private oldest(): Attempt | undefined {
    return this.finished[this.forgotten];
  }

  private forgetOldest(): void {
    const attempt = this.oldest();
    if (attempt === undefined) return;
    this.byId.delete(attempt.id);
    this.releaseRequestId(attempt);
    this.forgotten += 1;
    if (this.forgotten >= 1024 && this.forgotten * 2 >= this.finished.length) {
      this.finished = this.finished.slice(this.forgotten);
      this.forgotten = 0;
    }
  }

  private releaseRequestId(attempt: Attempt): void {
    if (this.byRequestId.get(attempt.requestId) === attempt)
      this.byRequestId.delete(attempt.requestId);
  }
}
