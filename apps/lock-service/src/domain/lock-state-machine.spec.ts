import { StateMachineDriver } from '../../test/state-machine-driver';
import { encodeCommand } from './command-codec';
import { LockStateMachine } from './lock-state-machine';

let driver: StateMachineDriver;
beforeEach(() => {
  driver = new StateMachineDriver();
});

describe('acquiring', () => {
  it('grants a free lock with the log index as its token', () => {
    const grant = driver.hold('a');

    expect(grant.token).toBe(driver.index);
    expect(driver.machine.lock('a')).toMatchObject({
      holders: [{ sessionId: grant.sessionId, token: grant.token, holdCount: 1 }],
      currentToken: grant.token,
    });
  });

  it('answers a try for a held lock at once and changes nothing', () => {
    driver.hold('a');
    const before = driver.machine.snapshot();

    expect(driver.acquire('a')).toEqual({ kind: 'notAcquired', queuePosition: 0 });
    expect(driver.machine.snapshot()).toEqual(before);
  });

  it('keeps the token and counts holds when the same owner acquires again', () => {
    const sessionId = driver.openSession();
    const first = driver.hold('a', { sessionId, ownerId: 'me' });

    const second = driver.hold('a', { sessionId, ownerId: 'me' });

    expect(second).toMatchObject({ token: first.token, holdCount: 2 });
    expect(driver.release('a', sessionId, { ownerId: 'me' })).toEqual({
      kind: 'released',
      holdCount: 1,
    });
    expect(driver.release('a', sessionId, { ownerId: 'me' })).toEqual({
      kind: 'released',
      holdCount: 0,
    });
    expect(driver.machine.holders('a')).toEqual([]);
  });

  it('takes another owner of the same session for somebody else', () => {
    const sessionId = driver.openSession();
    driver.hold('a', { sessionId, ownerId: 'me' });

    expect(driver.acquire('a', { sessionId, ownerId: 'you' }).kind).toBe('notAcquired');
  });

  it('refuses a session that is not open', () => {
    expect(driver.acquire('a', { sessionId: 'gone' })).toMatchObject({
      kind: 'rejected',
      reason: 'sessionNotFound',
    });
    expect(driver.machine.counts).toEqual({ sessions: 0, locks: 0, waiters: 0 });
  });

  it('grants waiters in the order in which they came', () => {
    const { sessionId } = driver.hold('a');
    const waiters = [driver.wait('a'), driver.wait('a'), driver.wait('a')];

    driver.release('a', sessionId);
    for (const waiter of waiters) {
      const attempt = driver.machine.attempt(waiter);
      expect(attempt?.outcome.kind).toBe('granted');
      driver.release('a', attempt?.sessionId ?? '');
    }

    expect(driver.machine.counts).toEqual({ sessions: 0, locks: 0, waiters: 0 });
  });

  it('admits a further call of the owner who gets the lock, so that an owner never waits for itself', () => {
    const { sessionId } = driver.hold('a');
    const mine = driver.openSession();
    const first = driver.wait('a', { sessionId: mine });
    const other = driver.wait('a');
    const second = driver.wait('a', { sessionId: mine });

    driver.release('a', sessionId);

    expect(driver.machine.attempt(first)?.outcome).toMatchObject({ kind: 'granted', holdCount: 1 });
    expect(driver.machine.attempt(second)?.outcome).toMatchObject({
      kind: 'granted',
      holdCount: 2,
    });
    expect(driver.outcomeOf(other)).toBe('waiting');
  });
});

