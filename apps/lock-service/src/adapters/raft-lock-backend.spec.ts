import { cancelled, ServiceError } from '@raftway/errors';
import { silentLogger } from '@raftway/observability';
import { type Replica } from '@raftway/service-kit';
import { createTestReplica } from '@raftway/service-kit/testing';
import { until } from '../../test/lock-harness';
import { LockStateMachine } from '../domain/lock-state-machine';
import { type LockResult } from '../domain/results';
import { type AcquireAnswer, type AcquireInput } from '../service/lock-backend';
import { RaftLockBackend } from './raft-lock-backend';

jest.setTimeout(30_000);

let replica: Replica<LockResult>;
let stateMachine: LockStateMachine;
let backend: RaftLockBackend;
beforeEach(async () => {
  stateMachine = new LockStateMachine();
  replica = await createTestReplica({ stateMachine });
  backend = new RaftLockBackend({ replica, stateMachine, logger: silentLogger() });
});
afterEach(async () => {
  await backend.drain();
  await replica.stop();
});

const callWith = (signal: AbortSignal) => ({ signal, deadlineMs: undefined });
const call = () => callWith(new AbortController().signal);

function input(name: string, more: Partial<AcquireInput> = {}): AcquireInput {
  return {
    name,
    sessionId: '',
    ownerId: '',
    ttlMs: 3_600_000,
    waitMs: 0,
    requestId: '',
    metadata: [],
    ...more,
  };
}

async function hold(name: string): Promise<string> {
  const answer = await backend.acquire(input(name), call());
  if (!answer.acquired) throw new Error(`lock ${name} is held`);
  return answer.sessionId;
}

const release = (name: string, sessionId: string) =>
  backend.release({ name, sessionId, ownerId: '', token: 0, requestId: '' }, call());
const holder = (name: string) => stateMachine.holders(name)[0]?.sessionId;

/** Lets this much of the event loop pass: different rounds of a race hit different orders. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

async function settled(pending: Promise<AcquireAnswer>): Promise<AcquireAnswer | ServiceError> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

describe('an acquire whose call is aborted', () => {
  it('keeps nothing, whatever comes first: the grant or the end of the call', async () => {
    const seen = { granted: 0, aborted: 0 };
    for (let round = 0; round < 80; round += 1) {
      const name = `race-${round}`;
      const sessionId = await hold(name);
      const ending = new AbortController();
      const waiting = settled(
        backend.acquire(input(name, { waitMs: 600_000 }), callWith(ending.signal)),
      );
      await until(() => stateMachine.lock(name).waiters.length === 1);

      const released = release(name, sessionId);
      await turns(round % 8);
      ending.abort(cancelled('the caller gave up'));
      const [outcome] = await Promise.all([waiting, released]);

      if (outcome instanceof ServiceError) {
        seen.aborted += 1;
        expect(outcome.codeName).toBe('CANCELLED');
        await until(() => holder(name) === undefined);
      } else {
        seen.granted += 1;
        expect(outcome).toMatchObject({ acquired: true, sessionId: holder(name) });
      }
    }
    expect(seen.aborted).toBeGreaterThan(0);
    expect(seen.granted).toBeGreaterThan(0);
  });

  it('keeps nothing when it ends before its command is in the log', async () => {
    const outcomes = [];
    for (let round = 0; round < 40; round += 1) {
      const ending = new AbortController();
      const pending = settled(backend.acquire(input(`early-${round}`), callWith(ending.signal)));
      await turns(round % 4);
      ending.abort(cancelled('the caller gave up'));
      outcomes.push(await pending);
    }

    const granted = outcomes.filter((outcome) => !(outcome instanceof ServiceError)).length;
    expect(granted).toBeLessThan(outcomes.length);
    await until(() => stateMachine.counts.locks === granted);
    await backend.drain();
    expect(stateMachine.counts).toEqual({ sessions: granted, locks: granted, waiters: 0 });
  });

  it('keeps nothing when it was aborted before it began', async () => {
    const aborted = AbortSignal.abort(cancelled('the caller gave up'));

    await expect(backend.acquire(input('a'), callWith(aborted))).rejects.toMatchObject({
      codeName: 'CANCELLED',
    });

    expect(stateMachine.counts.locks).toBe(0);
  });
});

describe('an acquire whose command has an unknown outcome', () => {
  it('is cancelled by the name of the call, once the group answers again', async () => {
    const propose = replica.propose.bind(replica);
    const flaky = new RaftLockBackend({
      replica: {
        node: replica.node,
        read: replica.read.bind(replica),
        propose: async (command, caller, requestId) => {
          const applied = await propose(command, caller, requestId);
          // The entry is in the log, and this replica does not hear of it.
          if ((failures -= 1) >= 0) throw new Error('the leader changed');
          return applied;
        },
      },
      stateMachine,
      logger: silentLogger(),
    });
    let failures = 1;

    await expect(flaky.acquire(input('a'), call())).rejects.toThrow('the leader changed');

    await until(() => stateMachine.counts.locks === 0 && stateMachine.counts.sessions === 0);
    await flaky.drain();
  });
});

describe('renewals', () => {
  it('of many sessions are few log entries', async () => {
    const sessions = await Promise.all(
      Array.from({ length: 500 }, () =>
        backend.openSession({ ttlMs: 5_000, requestId: '' }, call()),
      ),
    );
    const before = replica.node.status().lastIndex;

    const ttls = await Promise.all(
      sessions.map(({ sessionId }) => backend.renewSession(sessionId)),
    );

    expect(new Set(ttls)).toEqual(new Set([5_000]));
    expect(replica.node.status().lastIndex - before).toBeLessThanOrEqual(3);
    expect(await backend.renewSession('gone')).toBe(0);
  });
});

describe('a wait', () => {
  it('is answered although the log decides nothing: by this replica’s own clock', async () => {
    await hold('a');
    // An expiry entry that never comes: nobody calls the state machine's expire.
    jest.spyOn(stateMachine, 'expire').mockImplementation(() => undefined);

    const answer = await backend.acquire(input('a', { waitMs: 50 }), call());

    expect(answer).toMatchObject({ acquired: false, queuePosition: 1 });
    expect(stateMachine.counts.waiters).toBe(0);
  });
});
