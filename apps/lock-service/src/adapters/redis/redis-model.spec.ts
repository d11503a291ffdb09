import fc from 'fast-check';
import { Redis } from 'ioredis';
import { type ModelAnswer, type ModelAttempt, NaiveModel } from '../../../test/naive-model';
import { RedisServer } from '@raftway/service-kit/testing';
import { freshPrefix } from '../../../test/redis-harness';
import { type Acquire, type LockCommand } from '../../domain/commands';
import { DEFAULT_LOCK_LIMITS } from '../../domain/limits';
import { attemptReply, commandReply, isRejected, lockView, texts, writeMetadata } from './replies';
import { lockScripts, type LockScripts } from './scripts';

jest.setTimeout(120_000);

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await RedisServer.start('--appendfsync', 'no');
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const scripts = lockScripts(DEFAULT_LOCK_LIMITS);

/** No session ends by itself within a history. */
const TTL_MS = 600_000;

/** One step of a history, in terms of what exists by then: "the third session", "the last attempt". */
interface Step {
  what: 'open' | 'expire' | 'close' | 'acquire' | 'cancel' | 'release' | 'force';
  name: string;
  pick: number;
  owner: string;
  explicit: boolean;
  waits: boolean;
  requestId: string;
  /** Whether names, tokens and attachments are the right ones. */
  right: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    ...(['open', 'expire', 'close', 'force'] as const),
    ...(['acquire', 'acquire', 'acquire', 'acquire', 'acquire', 'acquire'] as const),
    ...(['cancel', 'cancel', 'release', 'release'] as const),
  ),
  name: fc.constantFrom('a', 'a', 'a', 'b'),
  pick: fc.nat(1),
  owner: fc.constantFrom('', '', '', 'x'),
  explicit: fc.constantFrom(true, true, false),
  waits: fc.constantFrom(true, true, false),
  requestId: fc.constantFrom('', '', 'r1'),
  right: fc.integer({ min: 0, max: 2 }).map((n) => n > 0),
});

/** Runs the scripts and the naive model side by side. Ids and tokens differ; what they stand for must not. */
class SideBySide {
  private readonly model = new NaiveModel();
  private readonly prefix = freshPrefix();
  private index = 0;
  private readonly knownSessions: string[] = [];
  /** The model's tokens by lock, and Redis's for the same grants. */
  private readonly tokens = new Map<string, string>();
  private readonly newestToken = new Map<string, number>();

