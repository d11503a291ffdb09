import { resourceExhausted } from '@raftway/errors';

/** Optional input of {@link RenewalBatcher}. */
export interface RenewalBatcherOptions {
  /** Leases in one command. @default 5000 */
  readonly batchMax?: number | undefined;
  /** Renewals that wait at most; further ones fail with QUEUE_FULL. @default 100000 */
  readonly queueMax?: number | undefined;
}

/** Bytes of ids in one command: well below Raft's limit of a command, 1 MiB, whatever ids callers send. */
const BATCH_BYTES_MAX = 512 * 1024;

interface WaitingRenewal {
  readonly leaseId: string;
  readonly resolve: (ttlMs: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns renewals of leases (of registrations, of sessions) into few log entries: one command is under way at a time, and what arrives
 * meanwhile becomes the next. A lonely renewal is not delayed, and under load the batches grow by themselves. With 10,000 leases of 10 s
 * there are some 3,000 renewals a second; one log entry each would make the log mostly renewals.
 */
export class RenewalBatcher {
  private readonly batchMax: number;
  private readonly queueMax: number;
  private waiting: WaitingRenewal[] = [];
  private underway = false;
  private underwayCount = 0;

  /** @param propose Replicates one command; yields a time to live for each lease, 0 for those that are gone. */
  constructor(
    private readonly propose: (leaseIds: readonly string[]) => Promise<readonly number[]>,
    options: RenewalBatcherOptions = {},
  ) {
    this.batchMax = options.batchMax ?? 5_000;
    this.queueMax = options.queueMax ?? 100_000;
  }

  /** Renewals without an answer yet. */
  get size(): number {
    return this.waiting.length + this.underwayCount;
  }

  /**
   * Yields the time to live that starts again, in milliseconds; 0 when the lease is gone.
   *
   * @throws ServiceError QUEUE_FULL, or what the proposal failed with.
   */
  renew(leaseId: string): Promise<number> {
    if (this.waiting.length >= this.queueMax) {
      const metadata = { limit: String(this.queueMax), value: String(this.waiting.length) };
      const message = `${this.queueMax} renewals are waiting already`;
      return Promise.reject(
        resourceExhausted('QUEUE_FULL', message, { metadata, retryDelayMs: 100 }),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ leaseId, resolve, reject });
      if (this.underway) return;
      this.underway = true;
      // What else arrives in this turn of the event loop comes along.
      setImmediate(() => void this.sendAll());
    });
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const count = this.nextCount();
      const batch = this.waiting.slice(0, count);
      this.waiting = this.waiting.slice(count);
      await this.send(batch);
    }
    this.underway = false;
  }

  /** How many of those that wait fit into one command; at least one. */
  private nextCount(): number {
    let bytes = 0;
    for (const [at, { leaseId }] of this.waiting.entries()) {
      // A UTF-16 unit is at most three bytes in UTF-8.
      bytes += 3 * leaseId.length;
      if (at >= this.batchMax || (bytes > BATCH_BYTES_MAX && at > 0)) return at;
    }
    return this.waiting.length;
  }

  private async send(batch: readonly WaitingRenewal[]): Promise<void> {
    this.underwayCount = batch.length;
    try {
      const ttlsMs = await this.propose(batch.map(({ leaseId }) => leaseId));
      for (const [at, { resolve }] of batch.entries()) resolve(ttlsMs[at] ?? 0);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.underwayCount = 0;
    }
  }
}
