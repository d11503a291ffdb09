import { setTimeout as delay } from 'node:timers/promises';
import { ServiceError } from '@raftway/errors';
import type { LockClient } from './client';

/** Renewals in one time to live: two may fail. */
const RENEWALS_PER_TTL = 3;
/** Between a renewal that failed and the next, as a part of the time to live. */
const RETRIES_PER_TTL = 20;

/**
 * Renews a session until it is told to stop, and notices when the session is lost: the service says so, or no renewal has succeeded for a
 * whole time to live. That is counted from when the last successful renewal was sent, so it ends no later here than there.
 */
export class SessionKeeper {
  private readonly stopping = new AbortController();
  private readonly losing = new AbortController();
  private readonly running: Promise<void>;
  private held: { readonly name: string; readonly fencingToken: bigint } | undefined;

  /**
   * @param openedMs when the call that opened the session was sent, by `performance.now()`.
   */
  constructor(
    private readonly client: LockClient,
    private readonly sessionId: string,
    private readonly ttlMs: number,
    openedMs: number,
  ) {
    this.running = this.run(openedMs);
  }

  /** From now on a lock that was taken away counts as lost, too: operators can do that without ending the session. */
  watch(name: string, fencingToken: bigint): void {
    this.held = { name, fencingToken };
  }

  /** Aborts when the session is lost; its reason is a clause. */
  get lost(): AbortSignal {
    return this.losing.signal;
  }

  /** Resolves when no renewal is under way any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(openedMs: number): Promise<void> {
    let renewedMs = openedMs;
    let waitMs = this.ttlMs / RENEWALS_PER_TTL;
    while (await this.wait(waitMs)) {
      const sentMs = performance.now();
      const leftMs = renewedMs + this.ttlMs - sentMs;
      const outcome = leftMs > 0 ? await this.renew(leftMs) : 'failed';
      if (outcome === 'renewed') renewedMs = sentMs;
      const isHeld = outcome !== 'renewed' || (await this.isHeld());
      if (this.stopping.signal.aborted) return;
      if (outcome === 'expired' || !isHeld) {
        this.losing.abort(isHeld ? 'its session has expired' : 'it was taken away');
        return;
      }
      if (performance.now() - renewedMs >= this.ttlMs) {
        this.losing.abort(`its session could not be renewed for ${this.ttlMs / 1000} s`);
        return;
      }
      waitMs = this.ttlMs / (outcome === 'renewed' ? RENEWALS_PER_TTL : RETRIES_PER_TTL);
    }
  }

  /** True also when nobody can say: the session is what keeps the lock. */
  private async isHeld(): Promise<boolean> {
    if (this.held === undefined) return true;
    const { signal } = this.stopping;
    try {
      return (await this.client.checkToken(this.held, { timeoutMs: this.ttlMs, signal })).valid;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return true;
    }
  }

  /** False when it was told to stop. */
  private async wait(waitMs: number): Promise<boolean> {
    try {
      await delay(waitMs, undefined, { signal: this.stopping.signal });
      return true;
    } catch {
      return false;
    }
  }

  private async renew(timeoutMs: number): Promise<'renewed' | 'expired' | 'failed'> {
    const { sessionId } = this;
    const { signal } = this.stopping;
    try {
      const answers = this.client.keepAlive([{ sessionId }], { timeoutMs, signal });
      for await (const { expired } of answers) return expired ? 'expired' : 'renewed';
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
    return 'failed';
  }
}