  async openSessions(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      this.index += 1;
      this.model.expire(this.index, 0);
      const nonce = `n${this.index}`;
      await this.apply({ kind: 'openSession', fingerprint: 1, nonce, ttlMs: TTL_MS });
    }
  }

  async run(next: Step): Promise<void> {
    this.index += 1;
    this.model.expire(this.index, 0);
    if (next.what === 'expire') await this.expire(next);
    else await this.apply(this.commandFor(next));
    await this.check();
  }

  private key(name: string): string {
    return `${this.prefix}${name}`;
  }

  private script(name: keyof LockScripts, ...args: (string | number)[]): Promise<unknown> {
    return redis.eval(scripts[name].text, 1, this.prefix, ...args);
  }

  /** What the time to live of one or two sessions does when it is over. */
  private async expire({ pick, explicit }: Step): Promise<void> {
    const newest = this.model.sessions.slice(0, this.model.sessions.length - pick);
    const over = newest.slice(explicit ? -2 : -1);
    const transaction = redis.multi();
    for (const session of over) {
      session.deadlineMs = 0;
      transaction.del(this.key(`session:${redisId(session.id)}`));
      transaction.zadd(this.key('sessions'), 1, redisId(session.id));
    }
    this.model.expire(this.index, 0);
    await transaction.exec();
    await this.script('beat');
  }

  private async apply(command: LockCommand): Promise<void> {
    const expected = this.model.apply(command);
    const sessionId = expected['sessionId'];
    if (typeof sessionId === 'string') this.knownSessions.push(sessionId);
    const answer = await this.answerOf(command);
    if (expected['kind'] === 'acquired' && 'name' in command) {
      const token = Number(answer['token']);
      this.learnToken(command.name, Number(expected['token']), token);
      expect(answer).toEqual({
        ...expected,
        sessionId: redisId(String(sessionId)),
        token,
      });
    } else if (expected['kind'] === 'waiting') {
      expect(answer['kind']).toBe('waiting');
    } else if (expected['kind'] === 'sessionOpened') {
      expect(answer).toEqual({ kind: 'sessionOpened', sessionId: redisId(String(sessionId)) });
    } else {
      expect(answer).toEqual(expected);
    }
  }

  private learnToken(lock: string, modelToken: number, token: number): void {
    const key = `${lock} ${modelToken}`;
    const known = this.tokens.get(key);
    if (known !== undefined) return expect(String(token)).toBe(known);
    expect(token).toBeGreaterThan(this.newestToken.get(lock) ?? 0);
    this.newestToken.set(lock, token);
    this.tokens.set(key, String(token));
  }

  private async answerOf(command: LockCommand): Promise<ModelAnswer> {
    switch (command.kind) {
      case 'openSession': {
        const reply = await this.script('openSession', command.nonce, TTL_MS, '', '1');
        return commandAnswer(reply, 'opened', ([sessionId]) => ({
          kind: 'sessionOpened',
          sessionId,
        }));
      }
      case 'closeSession': {
        const reply = await this.script('closeSession', redisId(command.sessionId), '', '1');
        return commandAnswer(reply, 'closed', ([count]) => ({
          kind: 'sessionClosed',
          locksReleased: Number(count),
        }));
      }
      case 'release': {
        const { name, sessionId, ownerId, token } = command;
        const given = token === 0 ? '0' : (this.tokens.get(`${name} ${token}`) ?? '1');
        const owner = ownerId === sessionId ? '' : ownerId;
        const args = [name, redisId(sessionId), owner, given, '', '1'];
        return commandAnswer(await this.script('release', ...args), 'released', ([count]) => ({
          kind: 'released',
          holdCount: Number(count),
        }));
      }
      case 'forceRelease': {
        const reply = await this.script('forceRelease', command.name, '', '1');
        return commandAnswer(reply, 'forceReleased', () => ({ kind: 'forceReleased' }));
      }
      case 'cancelWait': {
        const attempt = this.model.attempts.find((it) => it.id === command.attemptId);
        const id = attempt?.command.nonce ?? '';
        const reply = await this.script('cancel', command.name, id, command.attachment, '');
        const [gaveBack, position] = texts(reply);
        const queuePosition = Number(position);
        return { kind: 'waitCancelled', gaveBack: gaveBack === '1', queuePosition };
      }
      case 'acquire':
        return this.acquire(command);
      case 'renewSessions':
        throw new Error('not part of these histories');
    }
  }

  private async acquire(command: Acquire): Promise<ModelAnswer> {
    const { name, sessionId, ownerId, waitMs, requestId, fingerprint, nonce, metadata } = command;
    const args = [name, sessionId && redisId(sessionId), ownerId, TTL_MS, waitMs > 0 ? 1 : 0];
    const more = [requestId, fingerprint, nonce, writeMetadata(metadata), 'channel'];
    const reply = attemptReply(await this.script('acquire', ...args, ...more));
    switch (reply.kind) {
      case 'acquired': {
        const { kind, token, holdCount } = reply;
        return { kind, sessionId: reply.sessionId, token, holdCount };
      }
      case 'notAcquired':
        return { kind: reply.kind, queuePosition: reply.queuePosition };
      case 'rejected':
        return { kind: reply.kind, reason: reply.reason };
      default:
        return { kind: reply.kind };
    }
  }

  private commandFor(next: Step): LockCommand {
    const { name, owner: ownerId, pick } = next;
    const open = next.right ? this.model.sessions.map((it) => it.id) : this.knownSessions;
    const sessionId = open.at(-1 - pick) ?? '0-none';
    const lock = this.model.lock(name);
    const waiting = this.model.attempts.filter((it) => it.state === 'waiting');
    const attempts = next.explicit && waiting.length > 0 ? waiting : this.model.attempts;
    const attempt = attempts.at(-1 - pick);
    const nonce = `n${this.index}`;
    switch (next.what) {
      case 'open':
        return { kind: 'openSession', fingerprint: 1, nonce, ttlMs: TTL_MS };
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
          ttlMs: TTL_MS,
          waitMs: next.waits ? TTL_MS : 0,
          requestId: next.requestId,
          nonce,
          metadata: [['at', String(this.index)]],
        };
    }
  }

  private async check(): Promise<void> {
    for (const name of ['a', 'b']) await this.checkLock(name);
    for (const attempt of this.model.attempts) await this.checkAttempt(attempt);
    const waiting = this.model.attempts.filter((it) => it.state === 'waiting');
    expect({
      sessions: await redis.zcard(this.key('sessions')),
      locks: await redis.zcard(this.key('names')),
      waiters: await redis.zcard(this.key('waiters')),
      held: (await redis.keys(this.key('held:*'))).length,
    }).toEqual({
      sessions: this.model.sessions.length,
      locks: this.model.locks.length,
      waiters: waiting.length,
      held: new Set(this.model.locks.map((it) => it.sessionId)).size,
    });
  }

  private async checkLock(name: string): Promise<void> {
    const view = lockView(await this.script('showLock', name, 100));
    const expected = this.model.lock(name);
    // At most one holder, and its session is open.
    expect(view.holders.length).toBe(expected === undefined ? 0 : 1);
    for (const holder of view.holders) {
      this.learnToken(name, expected?.token ?? 0, holder.token);
      expect(holder.holdCount).toBe(expected?.holdCount);
      expect(holder.sessionId).toBe(redisId(expected?.sessionId ?? ''));
      expect(holder.expiresInMs).toBeGreaterThan(0);
    }
    // First come, first served.
    const queue = this.model.queue(name);
    expect(view.waiters.map((it) => it.metadata[0]?.[1])).toEqual(queue.map((it) => String(it.id)));
    if (view.holders.length === 0)
      expect(view.currentToken).toBeGreaterThanOrEqual(this.newestToken.get(name) ?? 0);
  }

  private async checkAttempt(expected: ModelAttempt): Promise<void> {
    const key = this.key(`attempt:${expected.command.nonce}`);
    const [state, nonce] = await redis.hmget(key, 'state', 'nonce');
    const ended = /^session/.test(expected.state);
    if (expected.state === 'waiting') expect(nonce).toBe(expected.attachment);
    // Immediate answers to calls without a request id are not remembered, nor is anything that was cancelled.
    if (state === null) expect(expected.state).not.toBe('waiting');
    else expect(state).toBe(ended ? 'sessionEnded' : expected.state);
  }
}

/** The model puts the index in front of the nonce. */
function redisId(modelId: string): string {
  return modelId.slice(modelId.indexOf('-') + 1);
}

function commandAnswer(
  reply: unknown,
  expected: string,
  answer: (fields: readonly string[]) => ModelAnswer,
): ModelAnswer {
  const read = commandReply(reply, expected);
  return isRejected(read) ? { kind: 'rejected', reason: read.reason } : answer(read);
}

describe('the scripts', () => {
  it('do what the naive model does, under any history', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }),
        async (steps) => {
          const both = new SideBySide();
          await both.openSessions(2);
          for (const next of steps) await both.run(next);
        },
      ),
      { numRuns: Number(process.env['LOCK_MODEL_RUNS'] ?? 100) },
    );
  });
});
