import { resourceExhausted } from '@raftway/errors';

/** Optional input of {@link RenewalBatcher}. */
export interface RenewalBatcherOptions {
  /** How long the first renewal waits for others, in milliseconds. @default 2 */
  readonly gatherMs?: number | undefined;
  /** Leases in one command. @default 5000 */
  readonly batchMax?: number | undefined;
  /** Renewals that wait at most; further ones fail with QUEUE_FULL. @default 100000 */
  readonly queueMax?: number | undefined;
}

interface WaitingRenewal {
  readonly leaseId: string;
  readonly resolve: (ttlMs: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns renewals into few commands: at most one is under way, and what arrives meanwhile becomes the next. With 10,000 leases of 10 s
 * there are some 3,000 renewals a second; one log entry each would make the log mostly renewals.
 */
export class RenewalBatcher {
  private readonly gatherMs: number;
  private readonly batchMax: number;
  private readonly queueMax: number;
  private waiting: WaitingRenewal[] = [];
  private timer: NodeJS.Timeout | undefined;
  private underway = false;

  /** @param propose replicates one command; yields a time to live for each lease, 0 for those that are gone. */
  constructor(
    private readonly propose: (leaseIds: readonly string[]) => Promise<readonly number[]>,
    options: RenewalBatcherOptions = {},
  ) {
    this.gatherMs = options.gatherMs ?? 2;
    this.batchMax = options.batchMax ?? 5000;
    this.queueMax = options.queueMax ?? 100_000;
  }

  /**
   * Yields the lease's time to live, which starts again, in milliseconds; 0 when the lease is gone.
   *
   * @throws what the proposal throws, for every renewal in it; ServiceError QUEUE_FULL.
   */
  renew(leaseId: string): Promise<number> {
    if (this.waiting.length >= this.queueMax) {
      const metadata = { limit: String(this.queueMax) };
      const message = `${this.queueMax} renewals wait already`;
      return Promise.reject(
        resourceExhausted('QUEUE_FULL', message, { metadata, retryDelayMs: 100 }),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ leaseId, resolve, reject });
      if (!this.underway) this.timer ??= setTimeout(() => void this.flush(), this.gatherMs);
    });
  }

  private async flush(): Promise<void> {
    this.timer = undefined;
    this.underway = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, this.batchMax);
      this.waiting = this.waiting.slice(this.batchMax);
      await this.send(batch);
    }
    this.underway = false;
  }

  private async send(batch: readonly WaitingRenewal[]): Promise<void> {
    try {
      const ttlsMs = await this.propose(batch.map(({ leaseId }) => leaseId));
      batch.forEach(({ resolve }, position) => resolve(ttlsMs[position] ?? 0));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
