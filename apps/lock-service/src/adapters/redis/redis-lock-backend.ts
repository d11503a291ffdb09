import { type RedisTarget } from '@raftway/config';
import { type Logger } from '@raftway/observability';
import { fingerprint } from '@raftway/raft/state-machine';
import { RenewalBatcher } from '@raftway/service-kit';
import { type LockLimits } from '../../domain/limits';
import { type HolderView } from '../../domain/results';
import { type LockView } from '../../domain/views';
import {
  type AcquireAnswer,
  type AcquireInput,
  type BackendCall,
  type LockBackend,
} from '../../service/lock-backend';
import { orAborted } from '../abort';
import { randomText } from '../random-text';
import { draining, toServiceError } from '../refusals';
import { WaitCanceller } from '../wait-canceller';
import { LockList } from './lock-list';
import { type Cancellation, RedisAcquisition } from './redis-acquisition';
import { RedisConnection } from './redis-connection';
import { backendUnavailable, type ScriptEffect } from './redis-errors';
import { type Beat, RedisHeartbeat } from './redis-heartbeat';
import { type AwaitedAttempt, RedisWaits } from './redis-waits';
import {
  attemptReply,
  type AttemptReply,
  commandReply,
  holders,
  isRejected,
  list,
  lockView,
  texts,
  writeMetadata,
} from './replies';
import { type LockScripts, lockScripts, type LuaScript } from './scripts';

/** Sessions renewed by one script: few, so that no script takes long. */
const RENEWALS_PER_SCRIPT_MAX = 500;

/** How long a stopping replica tries to cancel what waited, in milliseconds. */
const DRAIN_CANCEL_TIMEOUT_MS = 3_000;

/** How long a starting replica waits for Redis before it goes on, not ready, in milliseconds. */
const START_TIMEOUT_MS = 3_000;

/** What one lock shows of its waiters. */
const WAITERS_SHOWN_MAX = 1_000;

/** What {@link RedisLockBackend} works with. */
export interface RedisLockBackendParts {
  readonly target: RedisTarget;
  /** Before each key and channel. Replicas with the same Redis and prefix share their locks. */
  readonly keyPrefix: string;
  readonly limits: LockLimits;
  readonly logger: Logger;
}

/**
 * Locks in one Redis: every change is a Lua script, which Redis runs alone and whole. The rules are in `scripts/holding.ts`.
 *
 * What it cannot promise is in ADR 011: Redis acknowledges before anything is on a disk or on a replica of its own, so that a failover or
 * a restart may forget a lock that somebody holds.
 */
export class RedisLockBackend implements LockBackend {
  readonly guarantee = 'bestEffort';
  private readonly scripts: LockScripts;
  private readonly channel: string;
  private readonly connection: RedisConnection;
  private readonly heartbeat: RedisHeartbeat;
  private readonly waits: RedisWaits;
  private readonly canceller: WaitCanceller<Cancellation>;
  private readonly renewals: RenewalBatcher;
  private isDraining = false;

  constructor(parts: RedisLockBackendParts) {
    const { logger, limits, keyPrefix } = parts;
    this.scripts = lockScripts(limits);
    this.channel = `${keyPrefix}wake:${randomText()}`;
    this.waits = new RedisWaits((attempts) => this.inspect(attempts));
    this.heartbeat = new RedisHeartbeat({
      beat: () => this.beat(),
      askAll: () => this.waits.askAll(),
      onAway: () => {
        this.waits.endAll('away');
        this.connection.reconnect();
      },
      logger,
    });
    this.connection = new RedisConnection({
      target: parts.target,
      keyPrefix,
      channel: this.channel,
      logger,
      onConnected: () => this.heartbeat.now(),
      onDisconnected: () => this.heartbeat.lost(),
      onMessage: (nonce) => this.waits.published(nonce),
    });
    this.canceller = new WaitCanceller((cancellation) => this.cancel(cancellation), logger);
    const renew = async (ids: readonly string[]) =>
      texts(await this.run(this.scripts.renewSessions, ids, 'change')).map(Number);
    this.renewals = new RenewalBatcher(renew, { batchMax: RENEWALS_PER_SCRIPT_MAX });
  }

  /** Connects; without a Redis it goes on trying, and {@link readiness} says so. */
  async start(): Promise<void> {
    await this.connection.open();
    this.heartbeat.now();
    await this.heartbeat.started(START_TIMEOUT_MS);
  }

  async stop(): Promise<void> {
    await this.heartbeat.stop();
    this.connection.close();
  }

  /** True, or why no call can be served. */
  readiness(): true | string {
    if (this.isUsable) return true;
    const { problemText } = this.connection;
    return problemText === '' ? 'Redis is away' : `Redis is away: ${problemText}`;
  }

  /** Calls of this replica that wait for a lock. */
  get waitingCalls(): number {
    return this.waits.size;
  }

  /** Sessions, held locks and waiting calls of all replicas, not older than a heartbeat. */
  get counts(): { readonly sessions: number; readonly locks: number; readonly waiters: number } {
    return this.heartbeat.counts;
  }