describe('an implicit session', () => {
  it('has its time to live counted from the grant, also for a waiter', () => {
    driver.hold('a', { ttlMs: 5_000 });
    const waiter = driver.wait('a', { ttlMs: 2_000 });

    driver.pass(5_000);

    expect(driver.outcomeOf(waiter)).toBe('granted');
    expect(driver.machine.holders('a')[0]?.expiresInMs).toBe(2_000);
    driver.pass(1_999);
    expect(driver.machine.holders('a')).toHaveLength(1);
    driver.pass(1);
    expect(driver.machine.holders('a')).toEqual([]);
  });

  it('is closed when its lock is released, with everything that it held besides', () => {
    const { sessionId } = driver.hold('a');
    driver.hold('b', { sessionId });

    driver.release('a', sessionId);

    expect(driver.machine.counts).toEqual({ sessions: 0, locks: 0, waiters: 0 });
    expect(driver.renew(sessionId)).toEqual([0]);
  });

  it('stays open while another of its locks is released', () => {
    const { sessionId } = driver.hold('a');
    driver.hold('b', { sessionId });

    driver.release('b', sessionId);

    expect(driver.renew(sessionId)).toEqual([10_000]);
  });

  it('is kept alive like any other', () => {
    const { sessionId } = driver.hold('a', { ttlMs: 1_000 });
    driver.pass(900);
    driver.renew(sessionId);

    driver.pass(900);

    expect(driver.machine.holders('a')).toHaveLength(1);
  });
});

describe('expiry', () => {
  it('happens by entries only: a late stamp is needed, no matter how late it is by any other clock', () => {
    driver.hold('a', { ttlMs: 1_000 });
    driver.nowMs += 50_000;

    expect(driver.machine.holders('a')).toHaveLength(1);
    expect(driver.acquire('a').kind).toBe('acquired');
  });

  it('tells a waiter that its session has ended, and never grants to it', () => {
    const holder = driver.openSession(3_000);
    const waiting = driver.openSession(3_000);
    driver.hold('a', { sessionId: holder });
    const expired = driver.wait('a', { sessionId: waiting });
    const alive = driver.wait('a');

    driver.pass(3_000);

    expect(driver.outcomeOf(expired)).toBe('sessionExpired');
    expect(driver.outcomeOf(alive)).toBe('granted');
  });

  it('takes out a waiter whose time is over at the very moment that frees the lock', () => {
    driver.hold('a', { ttlMs: 2_000 });
    const late = driver.wait('a', { waitMs: 2_000 });

    driver.pass(2_000);

    expect(driver.machine.attempt(late)?.outcome).toEqual({
      kind: 'notAcquired',
      queuePosition: 1,
    });
    expect(driver.machine.holders('a')).toEqual([]);
  });

  it('says which place each late waiter gives up', () => {
    driver.hold('a', { ttlMs: 60_000 });
    const [first, second, third] = [1_000, 50_000, 1_000].map((waitMs) =>
      driver.wait('a', { waitMs }),
    );

    driver.pass(1_000);

    expect(driver.machine.attempt(first ?? 0)?.outcome).toMatchObject({ queuePosition: 1 });
    expect(driver.machine.attempt(third ?? 0)?.outcome).toMatchObject({ queuePosition: 3 });
    expect(driver.machine.lock('a').waiters).toHaveLength(1);
    expect(driver.outcomeOf(second ?? 0)).toBe('waiting');
  });

  it('names the earliest deadline of sessions and waiters', () => {
    expect(driver.machine.nextDeadlineMs()).toBeUndefined();
    const session = driver.openSession(5_000);
    expect(driver.machine.nextDeadlineMs()).toBe(driver.nowMs + 5_000);
    driver.hold('a', { sessionId: session });
    const waiter = driver.wait('a', { waitMs: 2_000 });
    expect(driver.machine.nextDeadlineMs()).toBe(driver.nowMs + 2_000);
    driver.cancel('a', waiter);
    expect(driver.machine.nextDeadlineMs()).toBe(driver.nowMs + 5_000);
    driver.pass(1_000);
    driver.renew(session);
    expect(driver.machine.nextDeadlineMs()).toBe(driver.nowMs + 5_000);
    driver.closeSession(session);
    expect(driver.machine.nextDeadlineMs()).toBeUndefined();
  });

  it('stays cheap with twenty thousand sessions: renewing all and ending all takes well under the bound', () => {
    const sessions = Array.from({ length: 20_000 }, (_, n) => driver.openSession(10_000 + n));
    const startedMs = Date.now();

    for (let round = 0; round < 5; round += 1) {
      driver.pass(1_000);
      driver.renew(...sessions);
    }
    driver.pass(100_000);

    expect(driver.machine.counts.sessions).toBe(0);
    expect(driver.machine.nextDeadlineMs()).toBeUndefined();
    expect(Date.now() - startedMs).toBeLessThan(5_000);
  });
});

