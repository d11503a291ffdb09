import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import type { Raft } from '../core/raft';
import { encodeBackup } from '../backup/backup-file';
import { RaftError } from '../errors';
import type { BackupRequest } from '../raft-node';
import { appliedSnapshot } from './applied-snapshot';
import type { ApplyQueue } from './apply-queue';
import { inSlices } from './slices';

/** A backup keeps what it is of in memory, so somebody who does not read on loses it. */
const STALL_TIMEOUT_MS = 30_000;

/** Writes the state of this replica for somebody to keep elsewhere; one at a time. */
export class Backups<Result> {
  private current: BackupPieces | undefined;

  constructor(
    private readonly raft: Pick<Raft, 'configurationAt'>,
    private readonly stateMachine: Pick<DeduplicatedStateMachine<Result>, 'snapshotSlices'>,
    private readonly applyQueue: Pick<ApplyQueue<Result>, 'position'>,
    private readonly stallTimeoutMs = STALL_TIMEOUT_MS,
  ) {}

  /**
   * The state as it is at this call, in pieces of a backup file. Nothing of it touches the disk.
   *
   * @throws RaftError `queueFull` while another one is read.
   */
  begin({ service, version, takenAtMs, signal }: BackupRequest): AsyncIterableIterator<Buffer> {
    if (this.current !== undefined) {
      const message = 'this replica is being backed up already: wait for that, or ask another one';
      const limit = { name: 'backups', limit: 1, value: 2 };
      throw new RaftError('queueFull', message, { limit });
    }
    const snapshot = appliedSnapshot(this.raft, this.applyQueue);
    // The state is taken down here and now; everything after this line may be later than the backup.
    const data = inSlices(this.stateMachine.snapshotSlices());
    const file = encodeBackup({ service, version, takenAtMs, snapshot }, data);
    const pieces = new BackupPieces(file, this.stallTimeoutMs, signal, () => {
      if (this.current === pieces) this.current = undefined;
    });
    this.current = pieces;
    return pieces;
  }

  /** Whoever still reads one is told that it is over. */
  stop(): void {
    this.current?.end(new RaftError('stopped', 'this replica stopped during the backup'));
  }
}

/** The pieces of one backup, until they are all read, or nobody reads on. */
class BackupPieces implements AsyncIterableIterator<Buffer> {
  /** Holds the state; undefined when it was let go. */
  private pieces: AsyncGenerator<Buffer> | undefined;
  private error: RaftError | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    pieces: AsyncGenerator<Buffer>,
    private readonly stallTimeoutMs: number,
    private readonly signal: AbortSignal | undefined,
    private readonly onEnd: () => void,
  ) {
    this.pieces = pieces;
    signal?.addEventListener('abort', this.cancel);
    this.watch();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer>> {
    clearTimeout(this.timer);
    const result = await this.pieces?.next().catch((error: unknown) => {
      // Whoever reads is told, and does not say anything any more.
      this.end();
      throw error;
    });
    // Also when it was let go meanwhile: what has come is of no use any more.
    if (this.error !== undefined) throw this.error;
    if (result === undefined || result.done === true) {
      this.end();
      return { done: true, value: undefined };
    }
    this.watch();
    return result;
  }

  return(): Promise<IteratorResult<Buffer>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Lets the state go. @param error what the next read fails with. Default: it ends. */
  end(error?: RaftError): void {
    clearTimeout(this.timer);
    if (this.pieces === undefined) return;
    this.pieces = undefined;
    this.error = error;
    this.signal?.removeEventListener('abort', this.cancel);
    this.onEnd();
  }

  private readonly cancel = (): void => {
    this.end(new RaftError('cancelled', 'the backup was cancelled'));
  };

  private watch(): void {
    if (this.pieces === undefined) return;
    const { stallTimeoutMs } = this;
    this.timer = setTimeout(() => {
      const message = `nobody has read on for ${stallTimeoutMs / 1000} s: the backup was given up`;
      this.end(new RaftError('deadlineExceeded', message));
    }, stallTimeoutMs);
    this.timer.unref();
  }
}