  /** As the Raft backend's: but a place that is kept for a request id is lost when nobody takes it within ten seconds. */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.waits.endAll('draining');
    // The calls that have just been woken start their cancellations now.
    await new Promise(setImmediate);
    await this.canceller.drain(DRAIN_CANCEL_TIMEOUT_MS);
  }

  async openSession(
    { ttlMs, requestId }: { readonly ttlMs: number; readonly requestId: string },
    call: BackendCall,
  ): Promise<{ readonly sessionId: string; readonly ttlMs: number }> {
    const print = fingerprint('openSession', String(ttlMs));
    const args = [randomText(), ttlMs, requestId, print];
    const [sessionId = '', ttl] = await this.command('openSession', args, 'opened', call, {});
    return { sessionId, ttlMs: Number(ttl) };
  }

  renewSession(sessionId: string): Promise<number> {
    return this.renewals.renew(sessionId);
  }

  async closeSession(
    { sessionId, requestId }: { readonly sessionId: string; readonly requestId: string },
    call: BackendCall,
  ): Promise<number> {
    const args = [sessionId, requestId, fingerprint('closeSession', sessionId)];
    const [released] = await this.command('closeSession', args, 'closed', call, { sessionId });
    return Number(released);
  }

  async acquire(input: AcquireInput, call: BackendCall): Promise<AcquireAnswer> {
    if (this.isDraining && input.waitMs > 0) throw draining();
    const acquisition = new RedisAcquisition(input, call, randomText(), {
      acquire: (it, nonce) => this.tryAcquire(it, nonce),
      giveUp: async (attemptId, nonce) =>
        attemptReply(await this.run(this.scripts.giveUp, [attemptId, nonce], 'change')),
      cancel: (cancellation) => this.canceller.cancel(cancellation),
      cancelInBackground: (cancellation, afterMs) =>
        this.canceller.cancelInBackground(cancellation, afterMs),
      openWait: (nonce) => this.waits.open(nonce),
    });
    return acquisition.run();
  }

  async release(input: Parameters<LockBackend['release']>[0], call: BackendCall): Promise<number> {
    const { name, sessionId, ownerId, token, requestId } = input;
    const print = fingerprint('release', name, sessionId, ownerId, String(token));
    const args = [name, sessionId, ownerId, String(token), requestId, print];
    const subject = { name, sessionId };
    const [holdCount] = await this.command('release', args, 'released', call, subject);
    return Number(holdCount);
  }

  async forceRelease(
    input: Parameters<LockBackend['forceRelease']>[0],
    call: BackendCall,
  ): Promise<readonly HolderView[]> {
    const { name, requestId } = input;
    const args = [name, requestId, fingerprint('forceRelease', name)];
    return holders(await this.command('forceRelease', args, 'forceReleased', call, { name }));
  }

  async lock(name: string, call: BackendCall): Promise<LockView> {
    const reply = this.run(this.scripts.showLock, [name, WAITERS_SHOWN_MAX], 'read');
    return lockView(await orAborted(reply, call.signal));
  }

  locks(page: Parameters<LockBackend['locks']>[0], call: BackendCall): Promise<Iterable<LockView>> {
    const found = new LockList(async (args) =>
      list(await this.run(this.scripts.listLocks, args, 'read')),
    );
    return orAborted(found.page(page, call.signal), call.signal);
  }

  async currentToken(
    name: string,
    call: BackendCall,
  ): Promise<{ readonly token: number; readonly held: boolean }> {
    const reply = this.run(this.scripts.currentToken, [name], 'read');
    const [token, held] = texts(await orAborted(reply, call.signal));
    return { token: Number(token), held: held === '1' };
  }

  private get isUsable(): boolean {
    return this.connection.isConnected && this.heartbeat.isAlive;
  }

  /** Fails at once while Redis is away, so that calls do not pile up in front of it. */
  private run(
    script: LuaScript,
    args: readonly (string | number | Buffer)[],
    effect: ScriptEffect,
  ): Promise<unknown> {
    if (!this.isUsable) return Promise.reject(backendUnavailable('it is away'));
    return this.connection.run(script, args, effect);
  }

  /** A change that is refused or has an answer. */
  private async command(
    name: keyof LockScripts,
    args: readonly (string | number)[],
    expected: string,
    call: BackendCall,
    subject: Parameters<typeof toServiceError>[1],
  ): Promise<readonly string[]> {
    call.signal.throwIfAborted();
    const running = this.run(this.scripts[name], args, 'change');
    const reply = commandReply(await orAborted(running, call.signal), expected);
    if (isRejected(reply)) throw toServiceError(reply, subject);
    return reply;
  }

  private async tryAcquire(input: AcquireInput, nonce: string): Promise<AttemptReply> {
    const { name, sessionId, ownerId, ttlMs, waitMs, requestId, metadata } = input;
    const print = fingerprint('acquire', name, sessionId, ownerId);
    const waits = waitMs > 0 ? 1 : 0;
    const args = [name, sessionId, ownerId, ttlMs, waits, requestId, print, nonce];
    const more = [writeMetadata(metadata), this.channel];
    return attemptReply(await this.run(this.scripts.acquire, [...args, ...more], 'change'));
  }

  private async inspect(attempts: readonly AwaitedAttempt[]): Promise<readonly AttemptReply[]> {
    const args = attempts.flatMap(({ attemptId, nonce }) => [attemptId, nonce]);
    return list(await this.run(this.scripts.inspect, args, 'change')).map(attemptReply);
  }

  private async cancel({ name, attemptId, nonce, requestId }: Cancellation) {
    const args = [name, attemptId, nonce, requestId];
    const [gaveBack, position] = texts(await this.run(this.scripts.cancel, args, 'change'));
    return { gaveBack: gaveBack === '1', queuePosition: Number(position) };
  }

  private async beat(): Promise<Beat> {
    const reply = texts(await this.connection.run(this.scripts.beat, [], 'read'));
    const [sessions, locks, waiters, nextDeadline] = reply;
    return {
      sessions: Number(sessions),
      locks: Number(locks),
      waiters: Number(waiters),
      nextDeadlineMs: nextDeadline === '' ? undefined : Number(nextDeadline),
    };
  }
}
