import { lock } from '@raftway/contracts';
import type { LockInput, LockOutput } from '../linearizability/lock-model';
import type { SeededRandom } from '../random';
import type { CallRecord, Caller } from './calls';
import type { ClientHabits } from './client-habits';
import type { GrantRecord, RunHistory, SessionRecord } from './run-history';
import { KeptSession, seconds } from './sessions';

const { acquire, release, getLock, checkToken } = lock.LockServiceService;
const IMPLICIT_TTL_MS = 1_000;
const WAIT_MAX_MS = 1_200;

/** What the lock clients of a run share. */
export interface LockClientParts {
  readonly name: string;
  readonly locks: readonly string[];
  readonly caller: Caller;
  readonly random: SeededRandom;
  readonly history: RunHistory;
  readonly habits: ClientHabits;
}

/** An application that takes locks, looks at them and gives them back, and sometimes dies with one. */
export class LockClient {
  private session: KeptSession | undefined;
  private number = 0;
  private readonly lastTokens = new Map<string, bigint>();

  constructor(private readonly parts: LockClientParts) {}

  /** Does one thing. */
  async act(): Promise<void> {
    const { random, locks } = this.parts;
    const name = random.pick(locks);
    const choice = random.next();
    if (choice < 0.25) await this.look(name);
    else if (choice < 0.45) await this.check(name, this.lastTokens.get(name) ?? 1n);
    else if (choice < 0.53) await this.takeAndForget(name);
    else await this.takeAndGiveBack(name);
  }

  /** Is never heard of again. */
  abandon(): void {
    this.session?.abandon();
  }

  /** Gives everything back. */
  async stop(): Promise<void> {
    await this.session?.close();
    this.session = undefined;
  }

  /** Who holds the lock? */
  async look(name: string): Promise<void> {
    const request = lock.GetLockRequest.fromPartial({ name });
    const call = await this.parts.caller.call(getLock, request, { isRepeatable: true });
    this.parts.history.count('GetLock', call.outcome);
    if (call.outcome.kind !== 'answered') return;
    const { holders = [], currentToken = 0n } = call.outcome.response.lock ?? {};
    if (holders.length > 1) {
      this.parts.history.findings.push(`"${name}" has ${holders.length} holders`);
    }
    this.lastTokens.set(name, currentToken);
    const owner = holders[0]?.ownerId ?? '';
    this.record(name, { kind: 'read' }, call, {
      kind: 'seen',
      owner,
      token: Number(currentToken),
    });
  }

  private async check(name: string, token: bigint): Promise<void> {
    const request = lock.CheckTokenRequest.fromPartial({ name, fencingToken: token });
    const call = await this.parts.caller.call(checkToken, request, { isRepeatable: true });
    this.parts.history.count('CheckToken', call.outcome);
    if (call.outcome.kind !== 'answered') return;
    const { valid, currentToken } = call.outcome.response;
    this.record(name, { kind: 'check', token: Number(token) }, call, {
      kind: 'checked',
      valid,
      token: Number(currentToken),
    });
  }

  /** A call without a session whose client is never heard of again: the lease has to end by itself. */
  private async takeAndForget(name: string): Promise<void> {
    await this.acquire(name, undefined);
  }

  private async takeAndGiveBack(name: string): Promise<void> {
    const { random, caller, history, habits } = this.parts;
    if (this.session?.isRunning !== true) {
      const requestId = this.nextId('open');
      this.session = await KeptSession.open(habits.sessionTtlMs, requestId, caller, history);
    }
    const { session } = this;
    if (session === undefined) return;
    const grant = await this.acquire(name, session);
    if (grant === undefined) return;
    const holdMs = random.chance(0.05) ? 1_500 : random.integer(0, 60);
    await new Promise((resolve) => setTimeout(resolve, holdMs));
    if (random.chance(0.3)) await this.check(name, grant.token);
    await this.release(grant, session);
  }

