import { type Logger } from '@raftway/observability';

/** What a heartbeat brings back. */
export interface Beat {
  readonly sessions: number;
  readonly locks: number;
  readonly waiters: number;
  /** Until the next session ends if nobody renews it; undefined when there is none. */
  readonly nextDeadlineMs: number | undefined;
}

/** What {@link RedisHeartbeat} works with. */
export interface RedisHeartbeatParts {
  readonly beat: () => Promise<Beat>;
  /** Asks for every call that waits. */
  readonly askAll: () => Promise<void>;
  /** Redis has been away for {@link AWAY_TOLERANCE_MS}. */
  readonly onAway: () => void;
  readonly logger: Logger;
}

/** Time between two heartbeats, in milliseconds: less when a session ends before, never less than the minimum. */
const INTERVAL_MS = 500;
const INTERVAL_MIN_MS = 20;

/** Time between two rounds of asking for waiting calls, in milliseconds. */
const ASK_INTERVAL_MS = 1_000;

/** How long calls wait on while Redis is away, and how long a connection without answers is kept, in milliseconds. */
export const AWAY_TOLERANCE_MS = 5_000;

/**
 * Asks Redis again and again whether it is there and takes changes. Each time Redis also ends what is over, so that locks whose holders
 * have gone are handed over although nobody asks for them.
 */
export class RedisHeartbeat {
  private newest: Beat = { sessions: 0, locks: 0, waiters: 0, nextDeadlineMs: undefined };
  private succeeded = false;
  private lastSuccessMs = performance.now();
  private lastAskMs = performance.now();
  private wasReported = false;
  private stopped = false;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private onFirstSuccess: () => void = () => undefined;

  constructor(private readonly parts: RedisHeartbeatParts) {}

  /** True when the newest heartbeat was answered. */
  get isAlive(): boolean {
    return this.succeeded;
  }

  /** What there was at the newest heartbeat: for metrics. */
  get counts(): Pick<Beat, 'sessions' | 'locks' | 'waiters'> {
    return this.newest;
  }

  /** Resolves when Redis has answered for the first time, at most after a while. */
  async started(timeoutMs: number): Promise<void> {
    if (this.succeeded) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.onFirstSuccess = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Begins, or beats at once, because there is a connection. */
  now(): void {
    clearTimeout(this.timer);
    if (this.stopped || this.running !== undefined) return;
    this.running = this.beatOnce().finally(() => {
      this.running = undefined;
      if (!this.stopped) this.timer = setTimeout(() => this.now(), this.intervalMs());
    });
  }

  /** There is no connection: until there is one, nothing else needs to be tried to know it. */
  lost(): void {
    this.succeeded = false;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async beatOnce(): Promise<void> {
    try {
      this.newest = await this.parts.beat();
      this.succeeded = true;
      this.lastSuccessMs = performance.now();
      this.wasReported = false;
      this.onFirstSuccess();
    } catch (error) {
      this.failed(error);
      return;
    }
    if (performance.now() - this.lastAskMs < ASK_INTERVAL_MS) return;
    this.lastAskMs = performance.now();
    await this.parts.askAll();
  }

  private failed(error: unknown): void {
    this.succeeded = false;
    if (performance.now() - this.lastSuccessMs < AWAY_TOLERANCE_MS) return;
    if (!this.wasReported) this.parts.logger.warn('Redis is away', { error });
    this.wasReported = true;
    // From now on: the next connection gets as long.
    this.lastSuccessMs = performance.now();
    this.parts.onAway();
  }

  private intervalMs(): number {
    const { nextDeadlineMs = INTERVAL_MS } = this.newest;
    if (!this.succeeded) return INTERVAL_MS;
    return Math.min(INTERVAL_MS, Math.max(INTERVAL_MIN_MS, nextDeadlineMs + 2));
  }
}
