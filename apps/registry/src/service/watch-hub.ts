import { unavailable } from '@raftway/errors';
import type { Logger } from '@raftway/observability';

/** Optional input of {@link WatchHub}. */
export interface WatchTiming {
  /** How often watchers hear that they are up to date, in milliseconds. @default 5000 */
  readonly progressIntervalMs?: number | undefined;
  /** How long a replica that cannot confirm its state keeps its watchers, in milliseconds. @default 15000 */
  readonly staleAfterMs?: number | undefined;
  /** Changes this close together reach a watcher as one delta, in milliseconds. @default 20 */
  readonly coalesceMs?: number | undefined;
}

/** A state that is watched. */
export interface WatchedState {
  readonly revision: number;
  /** What changed after a revision, by the topics that watchers name; undefined when that is no longer known, so that all have to look. */
  changesSince(revision: number):
    | {
        readonly upserts: readonly { readonly service: string }[];
        readonly removals: readonly { readonly service: string }[];
      }
    | undefined;
}

/** What the hub needs of the replica. */
export interface WatchSource {
  /** The local state; a restore replaces it. */
  state(): WatchedState;
  /** Resolves when the local state is as new as anything acknowledged before the call. */
  confirm(): Promise<void>;
  /** Calls the listener after each applied entry. */
  onApplied(listener: () => void): () => void;
}

/** One watcher's place in the hub: says when to look again. */
export class Subscription {
  private signalled = false;
  private wakeUp: (() => void) | undefined;
  /** The confirmation that the watcher has told its caller of. */
  private toldConfirmation: number;
  private readonly onAbort = () => this.wake();

  constructor(
    private readonly hub: WatchHub,
    readonly service: string,
    private readonly signal: AbortSignal,
  ) {
    this.toldConfirmation = hub.confirmations;
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  wake(): void {
    this.signalled = true;
    this.wakeUp?.();
  }

  /** True once for each confirmation that came since the last call. @throws ServiceError NO_LEADER when none came for too long. */
  takeConfirmation(): boolean {
    this.hub.throwIfStale();
    const isNew = this.toldConfirmation !== this.hub.confirmations;
    this.toldConfirmation = this.hub.confirmations;
    return isNew;
  }

  /** Resolves when there may be something to send. @throws the signal's reason. */
  async wait(): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.signalled) await new Promise<void>((resolve) => (this.wakeUp = resolve));
    this.wakeUp = undefined;
    this.signalled = false;
    this.signal.throwIfAborted();
  }

  end(): void {
    this.signal.removeEventListener('abort', this.onAbort);
    this.hub.unsubscribe(this);
  }
}

/**
 * Wakes watchers. It keeps no queue for any of them: a watcher holds its revision and asks the state's history for what it has missed, so
 * that a slow one costs nothing, gets many changes as one, and is reset when the history no longer reaches back to it.
 *
 * Once an interval the hub confirms, by one linearizable read for all watchers, that the local state is the newest. A replica that cannot
 * do so for long sends its watchers elsewhere: silence from a partitioned replica looks the same as silence from an idle registry.
 */
export class WatchHub {
  /** How often the local state has been confirmed. */
  confirmations = 0;
  private readonly subscriptions = new Map<string, Set<Subscription>>();
  private readonly timing: Required<{ [Key in keyof WatchTiming]: number }>;
  private readonly stopListening: () => void;
  private flushedRevision: number;
  private flushTimer: NodeJS.Timeout | undefined;
  private confirmTimer: NodeJS.Timeout | undefined;
  private lastFlushMs = -Infinity;
  private confirmedMs = performance.now();
  private isStale = false;
  private isStopped = false;
  private count = 0;

  constructor(
    private readonly source: WatchSource,
    private readonly logger: Logger,
    timing: WatchTiming = {},
  ) {
    this.timing = {
      progressIntervalMs: timing.progressIntervalMs ?? 5000,
      staleAfterMs: timing.staleAfterMs ?? 15_000,
      coalesceMs: timing.coalesceMs ?? 20,
    };
    this.flushedRevision = source.state().revision;
    this.stopListening = source.onApplied(() => this.scheduleFlush());
  }

  get watcherCount(): number {
    return this.count;
  }

  /** @param service '' = all. The caller has just confirmed the state by a linearizable read. */
  subscribe(service: string, signal: AbortSignal): Subscription {
    this.markConfirmed();
    const subscription = new Subscription(this, service, signal);
    const peers = this.subscriptions.get(service) ?? new Set();
    this.subscriptions.set(service, peers.add(subscription));
    this.count += 1;
    if (this.count === 1) this.scheduleConfirmation();
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    const peers = this.subscriptions.get(subscription.service);
    if (peers?.delete(subscription) !== true) return;
    if (peers.size === 0) this.subscriptions.delete(subscription.service);
    this.count -= 1;
    if (this.count === 0) clearTimeout(this.confirmTimer);
  }

  throwIfStale(): void {
    if (!this.isStale) return;
    const message = `this replica has not heard from a leader for ${this.timing.staleAfterMs} ms`;
    throw unavailable('NO_LEADER', message);
  }

  stop(): void {
    this.isStopped = true;
    this.stopListening();
    clearTimeout(this.flushTimer);
    clearTimeout(this.confirmTimer);
  }

  private scheduleFlush(): void {
    if (this.flushTimer !== undefined || this.source.state().revision === this.flushedRevision)
      return;
    const sinceMs = performance.now() - this.lastFlushMs;
    const delayMs = Math.max(0, this.timing.coalesceMs - sinceMs);
    this.flushTimer = setTimeout(() => this.flush(), delayMs);
  }

  private flush(): void {
    this.flushTimer = undefined;
    this.lastFlushMs = performance.now();
    const changes = this.source.state().changesSince(this.flushedRevision);
    this.flushedRevision = this.source.state().revision;
    if (changes === undefined) return this.wakeAll();
    const touched = new Set([...changes.upserts, ...changes.removals].map((each) => each.service));
    for (const service of ['', ...touched]) {
      for (const subscription of this.subscriptions.get(service) ?? []) subscription.wake();
    }
  }

  private wakeAll(): void {
    for (const peers of this.subscriptions.values()) {
      for (const subscription of peers) subscription.wake();
    }
  }

  private scheduleConfirmation(): void {
    clearTimeout(this.confirmTimer);
    const { progressIntervalMs } = this.timing;
    this.confirmTimer = setTimeout(() => void this.confirm(), progressIntervalMs);
  }

  private async confirm(): Promise<void> {
    try {
      await this.source.confirm();
      this.markConfirmed();
      this.wakeAll();
    } catch (error) {
      const ageMs = performance.now() - this.confirmedMs;
      if (ageMs >= this.timing.staleAfterMs && !this.isStale) {
        this.isStale = true;
        this.logger.warn('watchers sent elsewhere: state is not confirmed', { ageMs, error });
      }
      if (this.isStale) this.wakeAll();
    }
    if (this.count > 0 && !this.isStopped) this.scheduleConfirmation();
  }

  private markConfirmed(): void {
    this.confirmations += 1;
    this.confirmedMs = performance.now();
    this.isStale = false;
  }
}
