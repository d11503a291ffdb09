import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import type { Input, LogIndex, ServerId, SnapshotMetadata } from '../core';
import type { Raft } from '../core/raft';
import type { Storage } from '../storage/storage';
import type { Transport } from '../transport/transport';
import type { ApplyQueue } from './apply-queue';
import type { ResolvedRaftNodeOptions } from './options';

type Options = Pick<
  ResolvedRaftNodeOptions<unknown>,
  'snapshotEntries' | 'snapshotBytes' | 'snapshotTrailingEntries' | 'logger' | 'observer'
>;

/** About what an entry costs in memory beside its command. */
const ENTRY_OVERHEAD_BYTES = 64;
/** So many times the usual number of entries are the most that a big state may cost. */
const OVERDUE_FACTOR = 20;

/** Takes snapshots when the log has grown, sends them to followers that need one, and receives them. */
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

  constructor(
    private readonly options: Options,
    private readonly raft: Raft,
    private readonly storage: Storage,
    private readonly transport: Transport,
    private readonly stateMachine: DeduplicatedStateMachine<Result>,
    private readonly applyQueue: ApplyQueue<Result>,
    private readonly input: (input: Input) => void,
  ) {}

  /** The index that the newest snapshot stands for; 0 when there is none. */
  get index(): LogIndex {
    return this.newestIndex;
  }

  set index(index: LogIndex) {
    this.newestIndex = index;
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
    const { index, term, stampMs } = this.applyQueue.position;
    const configuration = this.raft.configurationAt(index);
    if (configuration === undefined) throw new Error('nothing has been applied yet');
    // The state is copied here and now; everything after this line may be later than the snapshot.
    const data = this.stateMachine.snapshot();
    this.applyQueue.resetBytes();
    if (index > this.newestIndex) {
      const snapshot = { lastIncludedIndex: index, lastIncludedTerm: term, stampMs, configuration };
      await this.storage.saveSnapshot(snapshot, data);
      this.newestIndex = Math.max(this.newestIndex, index);
      this.newestBytes = data.length;
      const compactTo = Math.max(0, index - this.options.snapshotTrailingEntries);
      this.input({ type: 'snapshotTaken', snapshot, compactTo });
      await this.storage.compact(this.raft.firstIndex - 1);
      const durationMs = performance.now() - startedMs;
      this.options.observer.onSnapshot?.('taken', data.length, durationMs);
      this.options.logger.info('snapshot taken', { index, bytes: data.length, durationMs });
    }
    return { index, sizeBytes: data.length };
  }

  /** Sends the newest snapshot; the core hears when that fails. */
  async send(to: ServerId): Promise<void> {
    const startedMs = performance.now();
    try {
      const found = await this.track(this.storage.loadSnapshot());
      if (found === undefined) throw new Error('there is no snapshot to send');
      await this.transport.sendSnapshot(to, this.raft.term, found.snapshot, found.data);
      const durationMs = performance.now() - startedMs;
      this.options.observer.onSnapshot?.('sent', found.data.length, durationMs);
      this.options.logger.info('snapshot sent', { to, bytes: found.data.length, durationMs });
    } catch (error) {
      this.options.logger.warn('sending a snapshot failed', { to, error });
      this.input({ type: 'snapshotTransferFailed', to });
    }
  }

  /**
   * Makes a received snapshot durable, then offers it to the core.
   *
   * @param offer tells the core, which calls {@link install} before this returns if it wants the snapshot. It is not kept for later.
   */
  async receive(snapshot: SnapshotMetadata, data: Uint8Array, offer: () => void): Promise<void> {
    // One that is older than our log is not worth the disk; the core answers what we have.
    if (snapshot.lastIncludedIndex > this.raft.commitIndex) {
      await this.track(this.storage.saveSnapshot(snapshot, data));
      this.received = { snapshot, data };
    }
    try {
      offer();
    } finally {
      this.received = undefined;
    }
  }

  /** Resolves when nothing of this uses the storage any more. */
  async idle(): Promise<void> {
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
