import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from '@raftway/observability';

/** What a cancellation did; queuePosition is the place that was given up. */
export interface CancelledWait {
  readonly gaveBack: boolean;
  readonly queuePosition: number;
}

/** Optional input of {@link WaitCanceller}. */
export interface WaitCancellerOptions {
  /** For how long one cancellation is tried again, in milliseconds. @default 30000 */
  readonly retryMs?: number | undefined;
  /** Cancellations under way at most; further ones are left to deadlines and times to live. @default 20000 */
  readonly underwayMax?: number | undefined;
}

const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1_000;

/**
 * Takes attempts back whose callers have gone. A cancellation is repeated until it is known to have happened, because a grant that nobody
 * hears of would block a lock for the time to live of its session; it is repeatable because a second one finds nothing to cancel.
 */
export class WaitCanceller<Cancellation extends { readonly name: string }> {
  private readonly draining = new AbortController();
  private readonly stopping = new AbortController();
  private readonly underway = new Set<Promise<unknown>>();
  private readonly retryMs: number;
  private readonly underwayMax: number;

  constructor(
    private readonly propose: (cancellation: Cancellation) => Promise<CancelledWait>,
    private readonly logger: Logger,
    options: WaitCancellerOptions = {},
  ) {
    this.retryMs = options.retryMs ?? 30_000;
    this.underwayMax = options.underwayMax ?? 20_000;
  }

  /**
   * Cancels, and yields what the first cancellation that got through did.
   *
   * @param afterMs how long to wait before, unless a drain begins.
   * @throws what the last try failed with.
   */
  cancel(cancellation: Cancellation, afterMs = 0): Promise<CancelledWait> {
    const running = this.untilDone(cancellation, afterMs);
    this.underway.add(running);
    const forget = () => this.underway.delete(running);
    running.then(forget, forget);
    return running;
  }

  /** Cancels without being waited for. @param afterMs as for {@link cancel} */
  cancelInBackground(cancellation: Cancellation, afterMs = 0): void {
    if (this.underway.size >= this.underwayMax) {
      this.logger.warn('too many cancellations; left to the deadline', { lock: cancellation.name });
      return;
    }
    this.cancel(cancellation, afterMs).catch((error: unknown) => {
      this.logger.warn('a waiting call could not be cancelled', { lock: cancellation.name, error });
    });
  }

  /** Resolves when nothing is under way, at most after timeoutMs; nothing is tried again afterwards. */
  async drain(timeoutMs: number): Promise<void> {
    this.draining.abort();
    const timeout = AbortSignal.timeout(timeoutMs);
    const late = new Promise((resolve) => timeout.addEventListener('abort', resolve));
    while (this.underway.size > 0 && !timeout.aborted)
      await Promise.race([Promise.allSettled([...this.underway]), late]);
    this.stopping.abort();
  }

  private async untilDone(cancellation: Cancellation, afterMs: number): Promise<CancelledWait> {
    if (afterMs > 0)
      await delay(afterMs, undefined, { signal: this.draining.signal }).catch(() => undefined);
    const giveUpAtMs = performance.now() + this.retryMs;
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS)) {
      try {
        return await this.propose(cancellation);
      } catch (error) {
        const late = performance.now() + backoffMs > giveUpAtMs;
        if (late || this.stopping.signal.aborted) throw error;
        await delay(backoffMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }
}
