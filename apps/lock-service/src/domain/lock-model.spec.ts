import fc from 'fast-check';
import { type ModelAttempt, NaiveModel } from '../../test/naive-model';
import { encodeCommand } from './command-codec';
import { type LockCommand } from './commands';
import { LockStateMachine } from './lock-state-machine';
import { decodeResult, encodeResult } from './result-codec';

/** One step of a history, in terms of what exists by then: "the third session", "the last attempt". */
interface Step {
  what:
    'open' | 'renew' | 'close' | 'acquire' | 'cancel' | 'release' | 'force' | 'pass' | 'restore';
  name: string;
  pick: number;
  owner: string;
  /** Whether an acquire brings a session. */
  explicit: boolean;
  waitMs: number;
  ttlMs: number;
  requestId: string;
  /** Whether names, tokens and attachments are the right ones. */
  right: boolean;
  passMs: number;
}

// Few names, sessions and request ids, and lives that are long against the steps: most steps meet what earlier ones left.
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    ...(['open', 'renew', 'close', 'force', 'pass', 'restore'] as const),
    ...(['acquire', 'acquire', 'acquire', 'acquire', 'acquire', 'acquire'] as const),
    ...(['cancel', 'cancel', 'release', 'release'] as const),
  ),
  name: fc.constantFrom('a', 'a', 'a', 'a', 'b'),
  pick: fc.nat(1),
  owner: fc.constantFrom('', '', '', 'x'),
  explicit: fc.constantFrom(true, true, false),
  waitMs: fc.constantFrom(0, 400, 400, 600),
  ttlMs: fc.constantFrom(100, 300, 300),
  requestId: fc.constantFrom('', '', 'r1'),
  right: fc.integer({ min: 0, max: 2 }).map((n) => n > 0),
  passMs: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 50, 100, 300),
});

/** Runs the real state machine, a replica of it that is restored from snapshots now and then, and the naive model, side by side. */
class SideBySide {
  private readonly machine = new LockStateMachine();
  private replica = new LockStateMachine();
  private readonly model = new NaiveModel();
  private index = 0;
  private nowMs = 0;
  private readonly knownSessions: string[] = [];