  private async acquire(
    name: string,
    session: KeptSession | undefined,
  ): Promise<GrantRecord | undefined> {
    const { random, caller, history } = this.parts;
    const owner = this.nextId('owner');
    const requestId = random.chance(this.parts.habits.requestIdShare) ? this.nextId('acquire') : '';
    const waitMs = random.chance(0.5) ? random.integer(100, WAIT_MAX_MS) : 0;
    const request = lock.AcquireRequest.fromPartial({
      name,
      ownerId: owner,
      requestId,
      waitTimeout: seconds(waitMs),
      ...(session === undefined ? { ttl: seconds(IMPLICIT_TTL_MS) } : { sessionId: session.id }),
    });
    const plan = { isRepeatable: requestId !== '', extraTimeMs: waitMs };
    const call = await caller.call(acquire, request, plan);
    history.count('Acquire', call.outcome);
    // An attempt that nobody heard the end of may have been granted, taken back, and then its request id starts afresh.
    for (const at of call.unknownAttempts) this.recordUnknown(name, owner, at);
    const { outcome } = call;
    if (outcome.kind === 'unknown') {
      this.recordUnknown(name, owner, call.invokedAt);
      // It may hold the lock for as long as it lives.
      session?.abandon();
    }
    if (outcome.kind === 'refused') this.refused(session, outcome.reason, call.respondedAt);
    if (outcome.kind !== 'answered') return undefined;
    const { response } = outcome;
    const input = { kind: 'acquire', owner } as const;
    if (!response.acquired) {
      this.record(name, input, call, { kind: 'refused' });
      // A replica that is cut off hears too late of a grant to one of its waiting calls, and gives it back.
      if (waitMs > 0) this.recordUnknown(name, owner, call.invokedAt);
      return undefined;
    }
    const token = response.fencingToken;
    this.record(name, input, call, { kind: 'granted', token: Number(token) });
    this.lastTokens.set(name, token);
    return this.granted(name, owner, token, call, session);
  }

  private granted(
    name: string,
    owner: string,
    token: bigint,
    call: CallRecord<lock.AcquireResponse>,
    session: KeptSession | undefined,
  ): GrantRecord {
    const { invokedAt, respondedAt } = call;
    const implicit: SessionRecord = {
      id: '',
      aliveUntil: invokedAt + IMPLICIT_TTL_MS,
      closedAt: Infinity,
    };
    const grant: GrantRecord = {
      lock: name,
      owner,
      token,
      invokedAt,
      respondedAt,
      session: session?.record ?? implicit,
      releasedAt: Infinity,
      returnedAt: Infinity,
    };
    this.parts.history.grants.push(grant);
    return grant;
  }

  private async release(grant: GrantRecord, session: KeptSession): Promise<void> {
    const { random, caller, history } = this.parts;
    const requestId = random.chance(this.parts.habits.requestIdShare) ? this.nextId('release') : '';
    const request = lock.ReleaseRequest.fromPartial({
      name: grant.lock,
      sessionId: session.id,
      ownerId: grant.owner,
      fencingToken: grant.token,
      requestId,
    });
    grant.releasedAt = performance.now();
    const call = await caller.call(release, request, { isRepeatable: requestId !== '' });
    history.count('Release', call.outcome);
    const input = { kind: 'release', owner: grant.owner } as const;
    const { outcome } = call;
    if (outcome.kind === 'answered') {
      grant.returnedAt = call.respondedAt;
      this.record(grant.lock, input, call, { kind: 'released' });
    } else if (outcome.kind === 'unknown') {
      this.record(grant.lock, input, call, undefined);
      session.abandon();
    } else if (outcome.mayRetry) session.abandon();
    else {
      this.record(grant.lock, input, call, { kind: 'notHolder' });
      this.refused(session, outcome.reason, call.respondedAt);
    }
  }

  /** A session that is gone is not used again; that it is gone must not be news. */
  private refused(session: KeptSession | undefined, reason: string, respondedAt: number): void {
    if (session === undefined || reason !== 'SESSION_NOT_FOUND') return;
    const { id, aliveUntil, closedAt } = session.record;
    session.abandon();
    if (respondedAt < aliveUntil && respondedAt < closedAt) {
      this.parts.history.findings.push(`session ${id} was not found although it was kept alive`);
    }
  }

  private record(
    key: string,
    input: LockInput,
    { invokedAt, respondedAt }: { readonly invokedAt: number; readonly respondedAt: number },
    output: LockOutput | undefined,
  ): void {
    const response = output === undefined ? undefined : { at: respondedAt, output };
    this.parts.history.locks.push({ name: this.parts.name, key, input, invokedAt, response });
  }

  private recordUnknown(key: string, owner: string, invokedAt: number): void {
    const at = { invokedAt, respondedAt: Infinity };
    this.record(key, { kind: 'acquire', owner }, at, undefined);
    // The service gives a grant back that nobody waits for any longer.
    this.record(key, { kind: 'expire', owner }, at, undefined);
  }

  private nextId(kind: string): string {
    this.number += 1;
    return `${this.parts.name}-${kind}-${this.number}`;
  }
}
