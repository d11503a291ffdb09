import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import type { Input, LogIndex, ServerId, SnapshotMetadata, Term } from '../core';
import type { Raft } from '../core/raft';
import type { Storage } from '../storage/storage';
import type { Transport } from '../transport/transport';
import { appliedSnapshot } from './applied-snapshot';
import type { ApplyQueue } from './apply-queue';
import { Backups } from './backups';
import { IncomingSnapshots } from './incoming-snapshots';
import type { ResolvedRaftNodeOptions } from './options';
import { OutgoingSnapshots } from './outgoing-snapshots';
import { inSlices } from './slices';

type Options = Pick<
  ResolvedRaftNodeOptions<unknown>,
  | 'snapshotEntries'
  | 'snapshotBytes'
  | 'snapshotTrailingEntries'
  | 'snapshotTrailingBytes'
  | 'snapshotBytesMax'
  | 'snapshotTransferTimeoutMs'
  | 'logger'
  | 'observer'
>;

/** About what an entry costs in memory beside its command. */
const ENTRY_OVERHEAD_BYTES = 64;
/** So many times the usual number of entries are the most that a big state may cost. */
const OVERDUE_FACTOR = 20;
/** Takes snapshots when the log has grown, sends them to followers that need one, and receives them. Backups are written beside. */
export class Snapshots<Result> {
  private newestIndex: LogIndex = 0;
  private newestBytes = 0;
  private taking: Promise<{ index: LogIndex; sizeBytes: number }> | undefined;
  /** After a failure the log has to grow a little more before the next attempt. */
  private notBeforeIndex: LogIndex = 0;
  /** On disk, and offered to the core at this moment. */
  private received: { readonly snapshot: SnapshotMetadata; readonly data: Uint8Array } | undefined;
  /** What uses the storage now. */
  private readonly underway = new Set<Promise<unknown>>();
  private readonly outgoing: OutgoingSnapshots;
  readonly incoming: IncomingSnapshots;
  readonly backups: Backups<Result>;

  /** @param offer tells the core of a snapshot that has come; it calls {@link install} before this returns if it wants it. */
  constructor(
    private readonly options: Options,
    private readonly raft: Raft,
    private readonly storage: Storage,
    transport: Transport,
    private readonly stateMachine: DeduplicatedStateMachine<Result>,
    private readonly applyQueue: ApplyQueue<Result>,
    private readonly input: (input: Input) => void,
    private readonly offer: (from: ServerId, term: Term, snapshot: SnapshotMetadata) => void,
  ) {
    this.backups = new Backups(raft, stateMachine, applyQueue);
    this.outgoing = new OutgoingSnapshots(options, raft, storage, transport, input);
    this.incoming = new IncomingSnapshots({
      bytesMax: options.snapshotBytesMax,
      storage,
      term: () => raft.term,
      commitIndex: () => raft.commitIndex,
      nowMs: () => performance.now(),
      onFailed: () => options.observer.onSnapshot?.('receiveFailed', 0, 0),
      deliver: (from, term, snapshot, data) => this.deliver(from, term, snapshot, data),
    });
  }

  /** The index that the newest snapshot stands for; 0 when there is none. */
  get index(): LogIndex {
    return this.newestIndex;
  }

  /** The state machine was put where the snapshot on disk is. */
  restored(index: LogIndex, bytes: number): void {
    this.newestIndex = index;
    this.newestBytes = bytes;
  }

  /** Takes a snapshot when the policy says so. To be called after applying. */
  maybeTake(): void {
    const { index } = this.applyQueue.position;
    const { snapshotEntries, snapshotBytes } = this.options;
    const entries = index - this.newestIndex;
    if (entries <= 0) return;
    const bytes = this.applyQueue.appliedBytes + entries * ENTRY_OVERHEAD_BYTES;
    // A big state is not written again for every handful of small entries (dissertation §5.1.2): the log has to outgrow it first.
    const worthIt = bytes >= this.newestBytes || entries > snapshotEntries * OVERDUE_FACTOR;
    const due = worthIt && (entries > snapshotEntries || bytes > snapshotBytes);
    if (!due || this.taking !== undefined || index < this.notBeforeIndex) return;
    this.take().catch((error: unknown) => {
      this.notBeforeIndex = index + Math.ceil(this.options.snapshotEntries / 10);
      this.options.observer.onSnapshot?.('takeFailed', 0, 0);
      this.options.logger.error('taking a snapshot failed', { index, error });
    });
  }