  openSessions(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.index += 1;
      this.model.expire(this.index, this.nowMs);
      this.apply({ kind: 'openSession', fingerprint: 1, nonce: 'o', ttlMs: 300 });
    }
  }

  run(next: Step): void {
    this.nowMs += next.passMs;
    this.index += 1;
    const context = { index: this.index, nowMs: this.nowMs };
    const before = this.machine.snapshot();
    const begunBefore = this.machine.snapshotSlices();
    for (const machine of [this.machine, this.replica]) machine.expire(context);
    this.model.expire(this.index, this.nowMs);
    if (next.what === 'restore') {
      this.replica = new LockStateMachine();
      this.replica.restore(this.machine.snapshot());
    } else if (next.what !== 'pass') {
      this.apply(this.commandFor(next));
    }
    // What was begun before the step is of the state before it.
    expect(Buffer.compare(Buffer.concat([...begunBefore]), before)).toBe(0);
    this.check();
  }

  private apply(command: LockCommand): void {
    const context = { index: this.index, nowMs: this.nowMs };
    const bytes = encodeCommand(command);
    const result = this.machine.apply(bytes, context);
    expect(result.outcome).toMatchObject(this.model.apply(command));
    expect(this.replica.apply(bytes, context)).toEqual(result);
    expect(decodeResult(encodeResult(result))).toEqual(result);
    if (result.outcome.kind === 'sessionOpened') this.knownSessions.push(result.outcome.sessionId);
    if (result.outcome.kind === 'acquired') this.knownSessions.push(result.outcome.sessionId);
  }

  private commandFor(next: Step): LockCommand {
    const { name, owner: ownerId, ttlMs, pick } = next;
    const open = next.right ? this.model.sessions.map((it) => it.id) : this.knownSessions;
    const sessionId = open.at(-1 - pick) ?? 'none';
    const lock = this.model.lock(name);
    const waiting = this.model.attempts.filter((it) => it.state === 'waiting');
    const attempts = next.explicit && waiting.length > 0 ? waiting : this.model.attempts;
    const attempt = attempts.at(-1 - pick);
    switch (next.what) {
      case 'open':
        return { kind: 'openSession', fingerprint: 1, nonce: 'o', ttlMs };
      case 'renew':
        return { kind: 'renewSessions', sessionIds: [sessionId, 'none'] };
      case 'close':
        return { kind: 'closeSession', fingerprint: 1, sessionId };
      case 'cancel':
        return {
          kind: 'cancelWait',
          name: attempt?.command.name ?? name,
          attemptId: attempt?.id ?? 0,
          // A wrong one is that of a call that has been superseded.
          attachment: (next.right ? attempt?.attachment : attempt?.command.nonce) ?? '',
        };
      case 'release':
        return {
          kind: 'release',
          fingerprint: 1,
          name,
          sessionId: next.right ? (lock?.sessionId ?? sessionId) : sessionId,
          ownerId: next.right ? (lock?.ownerId ?? ownerId) : ownerId,
          token: next.explicit ? (lock?.token ?? 1) + (next.right ? 0 : 1) : 0,
        };
      case 'force':
        return { kind: 'forceRelease', fingerprint: 1, name, reason: 'model' };
      default:
        return {
          kind: 'acquire',
          fingerprint: next.requestId === '' ? 0 : name.charCodeAt(0),
          name,
          sessionId: next.explicit ? sessionId : '',
          ownerId,
          ttlMs,
          waitMs: next.waitMs,
          requestId: next.requestId,
          nonce: `n${this.index}`,
          metadata: [['at', String(this.index)]],
        };
    }
  }

  private check(): void {
    for (const name of ['a', 'b']) this.checkLock(name);
    for (const attempt of this.model.attempts) this.checkAttempt(attempt);
    const sessionDeadlines = this.model.sessions.map((it) => it.deadlineMs);
    const waiters = this.model.attempts.filter((it) => it.state === 'waiting');
    const deadlines = [...sessionDeadlines, ...waiters.map((it) => it.deadlineMs)];
    expect(this.machine.nextDeadlineMs()).toBe(
      deadlines.length === 0 ? undefined : Math.min(...deadlines),
    );
    expect(this.machine.counts).toEqual({
      sessions: this.model.sessions.length,
      locks: this.model.locks.length,
      waiters: waiters.length,
    });
    const snapshot = this.machine.snapshot();
    expect(Buffer.compare(snapshot, this.replica.snapshot())).toBe(0);
    const restored = new LockStateMachine();
    restored.restore(snapshot);
    expect(Buffer.compare(snapshot, restored.snapshot())).toBe(0);
  }

  private checkLock(name: string): void {
    const view = this.machine.lock(name);
    const expected = this.model.lock(name);
    // At most one holder, and its session is open.
    expect(view.holders.length).toBe(expected === undefined ? 0 : 1);
    for (const holder of view.holders) {
      expect(holder).toMatchObject({ token: expected?.token, holdCount: expected?.holdCount });
      expect(holder.sessionId).toBe(expected?.sessionId);
      expect(holder.ownerId).toBe(expected?.ownerId);
      expect(holder.expiresInMs).toBeGreaterThan(0);
    }
    // First come, first served.
    const queue = this.model.queue(name);
    expect(view.waiters.map((it) => it.metadata[0]?.[1])).toEqual(queue.map((it) => String(it.id)));
    // Tokens strictly grow.
    const tokens = this.model.granted.get(name) ?? [];
    expect(tokens.every((token, at) => at === 0 || token > (tokens[at - 1] ?? 0))).toBe(true);
    expect(view.currentToken).toBe(tokens.at(-1) ?? 0);
  }

  private checkAttempt(expected: ModelAttempt): void {
    const attempt = this.machine.attempt(expected.id);
    // Immediate answers to calls without a request id are not remembered.
    if (attempt === undefined) return expect(expected.state).not.toBe('waiting');
    expect(attempt.outcome.kind).toBe(expected.state);
    if (attempt.outcome.kind === 'granted') expect(attempt.outcome.token).toBe(expected.token);
    if (attempt.outcome.kind === 'notAcquired')
      expect(attempt.outcome.queuePosition).toBe(expected.place);
  }
}

describe('the lock state machine', () => {
  it('does what the naive model does, and every replica holds the same bytes, under any history', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const both = new SideBySide();
        both.openSessions(2);
        for (const next of steps) both.run(next);
      }),
      { numRuns: Number(process.env['LOCK_MODEL_RUNS'] ?? 250) },
    );
  });
});