describe('tokens', () => {
  it('grow through release, expiry, closing, force release and restore', () => {
    const tokens: number[] = [];
    const take = (sessionId: string) => {
      tokens.push(driver.hold('a', { sessionId }).token);
    };
    take(driver.openSession());
    driver.forceRelease('a');
    const closing = driver.openSession();
    take(closing);
    driver.closeSession(closing);
    take(driver.openSession(1_000));
    driver.pass(1_000);
    driver.machine.restore(driver.machine.snapshot());
    take(driver.openSession());

    expect([...tokens].sort((one, other) => one - other)).toEqual(tokens);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(driver.machine.currentToken('a')).toBe(tokens.at(-1));
  });

  it('grow even when one entry grants a lock twice', () => {
    driver.hold('a', { ttlMs: 1_000 });
    const next = driver.openSession(60_000);
    const second = driver.wait('a', { sessionId: next });
    const third = driver.wait('a');
    driver.nowMs += 1_000;

    driver.closeSession(next);

    const granted = [second, third].map((id) => driver.machine.attempt(id)?.outcome);
    expect(granted).toEqual([
      { kind: 'granted', token: driver.index, holdCount: 1 },
      { kind: 'granted', token: driver.index + 1, holdCount: 1 },
    ]);
    expect(driver.machine.isHeld('a', driver.index)).toBe(false);
  });

  it('are remembered after the release, and never repeated after being forgotten', () => {
    driver = new StateMachineDriver({ freeLockTokensMax: 2 });
    const first = driver.hold('a');
    driver.release('a', first.sessionId);
    expect(driver.machine.currentToken('a')).toBe(first.token);
    expect(driver.machine.currentToken('b')).toBe(0);

    for (const name of ['b', 'c', 'd', 'e']) driver.release(name, driver.hold(name).sessionId);

    expect(driver.machine.currentToken('a')).toBeGreaterThanOrEqual(first.token);
    expect(driver.hold('a').token).toBeGreaterThan(first.token);
  });
});

describe('releasing', () => {
  it.each([
    ['a session that is gone', () => driver.release('a', 'gone'), 'sessionNotFound'],
    ['somebody else', () => driver.release('a', driver.openSession()), 'notHolder'],
    ['another owner', () => driver.release('a', holderSession(), { ownerId: 'x' }), 'notHolder'],
    ['a lock that nobody holds', () => driver.release('b', holderSession()), 'notHolder'],
    ['another token', () => driver.release('a', holderSession(), { token: 99 }), 'tokenMismatch'],
  ])('is refused for %s, and changes nothing', (_, release, reason) => {
    driver.hold('a');
    const holdersBefore = driver.machine.holders('a');

    expect(release()).toMatchObject({ kind: 'rejected', reason });
    expect(driver.machine.holders('a')).toEqual(holdersBefore);
  });

  function holderSession(): string {
    return driver.machine.holders('a')[0]?.sessionId ?? '';
  }

  it('by force shows who held the lock and passes it on', () => {
    const { sessionId } = driver.hold('a', { metadata: [['host', 'x']] });
    const waiter = driver.wait('a');

    const outcome = driver.forceRelease('a');

    expect(outcome).toMatchObject({
      holders: [{ sessionId, metadata: [['host', 'x']] }],
    });
    expect(driver.outcomeOf(waiter)).toBe('granted');
    expect(driver.forceRelease('nobody holds this')).toEqual({
      kind: 'forceReleased',
      holders: [],
    });
  });

  it('by closing the session also takes its waiters out', () => {
    driver.hold('a');
    const sessionId = driver.openSession();
    const waiter = driver.wait('a', { sessionId });
    driver.hold('b', { sessionId });

    expect(driver.closeSession(sessionId)).toEqual({ kind: 'sessionClosed', locksReleased: 1 });

    expect(driver.outcomeOf(waiter)).toBe('sessionClosed');
    expect(driver.machine.lock('a').waiters).toEqual([]);
    expect(driver.closeSession(sessionId)).toMatchObject({ reason: 'sessionNotFound' });
  });
});