  /** Takes a snapshot now, or joins the one that is being taken. */
  take(): Promise<{ index: LogIndex; sizeBytes: number }> {
    this.taking ??= this.track(this.takeOne()).finally(() => {
      this.taking = undefined;
    });
    return this.taking;
  }

  private async takeOne(): Promise<{ index: LogIndex; sizeBytes: number }> {
    const startedMs = performance.now();
    const snapshot = appliedSnapshot(this.raft, this.applyQueue);
    const index = snapshot.lastIncludedIndex;
    this.applyQueue.resetBytes();
    if (index <= this.newestIndex) return { index, sizeBytes: this.newestBytes };
    // The state is taken down here and now; everything after this line may be later than the snapshot.
    const slices = this.stateMachine.snapshotSlices();
    let longestSliceMs = performance.now() - startedMs;
    const data = inSlices(slices, (durationMs) => {
      longestSliceMs = Math.max(longestSliceMs, durationMs);
    });
    const sizeBytes = await this.storage.saveSnapshot(snapshot, data);
    if (index > this.newestIndex) {
      this.newestIndex = index;
      this.newestBytes = sizeBytes;
    }
    const { snapshotTrailingEntries, snapshotTrailingBytes: keepBytesMax } = this.options;
    const compactTo = Math.max(0, index - snapshotTrailingEntries);
    this.input({ type: 'snapshotTaken', snapshot, compactTo, keepBytesMax });
    await this.storage.compact(this.raft.firstIndex - 1);
    const durationMs = performance.now() - startedMs;
    this.options.observer.onSnapshot?.('taken', sizeBytes, durationMs);
    const figures = { index, bytes: sizeBytes, durationMs, longestSliceMs };
    this.options.logger.info('snapshot taken', figures);
    return { index, sizeBytes };
  }

  /** Sends the newest snapshot; the core hears when that fails. */
  send(to: ServerId): void {
    void this.track(this.outgoing.send(to));
  }

  /** To be called when role or term may have changed. */
  look(): void {
    this.outgoing.look();
  }

  /** Ends backups; the next call of {@link idle} need not wait for transfers. */
  stop(): void {
    this.backups.stop();
    this.outgoing.stop();
  }

  private deliver(
    from: ServerId,
    term: Term,
    snapshot: SnapshotMetadata,
    data: Uint8Array | undefined,
  ): void {
    this.received = data === undefined ? undefined : { snapshot, data };
    try {
      this.offer(from, term, snapshot);
    } finally {
      this.received = undefined;
    }
  }

  /** Resolves when nothing of this uses the storage any more. */
  async idle(): Promise<void> {
    await this.incoming.close();
    while (this.underway.size > 0) await Promise.allSettled(this.underway);
  }

  /** The core wants a received snapshot to replace log and state. */
  install(snapshot: SnapshotMetadata): void {
    const received = this.received;
    this.received = undefined;
    const index = snapshot.lastIncludedIndex;
    // After a restart the core may only want the log to say so: the state has been restored already.
    if (this.applyQueue.position.index >= index) return;
    if (received?.snapshot.lastIncludedIndex !== index) {
      throw new Error(`the snapshot of ${index} is to be installed and is not here`);
    }
    const startedMs = performance.now();
    this.applyQueue.restore(snapshot, received.data);
    this.newestIndex = index;
    this.newestBytes = received.data.length;
    const durationMs = performance.now() - startedMs;
    this.options.observer.onSnapshot?.('installed', received.data.length, durationMs);
    this.options.logger.info('snapshot installed', { index, bytes: received.data.length });
  }

  private track<Value>(work: Promise<Value>): Promise<Value> {
    this.underway.add(work);
    const done = (): void => void this.underway.delete(work);
    work.then(done, done);
    return work;
  }
}
