import { encodeCommand } from '../src/domain/command-codec';
import {
  type Acquire,
  type CancelWait,
  type ForceRelease,
  type LockCommand,
  type OpenSession,
  type Release,
} from '../src/domain/commands';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from '../src/domain/limits';
import { LockStateMachine } from '../src/domain/lock-state-machine';
import { type LockOutcome } from '../src/domain/results';

/** Feeds a state machine as a replica would: one entry after the other, each with an index and a stamp, expiry first. */
export class StateMachineDriver {
  machine: LockStateMachine;
  index = 0;
  nowMs = 1_000;
  private nonces = 0;

  constructor(limits: Partial<LockLimits> = {}) {
    this.machine = new LockStateMachine({ ...DEFAULT_LOCK_LIMITS, ...limits });
  }

  /** Applies a command as the next entry. */
  apply(command: LockCommand): LockOutcome {
    this.index += 1;
    const context = { index: this.index, nowMs: this.nowMs };
    this.machine.expire(context);
    return this.machine.apply(encodeCommand(command), context).outcome;
  }

  /** Lets the log clock pass and appends an expiry entry. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.index += 1;
    this.machine.expire({ index: this.index, nowMs: this.nowMs });
  }

  openSession(ttlMs = 10_000, more: Partial<OpenSession> = {}): string {
    const outcome = this.apply({
      kind: 'openSession',
      fingerprint: 1,
      nonce: this.nonce(),
      ttlMs,
      ...more,
    });
    if (outcome.kind !== 'sessionOpened') throw new Error(`not opened: ${JSON.stringify(outcome)}`);
    return outcome.sessionId;
  }

  acquire(name: string, more: Partial<Acquire> = {}): LockOutcome {
    return this.apply({
      kind: 'acquire',
      fingerprint: 2,
      name,
      sessionId: '',
      ownerId: '',
      ttlMs: 10_000,
      waitMs: 0,
      requestId: '',
      nonce: this.nonce(),
      metadata: [],
      ...more,
    });
  }

  /** An acquire that must succeed. */
  hold(name: string, more: Partial<Acquire> = {}): Extract<LockOutcome, { kind: 'acquired' }> {
    const outcome = this.acquire(name, more);
    if (outcome.kind !== 'acquired') throw new Error(`not acquired: ${JSON.stringify(outcome)}`);
    return outcome;
  }

  /** An acquire that must wait; yields its attempt's id. */
  wait(name: string, more: Partial<Acquire> = {}): number {
    const outcome = this.acquire(name, { waitMs: 60_000, ...more });
    if (outcome.kind !== 'waiting') throw new Error(`does not wait: ${JSON.stringify(outcome)}`);
    return outcome.attemptId;
  }

  release(name: string, sessionId: string, more: Partial<Release> = {}): LockOutcome {
    return this.apply({
      kind: 'release',
      fingerprint: 3,
      name,
      sessionId,
      ownerId: '',
      token: 0,
      ...more,
    });
  }

  cancel(name: string, attemptId: number, more: Partial<CancelWait> = {}): LockOutcome {
    const attachment = this.machine.attempt(attemptId)?.attachment ?? '';
    return this.apply({ kind: 'cancelWait', name, attemptId, attachment, ...more });
  }

  forceRelease(name: string, more: Partial<ForceRelease> = {}): LockOutcome {
    return this.apply({ kind: 'forceRelease', fingerprint: 4, name, reason: 'test', ...more });
  }

  closeSession(sessionId: string): LockOutcome {
    return this.apply({ kind: 'closeSession', fingerprint: 5, sessionId });
  }

  renew(...sessionIds: string[]): readonly number[] {
    const outcome = this.apply({ kind: 'renewSessions', sessionIds });
    if (outcome.kind !== 'sessionsRenewed') throw new Error(outcome.kind);
    return outcome.ttlsMs;
  }

  /** The kind of an attempt's outcome. */
  outcomeOf(attemptId: number): string | undefined {
    return this.machine.attempt(attemptId)?.outcome.kind;
  }

  private nonce(): string {
    this.nonces += 1;
    return `n${this.nonces}`;
  }
}