describe('cancelling', () => {
  it('takes a waiter out of the queue and says its place', () => {
    const { sessionId } = driver.hold('a');
    driver.wait('a');
    const second = driver.wait('a');

    expect(driver.cancel('a', second)).toEqual({
      kind: 'waitCancelled',
      gaveBack: false,
      queuePosition: 2,
    });

    driver.release('a', sessionId);
    expect(driver.outcomeOf(second)).toBe('cancelled');
  });

  it('gives back a grant that was made meanwhile, once', () => {
    const { sessionId } = driver.hold('a');
    const mine = driver.openSession();
    const waiter = driver.wait('a', { sessionId: mine });
    const attachment = driver.machine.attempt(waiter)?.attachment ?? '';
    driver.release('a', sessionId);

    expect(driver.cancel('a', waiter, { attachment })).toMatchObject({ gaveBack: true });
    driver.hold('a', { sessionId: mine });
    expect(driver.cancel('a', waiter, { attachment })).toMatchObject({ gaveBack: false });

    expect(driver.machine.holders('a')).toHaveLength(1);
  });

  it('gives back one hold of several', () => {
    const sessionId = driver.openSession();
    driver.hold('a', { sessionId });
    driver.hold('a', { sessionId, nonce: 'second' });
    driver.hold('a', { sessionId });

    driver.cancel('a', 0, { attachment: 'second' });

    expect(driver.machine.holders('a')[0]?.holdCount).toBe(2);
  });

  it('works for a call that never learned the id of its attempt, waiting or granted', () => {
    driver.hold('a', { nonce: 'first' });
    const waiter = driver.wait('a', { nonce: 'second' });

    driver.cancel('a', 0, { attachment: 'second' });
    driver.cancel('a', 0, { attachment: 'first' });

    expect(driver.outcomeOf(waiter)).toBe('cancelled');
    expect(driver.machine.holders('a')).toEqual([]);
  });

  it('does nothing for an attempt that is unknown or over', () => {
    const { attemptId } = driver.hold('a');
    const before = driver.machine.snapshot();

    expect(driver.cancel('a', 999, { attachment: 'x' })).toMatchObject({ gaveBack: false });
    expect(driver.cancel('a', attemptId, { attachment: 'x' })).toMatchObject({ gaveBack: false });
    expect(driver.cancel('b', 0, { attachment: 'x' })).toMatchObject({ gaveBack: false });
    expect(driver.machine.snapshot()).toEqual(before);
  });
});

describe('a retry with the same request id', () => {
  const requestId = 'r-1';

  it('gets the first answer', () => {
    const first = driver.hold('a', { requestId });

    expect(driver.acquire('a', { requestId })).toEqual(first);
    expect(driver.machine.holders('a')[0]?.holdCount).toBe(1);
  });

  it('takes the same place in the queue; the first call may no longer cancel it', () => {
    driver.hold('a');
    const first = driver.wait('a', { requestId });
    const firstCall = driver.machine.attempt(first)?.attachment ?? '';
    driver.wait('a');

    const again = driver.wait('a', { requestId });
    driver.cancel('a', first, { attachment: firstCall });

    expect(again).toBe(first);
    expect(driver.machine.lock('a').waiters).toHaveLength(2);
    expect(driver.outcomeOf(first)).toBe('waiting');
  });

  it('waits from now on, or not at all when it does not want to', () => {
    driver.hold('a', { ttlMs: 60_000 });
    const waiter = driver.wait('a', { requestId, waitMs: 5_000 });
    driver.pass(4_000);
    driver.wait('a', { requestId, waitMs: 5_000 });
    driver.pass(4_000);
    expect(driver.outcomeOf(waiter)).toBe('waiting');

    expect(driver.acquire('a', { requestId })).toEqual({ kind: 'notAcquired', queuePosition: 1 });
    expect(driver.machine.lock('a').waiters).toEqual([]);
  });

  it('finds the grant that was made meanwhile, which no earlier call can give back then', () => {
    const { sessionId } = driver.hold('a');
    const waiter = driver.wait('a', { requestId, nonce: 'first call' });
    driver.release('a', sessionId);

    const found = driver.hold('a', { requestId });
    driver.cancel('a', waiter, { attachment: 'first call' });

    expect(found.attemptId).toBe(waiter);
    expect(driver.machine.isHeld('a', found.token)).toBe(true);
  });

  it('is told when the grant is over, instead of being told that it holds the lock', () => {
    const first = driver.hold('a', { requestId });
    driver.forceRelease('a');

    expect(driver.acquire('a', { requestId })).toMatchObject({
      kind: 'rejected',
      reason: 'grantEnded',
      value: first.token,
    });
  });

  it('is told when the session ended while it waited', () => {
    driver.hold('a', { ttlMs: 60_000 });
    const sessionId = driver.openSession(1_000);
    driver.wait('a', { sessionId, requestId });
    driver.pass(1_000);

    expect(driver.acquire('a', { sessionId, requestId })).toMatchObject({ reason: 'sessionEnded' });
  });

  it('starts afresh after the first call was cancelled', () => {
    driver.hold('a');
    const first = driver.wait('a', { requestId });
    driver.cancel('a', first);

    expect(driver.wait('a', { requestId })).not.toBe(first);
  });

  it('is refused when it asks for something else', () => {
    driver.hold('a', { requestId });

    expect(driver.acquire('b', { requestId, fingerprint: 77 })).toMatchObject({
      reason: 'requestIdReused',
    });
    expect(driver.machine.holders('b')).toEqual([]);
  });

  it('is found for a bounded while, in a bounded number', () => {
    driver = new StateMachineDriver({ finishedAttemptsMax: 2, finishedAttemptRetentionMs: 5_000 });
    const ids = ['1', '2', '3'].map((id) => driver.hold(id, { requestId: id }).attemptId);

    expect(ids.map((id) => driver.outcomeOf(id))).toEqual([undefined, 'granted', 'granted']);
    driver.pass(5_000);
    expect(ids.map((id) => driver.outcomeOf(id))).toEqual([undefined, undefined, undefined]);
  });
});

