import type { Logger } from '@raftway/observability';
import { Backoff, sleep, Watchdog, type BackoffOptions } from './backoff';
import type { RegistryClient, RegistryReplica } from './registry-client';

/** What a {@link LeaseKeeper} works with. */
export interface LeaseKeeperOptions {
  readonly client: RegistryClient;
  readonly leaseId: string;
  readonly ttlMs: number;
  readonly backoff: BackoffOptions;
  /** Ends {@link LeaseKeeper.keep}. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly onRenewed: () => void;
}

/**
 * Renews one lease over KeepAlive streams. A broken stream says nothing about the lease: the next stream goes on renewing it, and only the
 * registry's word ends it.
 */
export class LeaseKeeper {
  private renewed = true;
  private readonly backoff: Backoff;
  private readonly random: () => number;

  constructor(private readonly options: LeaseKeeperOptions) {
    this.backoff = new Backoff({ maxMs: Math.min(5000, options.ttlMs / 3), ...options.backoff });
    this.random = options.backoff.random ?? Math.random;
  }

  get leaseId(): string {
    return this.options.leaseId;
  }

  /** False from a failed renewal until the next one that succeeds. */
  get isRenewed(): boolean {
    return this.renewed;
  }

  /** Renews until the registry says that the lease is gone, or the signal aborts. */
  async keep(): Promise<void> {
    const { client, signal, logger, leaseId } = this.options;
    await this.untilNextRenewal(signal);
    while (!signal.aborted) {
      const replica = client.current;
      const seed = client.currentSeed;
      try {
        if ((await this.renewOver(replica)) === 'expired') return;
      } catch (error) {
        if (signal.aborted) return;
        const message = 'renewals interrupted; going on with another seed';
        if (this.renewed) logger.warn(message, { seed, leaseId, error });
        else logger.debug(message, { seed, leaseId, error });
      }
      this.renewed = false;
      client.moveOn(replica);
      await this.backoff.wait(signal);
    }
    this.renewed = false;
  }

  /** Renews over one stream, one at a time. @throws when the stream breaks or an answer is overdue. */
  private async renewOver(replica: RegistryReplica): Promise<'expired' | 'ended'> {
    const attempt = new AbortController();
    const signal = AbortSignal.any([attempt.signal, this.options.signal]);
    const watchdog = new Watchdog(attempt, 'a renewal was not answered in time');
    const answerLimitMs = Math.min(3000, this.options.ttlMs / 3);
    const turn = new Turn();
    try {
      watchdog.feed(answerLimitMs);
      for await (const answer of replica.keepAlive(this.requests(turn, signal), { signal })) {
        watchdog.stop();
        if (answer.expired) return 'expired';
        this.renewed = true;
        this.backoff.reset();
        this.options.onRenewed();
        await this.untilNextRenewal(signal);
        watchdog.feed(answerLimitMs);
        turn.take();
      }
      return 'ended';
    } finally {
      watchdog.stop();
      attempt.abort();
      turn.take();
    }
  }

  private async *requests(
    turn: Turn,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly leaseId: string }> {
    const { leaseId } = this.options;
    while (!signal.aborted) {
      yield { leaseId };
      await turn.wait();
    }
  }

  /** A third of the time to live, give or take a tenth, so that processes started together do not renew together for ever. */
  private async untilNextRenewal(signal: AbortSignal): Promise<void> {
    const { ttlMs } = this.options;
    await sleep((ttlMs / 3) * (0.9 + 0.2 * this.random()), signal);
  }
}

/** Lets one side wait until the other gives it the turn. */
class Turn {
  private given = false;
  private proceed: (() => void) | undefined;

  take(): void {
    this.given = true;
    this.proceed?.();
  }

  async wait(): Promise<void> {
    if (!this.given) await new Promise<void>((resolve) => (this.proceed = resolve));
    this.given = false;
    this.proceed = undefined;
  }
}
