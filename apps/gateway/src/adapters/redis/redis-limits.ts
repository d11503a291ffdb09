/*
 * Limits that gateways share, in one Redis.
 *
 * No call waits for a Redis that is away: without a connection it is not asked; a script that is not answered in time is not waited for;
 * and after a few of those it is left alone until a probe, which is a call like others, finds it again. Whoever is told undefined counts
 * by itself.
 */
import { describeTarget, type RedisTarget } from '@raftway/config';
import { type Logger } from '@raftway/observability';
import { CircuitBreaker, type CircuitPermit } from '@raftway/resilience';
import { type Deadline, Deadlines, type Expirable } from '@raftway/service-kit';
import { type Redis, type RedisOptions } from 'ioredis';
import { type LimitCharge, type SharedLimits, type SharedVerdict } from '../../proxy/limit-context';
import { limitScript, redisKey, scriptArguments, verdictOf } from './limit-script';

/** Times in milliseconds. */
const connectTimeoutMs = 2000;
const disconnectTimeoutMs = 500;
const reconnectFirstMs = 50;
const reconnectMaxMs = 1000;
/** A connection over which no answer has come for so long, although scripts wait for one, is made anew. */
const silenceMaxMs = 2000;

/** Left alone after three failures in a row or half of twenty, for 100 ms at first and 2 s at most; one probe. */
const breakerSettings = {
  windowMs: 1000,
  errorShare: 0.5,
  requestsMin: 20,
  consecutiveFailures: 3,
  openMs: 100,
  openMaxMs: 2000,
  probes: 1,
};

/** What {@link RedisLimits} works with. */
export interface RedisLimitsParts {
  readonly target: RedisTarget;
  readonly keyPrefix: string;
  /** How long a call waits for an answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly wallMs: () => number;
}

/** Counts in one Redis. */
export class RedisLimits implements SharedLimits {
  private readonly breaker = new CircuitBreaker(breakerSettings);
  private readonly deadlines: Deadlines;
  private redis: Redis | undefined;
  private lastAnswerMs: number;
  private isGood = false;
  private isReported = false;

  constructor(private readonly parts: RedisLimitsParts) {
    this.deadlines = new Deadlines(parts.nowMs);
    this.lastAnswerMs = parts.nowMs();
  }

  /** Whether the newest question was answered, or none has been asked over this connection. */
  get isUp(): boolean {
    return this.isGood && this.redis?.status === 'ready';
  }

  /** Begins to connect. ioredis is loaded only now: gateways without shared limits do not load it. */
  async open(): Promise<void> {
    const { Redis } = await import('ioredis');
    const { logger, target, nowMs } = this.parts;
    const redis = new Redis(redisOptions(target));
    this.redis = redis;
    redis.on('error', (error: Error) => this.report(error.message));
    redis.on('close', () => (this.isGood = false));
    redis.on('ready', () => {
      this.isReported = false;
      this.isGood = true;
      this.lastAnswerMs = nowMs();
      logger.info('limits are shared in Redis', { redis: describeTarget(target) });
    });
  }

  close(): void {
    this.redis?.disconnect();
  }

  take(charges: readonly LimitCharge[], done: (verdict: SharedVerdict) => void): void {
    const { redis, parts } = this;
    if (redis?.status !== 'ready') return done(undefined);
    const nowMs = parts.nowMs();
    const permit = this.breaker.acquire(nowMs);
    if (permit === undefined) return done(undefined);
    const keys = charges.map((charge) => redisKey(parts.keyPrefix, charge));
    const wallMs = parts.wallMs();
    const args = charges.flatMap((charge) => scriptArguments(charge, wallMs));
    let why = 'it does not answer in time';
    const question = new Question(this.deadlines, nowMs + parts.timeoutMs, (verdict) => {
      this.note(permit, verdict === undefined ? why : undefined);
      done(verdict);
    });
    this.run(redis, [...keys, ...args], keys.length)
      .then((reply) => question.answer(verdictOf(reply)))
      .catch((error: unknown) => {
        why = error instanceof Error ? error.message : String(error);
        question.answer(undefined);
      });
  }

  private async run(redis: Redis, args: readonly string[], keyCount: number): Promise<unknown> {
    try {
      return await redis.evalsha(limitScript.sha1, keyCount, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await redis.eval(limitScript.text, keyCount, ...args);
    }
  }

  /** @param failure why there is no answer; undefined when there is one */
  private note(permit: CircuitPermit, failure: string | undefined): void {
    const nowMs = this.parts.nowMs();
    this.breaker.end(permit, failure === undefined ? 'success' : 'failure', nowMs);
    this.isGood = failure === undefined;
    if (failure === undefined) {
      this.lastAnswerMs = nowMs;
      this.isReported = false;
      return;
    }
    // One script that took too long says nothing yet.
    if (this.breaker.state(nowMs) === 'open') this.report(failure);
    if (nowMs - this.lastAnswerMs < silenceMaxMs) return;
    // From now on: the next connection gets as long.
    this.lastAnswerMs = nowMs;
    this.redis?.disconnect(true);
  }

  /** Says once that Redis cannot be used. Only the message: an error has the command's arguments. */
  private report(message: string): void {
    if (this.isReported) return;
    this.isReported = true;
    const redis = describeTarget(this.parts.target);
    this.parts.logger.warn('shared limits are counted by this gateway alone: no Redis', {
      ...{ redis, problem: message },
    });
  }
}

/** One script that is waited for, for so long. */
class Question implements Expirable {
  private deadline: Deadline | undefined;
  private isOver = false;

  constructor(
    private readonly deadlines: Deadlines,
    deadlineMs: number,
    private readonly done: (verdict: SharedVerdict) => void,
  ) {
    this.deadline = deadlines.add(this, deadlineMs);
  }

  /** What comes later is of no account. */
  answer(verdict: SharedVerdict): void {
    if (this.isOver) return;
    this.isOver = true;
    this.deadlines.remove(this.deadline);
    this.done(verdict);
  }

  onDeadline(): void {
    this.deadline = undefined;
    // After what has been received: when this process was busy, the answer may have waited and not Redis.
    setImmediate(() => this.answer(undefined));
  }
}

/** A command is sent at once or not at all, and once: a call does not wait for a connection, and must not count twice. */
function redisOptions(target: RedisTarget): RedisOptions & { replyMapping: 'legacy' } {
  const { host, port, username, password, database, tls } = target;
  return {
    ...{ host, port, username, password, db: database },
    ...(tls && { tls: { servername: host } }),
    protocol: 2,
    replyMapping: 'legacy',
    connectionName: 'raftway-gateway-limits',
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: disconnectTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) =>
      Math.min(reconnectMaxMs, reconnectFirstMs * 2 ** Math.min(attempt, 10)),
    // A failed-over server that has become a replica: the name may lead to the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}
