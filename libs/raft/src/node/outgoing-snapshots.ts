import type { Input, ServerId } from '../core';
import { Role } from '../core';
import type { Raft } from '../core/raft';
import type { SnapshotReader, Storage } from '../storage/storage';
import { SnapshotTransfer, TransferInterrupted } from '../transport/snapshot-transfer';
import type { Transport } from '../transport/transport';
import type { ResolvedRaftNodeOptions } from './options';

type Options = Pick<
  ResolvedRaftNodeOptions<unknown>,
  'snapshotTransferTimeoutMs' | 'logger' | 'observer'
>;

/** Pauses between two attempts: doubled each time that nothing arrived. */
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1000;

/**
 * Sends snapshots to followers that need one, each in as many attempts as it takes.
 *
 * All attempts at one transfer send the same snapshot, though a newer one may have been taken meanwhile: it is what the follower has a part of, and the log behind it
 * is kept. So a transfer ends, however often links break, as long as something arrives within the time limit.
 */
export class OutgoingSnapshots {
  private readonly underway = new Map<ServerId, AbortController>();

  constructor(
    private readonly options: Options,
    private readonly raft: Raft,
    private readonly storage: Storage,
    private readonly transport: Transport,
    private readonly input: (input: Input) => void,
  ) {}

  /** Sends the newest snapshot; the core hears when that fails. */
  async send(to: ServerId): Promise<void> {
    this.underway.get(to)?.abort();
    const giveUp = new AbortController();
    this.underway.set(to, giveUp);
    const startedMs = performance.now();
    let reader: SnapshotReader | undefined;
    let transfer: SnapshotTransfer | undefined;
    const { observer, logger } = this.options;
    try {
      const { term } = this.raft;
      reader = await this.storage.readSnapshot();
      if (reader === undefined) throw new Error('there is no snapshot to send');
      transfer = new SnapshotTransfer(term, reader);
      await this.deliver(to, transfer, giveUp.signal);
      const durationMs = performance.now() - startedMs;
      const { chunksSent, resumed } = transfer;
      observer.onSnapshot?.('sent', transfer.dataBytes, durationMs);
      logger.info('snapshot sent', { to, ...transfer.id, chunksSent, resumed, durationMs });
    } catch (error) {
      // A newer transfer to the same server has taken its place, or this replica does not lead any more.
      if (giveUp.signal.aborted) return;
      observer.onSnapshot?.('sendFailed', transfer?.dataBytes ?? 0, performance.now() - startedMs);
      logger.warn('sending a snapshot failed', { to, error });
      this.input({ type: 'snapshotTransferFailed', to });
    } finally {
      if (this.underway.get(to) === giveUp) this.underway.delete(to);
      if (transfer !== undefined) observer.onSnapshotTransfer?.(transfer);
      await reader?.close().catch((error: unknown) => {
        logger.warn('letting a sent snapshot go failed', { error });
      });
    }
  }

  /** Gives up what this replica has no right to send any more. */
  look(): void {
    if (this.raft.role !== Role.leader) this.stop();
  }

  stop(): void {
    for (const giveUp of this.underway.values()) giveUp.abort();
  }

  private async deliver(
    to: ServerId,
    transfer: SnapshotTransfer,
    signal: AbortSignal,
  ): Promise<void> {
    let progressMs = performance.now();
    let pauseMs = PAUSE_MS_MIN;
    for (;;) {
      const before = transfer.position;
      try {
        await this.transport.sendSnapshot(to, transfer, signal);
        return;
      } catch (error) {
        if (transfer.position > before) {
          progressMs = performance.now();
          pauseMs = PAUSE_MS_MIN;
        }
        const silentMs = performance.now() - progressMs;
        const isInTime = silentMs < this.options.snapshotTransferTimeoutMs;
        if (!(error instanceof TransferInterrupted) || !isInTime || signal.aborted) throw error;
        this.options.logger.debug('a snapshot’s transfer was interrupted', { to, error });
      }
      await pause(pauseMs, signal);
      pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
    }
  }
}

/** Resolves after a while, or as soon as the signal says so. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