describe('limits', () => {
  it.each([
    ['sessions', { sessionsMax: 1 }, () => driver.hold('a'), () => driver.acquire('b')],
    ['locks', { locksMax: 1 }, () => driver.hold('a'), () => driver.acquire('b')],
    [
      'waiters_per_lock',
      { waitersPerLockMax: 1 },
      () => [driver.hold('a'), driver.wait('a')],
      () => driver.acquire('a', { waitMs: 1 }),
    ],
    [
      'waiters',
      { waitersMax: 1 },
      () => [driver.hold('a'), driver.hold('b'), driver.wait('a')],
      () => driver.acquire('b', { waitMs: 1 }),
    ],
    [
      'locks_per_session',
      { locksPerSessionMax: 1 },
      () => driver.hold('a', { sessionId: driver.openSession() }),
      () => driver.acquire('b', { sessionId: sessionOf('a') }),
    ],
    [
      'hold_count',
      { holdCountMax: 1 },
      () => driver.hold('a', { sessionId: driver.openSession() }),
      () => driver.acquire('a', { sessionId: sessionOf('a') }),
    ],
  ])(
    '%s: the one above is refused with limit and value, and nothing changes',
    (name, limits, fill, exceed) => {
      driver = new StateMachineDriver(limits);
      fill();
      const before = driver.machine.snapshot();

      expect(exceed()).toEqual({
        kind: 'rejected',
        reason: 'limitReached',
        limitName: name,
        limit: 1,
        value: 1,
      });
      expect(driver.machine.snapshot()).toEqual(before);
    },
  );

  it('sessions: a waiter has reserved the session that its grant will open', () => {
    driver = new StateMachineDriver({ sessionsMax: 2 });
    const { sessionId } = driver.hold('a');
    driver.wait('a');

    expect(driver.acquire('b')).toMatchObject({ reason: 'limitReached', limitName: 'sessions' });
    driver.release('a', sessionId);
    expect(driver.acquire('b').kind).toBe('acquired');
  });

  function sessionOf(name: string): string {
    return driver.machine.holders(name)[0]?.sessionId ?? '';
  }
});

