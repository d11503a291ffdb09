import { type AttemptReply } from './replies';

/** Why a wait ended: the attempt's standing says so, its time is over, its call was aborted, this replica stops, or Redis is away. */
export type RedisWaitEnd =
  | { readonly why: 'standing'; readonly standing: AttemptReply }
  | { readonly why: 'timeout' | 'aborted' | 'draining' | 'away' };

/** An attempt and the call that waits for it. */
export interface AwaitedAttempt {
  readonly attemptId: string;
  readonly nonce: string;
}

/** Attempts that one script is asked for: few, so that no script takes long. */
const ASKED_AT_ONCE_MAX = 200;

/**
 * The calls of this replica that wait for a lock in Redis, by nonce.
 *
 * Whether an attempt has changed is asked of Redis: at once when its nonce was published, and every now and then, which also tells Redis
 * that the call still waits. So a message that is lost costs time and nothing else.
 */
export class RedisWaits {
  private readonly calls = new Map<string, RedisWait>();
  /** Calls to ask for at the end of this turn of the event loop. */
  private asking = new Set<RedisWait>();

  /** @param inspect Yields how each attempt stands, in order. */
  constructor(
    private readonly inspect: (
      attempts: readonly AwaitedAttempt[],
    ) => Promise<readonly AttemptReply[]>,
  ) {}

  get size(): number {
    return this.calls.size;
  }

  /** Listens for a call's nonce from now on: a grant may be published before the answer to its Acquire has arrived. */
  open(nonce: string): RedisWait {
    const wait = new RedisWait(nonce, {
      ask: (asked) => this.askSoon(asked),
      closed: (closed) => {
        this.calls.delete(closed.nonce);
        this.asking.delete(closed);
      },
    });
    this.calls.set(nonce, wait);
    return wait;
  }

  /** The attempt of a call has changed. */
  published(nonce: string): void {
    this.calls.get(nonce)?.wake();
  }

  /** Asks for every call that waits. Failures are left to the next time. */
  async askAll(): Promise<void> {
    await this.ask([...this.calls.values()]);
  }

  /** Ends every wait, for a reason that Redis does not know of. */
  endAll(why: 'draining' | 'away'): void {
    for (const wait of [...this.calls.values()]) wait.end({ why });
  }

  private askSoon(wait: RedisWait): void {
    if (this.asking.size === 0)
      setImmediate(() => {
        const asked = [...this.asking];
        this.asking = new Set();
        void this.ask(asked);
      });
    this.asking.add(wait);
  }

  private async ask(calls: readonly RedisWait[]): Promise<void> {
    const waiting = calls.filter((wait) => wait.attempt !== undefined);
    for (let at = 0; at < waiting.length; at += ASKED_AT_ONCE_MAX)
      await this.askSome(waiting.slice(at, at + ASKED_AT_ONCE_MAX));
  }

  private async askSome(calls: readonly RedisWait[]): Promise<void> {
    const attempts = calls.map(({ attempt }) => attempt).filter((it) => it !== undefined);
    if (attempts.length !== calls.length) return;
    try {
      const standings = await this.inspect(attempts);
      for (const [at, standing] of standings.entries())
        if (standing.kind !== 'waiting') calls[at]?.end({ why: 'standing', standing });
    } catch {
      // Redis is away or slow: asked again, and ended by the heartbeat when it lasts.
    }
  }
}

interface WaitOwner {
  ask(wait: RedisWait): void;
  closed(wait: RedisWait): void;
}

/** One call that waits, or may have to. */
export class RedisWait {
  private attemptId: string | undefined;
  private woken = false;
  private resolve: ((end: RedisWaitEnd) => void) | undefined;
  private early: RedisWaitEnd | undefined;

  constructor(
    readonly nonce: string,
    private readonly owner: WaitOwner,
  ) {}

  /** Undefined until the attempt is known. */
  get attempt(): AwaitedAttempt | undefined {
    return this.attemptId === undefined
      ? undefined
      : { attemptId: this.attemptId, nonce: this.nonce };
  }

  /** Waits until the attempt, the time or the call is over. Only once. */
  async until(
    attemptId: string,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<RedisWaitEnd> {
    const { timeoutMs, signal } = limits;
    this.attemptId = attemptId;
    if (signal.aborted) return { why: 'aborted' };
    if (this.early !== undefined) return this.early;
    if (this.woken) this.owner.ask(this);
    const onAbort = () => this.end({ why: 'aborted' });
    const timer = setTimeout(() => this.end({ why: 'timeout' }), timeoutMs);
    signal.addEventListener('abort', onAbort);
    try {
      return await new Promise((resolve) => (this.resolve = resolve));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.close();
    }
  }

  wake(): void {
    this.woken = true;
    if (this.attemptId !== undefined) this.owner.ask(this);
  }

  end(end: RedisWaitEnd): void {
    this.early ??= end;
    this.resolve?.(end);
  }

  /** Nobody waits any more. */
  close(): void {
    this.owner.closed(this);
  }
}
