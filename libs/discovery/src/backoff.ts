import { setTimeout as delay } from 'node:timers/promises';

/** Optional input of {@link Backoff}. */
export interface BackoffOptions {
  /** The first wait is up to this long, in milliseconds. @default 100 */
  readonly initialMs?: number | undefined;
  /** No wait is longer, in milliseconds. @default 5000 */
  readonly maxMs?: number | undefined;
  /** Source of jitter, 0 ≤ x < 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Waits between attempts: doubled each time, and anything from nothing to the whole of it ("full jitter"), so that the clients of a
 * registry that comes back do not all arrive at once.
 */
export class Backoff {
  private readonly initialMs: number;
  private readonly maxMs: number;
  private readonly random: () => number;
  private nextMs: number;

  constructor(options: BackoffOptions = {}) {
    this.initialMs = options.initialMs ?? 100;
    this.maxMs = options.maxMs ?? 5000;
    this.random = options.random ?? Math.random;
    this.nextMs = this.initialMs;
  }

  /** Begins anew: after something succeeded. */
  reset(): void {
    this.nextMs = this.initialMs;
  }

  /** Waits its turn. Resolves early, without an error, when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const waitMs = this.random() * this.nextMs;
    this.nextMs = Math.min(this.nextMs * 2, this.maxMs);
    await sleep(waitMs, signal);
  }
}

/** Waits; resolves early, without an error, when the signal aborts. Keeps no process alive. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}

/** Aborts a controller unless it is fed often enough. */
export class Watchdog {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly controller: AbortController,
    private readonly complaint: string,
  ) {}

  /** Something happened: the next thing must happen within this many milliseconds. */
  feed(limitMs: number): void {
    this.stop();
    this.timer = setTimeout(() => this.controller.abort(new Error(this.complaint)), limitMs);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