describe('the state machine', () => {
  it('answers bytes that are no command without changing anything', () => {
    driver.hold('a');
    const before = driver.machine.snapshot();
    const context = { index: driver.index + 1, nowMs: driver.nowMs };

    const { outcome } = driver.machine.apply(Uint8Array.of(1, 200, 3), context);

    expect(outcome).toMatchObject({ kind: 'rejected', reason: 'invalidCommand' });
    expect(driver.machine.snapshot()).toEqual(before);
  });

  it('throws on snapshots that it does not understand, and keeps its state', () => {
    driver.hold('a');
    const snapshot = driver.machine.snapshot();

    expect(() => driver.machine.restore(Uint8Array.of(9))).toThrow('format 9');
    expect(() => driver.machine.restore(snapshot.subarray(0, snapshot.length - 1))).toThrow();
    expect(driver.machine.snapshot()).toEqual(snapshot);
  });

  it('tells its listener of every attempt that stops waiting, and of a restore', () => {
    const changes: string[] = [];
    driver.machine.listen({
      onAttemptChanged: (attempt) => changes.push(`${attempt.name} ${attempt.outcome.kind}`),
      onRestored: () => changes.push('restored'),
    });
    const { sessionId } = driver.hold('a');
    driver.wait('a');
    driver.release('a', sessionId);
    driver.machine.restore(driver.machine.snapshot());
    driver.wait('a', { waitMs: 1 });
    driver.pass(1);

    expect(changes).toEqual(['a granted', 'restored', 'a notAcquired']);
  });

  it('is the same after a snapshot taken on another replica', () => {
    driver.hold('a');
    driver.wait('a', { requestId: 'x' });
    const copy = new LockStateMachine();
    copy.restore(driver.machine.snapshot());
    const context = { index: driver.index + 1, nowMs: driver.nowMs + 10_000 };
    const command = encodeCommand({ kind: 'forceRelease', fingerprint: 0, name: 'a', reason: 'r' });

    for (const machine of [driver.machine, copy]) {
      machine.expire(context);
      machine.apply(command, context);
    }

    expect(copy.snapshot()).toEqual(driver.machine.snapshot());
  });
});

describe('coming back from a backup', () => {
  const GAP = 1_000_000;

  /** Restores a snapshot as a replica does that is started from a backup. */
  function comeBack(snapshot: Uint8Array, index: number): StateMachineDriver {
    const restored = new StateMachineDriver();
    restored.machine.restore(snapshot);
    restored.index = index + GAP;
    const { index: at, nowMs } = restored;
    const times = { takenAtMs: 0, restoredAtMs: 0 };
    restored.machine.returnFromBackup({
      index: at,
      nowMs,
      indexGap: GAP,
      sequenceGap: 1n,
      ...times,
    });
    return restored;
  }

  it('ends every session, so that nobody believes to hold what another may hold', () => {
    const sessionId = driver.openSession(86_400_000);
    driver.hold('a', { sessionId });
    driver.hold('b');
    driver.wait('a');

    const restored = comeBack(driver.machine.snapshot(), driver.index);

    expect(restored.machine.counts).toEqual({ sessions: 0, locks: 0, waiters: 0 });
    expect(restored.renew(sessionId)).toEqual([0]);
    expect(restored.release('a', sessionId)).toMatchObject({ reason: 'sessionNotFound' });
    expect(restored.machine.nextDeadlineMs()).toBeUndefined();
  });

  it('answers the retry of a call that waited: its time is over', () => {
    const sessionId = driver.openSession();
    driver.hold('a');
    driver.wait('a', { sessionId, requestId: 'x' });

    const restored = comeBack(driver.machine.snapshot(), driver.index);

    expect(restored.acquire('a', { sessionId, requestId: 'x' })).toMatchObject({
      kind: 'notAcquired',
      queuePosition: 1,
    });
  });

  it('grants with tokens above all that were granted after the backup, whichever lock it is', () => {
    driver.hold('a');
    const { index } = driver;
    const backup = driver.machine.snapshot();
    const after: number[] = [];
    for (let at = 0; at < 50; at += 1) {
      const grant = driver.hold(`later-${at % 5}`);
      after.push(grant.token);
      driver.forceRelease(`later-${at % 5}`);
    }

    const restored = comeBack(backup, index);

    for (const name of ['a', 'later-0', 'never']) {
      expect(restored.hold(name).token).toBeGreaterThan(Math.max(...after));
    }
  });
});
