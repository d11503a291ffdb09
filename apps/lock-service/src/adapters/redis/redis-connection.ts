import { describeTarget, type RedisTarget } from '@raftway/config';
import { type Logger } from '@raftway/observability';
import { type Redis, type RedisOptions } from 'ioredis';
import {
  backendUnavailable,
  isUnknownScript,
  type ScriptEffect,
  toServiceError,
} from './redis-errors';
import { type LuaScript } from './scripts';

/** How long one script may take until its outcome counts as unknown, in milliseconds. */
const COMMAND_TIMEOUT_MS = 2_000;

/** How long connecting may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 2_000;

/** How long a connection may take to close before it is cut, in milliseconds. */
const DISCONNECT_TIMEOUT_MS = 500;

const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 1_000;

/** What {@link RedisConnection} works with. */
export interface RedisConnectionParts {
  readonly target: RedisTarget;
  readonly keyPrefix: string;
  /** What this replica is told on. */
  readonly channel: string;
  readonly logger: Logger;
  /** A connection has become usable. */
  readonly onConnected: () => void;
  /** The connection for scripts has ended. */
  readonly onDisconnected: () => void;
  readonly onMessage: (message: string) => void;
}

/**
 * Two connections to one Redis, one for scripts and one that listens; both reconnect by themselves.
 *
 * ioredis would like to be helpful: it queues commands while it is not connected, and sends those without an answer again. Here a command
 * is sent at once or not at all, and once, because its caller has to know what may have happened.
 */
export class RedisConnection {
  private scripts: Redis | undefined;
  private listener: Redis | undefined;
  private lastProblem = '';

  constructor(private readonly parts: RedisConnectionParts) {}

  /** Begins to connect. ioredis is loaded only now: who keeps locks elsewhere does not wait for it. */
  async open(): Promise<void> {
    const { Redis } = await import('ioredis');
    this.scripts = new Redis(this.options('scripts'));
    this.watch(this.scripts);
    this.scripts.on('ready', () => this.onReady());
    this.scripts.on('close', () => this.parts.onDisconnected());
    const listener = new Redis(this.options('listener'));
    this.listener = listener;
    this.watch(listener);
    listener.on('message', (_channel, message) => this.parts.onMessage(message));
    listener.on('ready', () => {
      // Until it succeeds, waiting calls are served by asking.
      listener.subscribe(this.parts.channel).catch((error: unknown) => this.problem(error));
    });
  }

  get isConnected(): boolean {
    return this.scripts?.status === 'ready';
  }

  /** The newest reason why there is no connection; '' when there was none. */
  get problemText(): string {
    return this.lastProblem;
  }

  /** Runs a script. @throws ServiceError BACKEND_UNAVAILABLE when it certainly did not run, OUTCOME_UNKNOWN when nobody knows. */
  async run(
    script: LuaScript,
    args: readonly (string | number | Buffer)[],
    effect: ScriptEffect,
  ): Promise<unknown> {
    const { scripts } = this;
    if (scripts === undefined || !this.isConnected)
      throw backendUnavailable('it is not connected', new Error(this.lastProblem));
    const { keyPrefix } = this.parts;
    try {
      return await scripts.evalsha(script.sha1, 1, keyPrefix, ...args).catch((error: unknown) => {
        if (!isUnknownScript(error)) throw error;
        return scripts.eval(script.text, 1, keyPrefix, ...args);
      });
    } catch (error) {
      throw toServiceError(error, effect);
    }
  }

  /** Leaves a connection over which nothing comes any more, and makes another. */
  reconnect(): void {
    this.scripts?.disconnect(true);
    this.listener?.disconnect(true);
  }

  close(): void {
    this.scripts?.disconnect();
    this.listener?.disconnect();
  }

  private options(purpose: string): RedisOptions & { replyMapping: 'legacy' } {
    const { host, port, username, password, database, tls } = this.parts.target;
    return {
      host,
      port,
      username,
      password,
      db: database,
      ...(tls && { tls: { servername: host } }),
      protocol: 2,
      replyMapping: 'legacy',
      connectionName: `raftway-lock-service-${purpose}`,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) =>
        Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** Math.min(attempt, 10)),
      // A failed-over server that has become a replica: the name may lead to the new one.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    };
  }

  private watch(redis: Redis): void {
    redis.on('error', (error: Error) => this.problem(error));
  }

  private onReady(): void {
    this.lastProblem = '';
    this.parts.logger.info('connected to Redis', { redis: describeTarget(this.parts.target) });
    this.parts.onConnected();
  }

  /** Only the message: the error has the command's arguments, such as those of AUTH. Not again while it stays the same. */
  private problem(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.lastProblem) return;
    this.lastProblem = message;
    const redis = describeTarget(this.parts.target);
    this.parts.logger.warn('no connection to Redis', { redis, problem: message });
  }
}
