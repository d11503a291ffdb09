import type { registry } from '@raftway/contracts';
import type { RegistryState } from '../domain/registry-state';
import { REGISTRY_SERVICE } from './own-replicas';
import type { Subscription, WatchHub } from './watch-hub';
import { deltaMessages, progressMessage, resetMessage, snapshotMessages } from './watch-messages';

/** How many different snapshots and deltas that lead to the current revision are kept for further watchers. */
const SHARED_MESSAGES_MAX = 64;

type Messages = readonly registry.WatchResponse[];

/** What every watch stream of a replica needs. */
export interface WatchSurroundings {
  readonly hub: WatchHub;
  state(): RegistryState;
  /** The registry's own replicas, which lead every list. */
  ownReplicas(): readonly registry.Instance[];
  /** Called for each watcher that has to start again from a snapshot. */
  onReset(reason: string): void;
}

/** Makes watch streams, and shares messages between those that are at the same revision. */
export class WatchStreams {
  private readonly shared = new Map<string, Messages>();
  /** The revision to which everything in `shared` leads. */
  private sharedRevision = 0;

  constructor(private readonly surroundings: WatchSurroundings) {}

  /**
   * The events of one watcher, until its signal aborts. The caller has confirmed the local state by a linearizable read.
   *
   * @param service '' = all.
   * @param fromRevision 0n = begin with a snapshot.
   */
  async *events(
    service: string,
    fromRevision: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<registry.WatchResponse> {
    const subscription = this.surroundings.hub.subscribe(service, signal);
    try {
      let cursor: number;
      if (fromRevision === 0n) {
        cursor = this.surroundings.state().revision;
        yield* this.snapshot(service);
      } else {
        cursor = Number(fromRevision);
        const own = this.ownReplicasFor(service);
        if (own.length > 0) yield* deltaMessages({ upserts: own, removals: [] }, cursor, cursor);
      }
      yield* this.follow(service, cursor, subscription, signal, fromRevision !== 0n);
    } finally {
      subscription.end();
    }
  }

  private async *follow(
    service: string,
    start: number,
    subscription: Subscription,
    signal: AbortSignal,
    resumed: boolean,
  ): AsyncGenerator<registry.WatchResponse> {
    let cursor = start;
    // A watcher that resumes hears at once how old it is; after a snapshot it knows.
    let owesProgress = resumed;
    for (;;) {
      signal.throwIfAborted();
      const { revision } = this.surroundings.state();
      if (revision !== cursor) {
        const messages = this.missed(service, cursor);
        cursor = revision;
        yield* messages;
        continue;
      }
      if (subscription.takeConfirmation() || owesProgress) {
        owesProgress = false;
        yield progressMessage(cursor);
        continue;
      }
      await subscription.wait();
    }
  }

  /** What a watcher at `cursor` needs to be at the current revision. */
  private missed(service: string, cursor: number): Messages {
    const state = this.surroundings.state();
    const { revision } = state;
    return this.share(`delta|${service}|${cursor}`, () => {
      const changes = state.changesSince(cursor, service === '' ? undefined : service);
      if (changes !== undefined) {
        const isEmpty = changes.upserts.length + changes.removals.length === 0;
        return isEmpty ? [] : deltaMessages(changes, cursor, revision);
      }
      const reason =
        cursor > revision
          ? `revision ${cursor} is newer than the registry's ${revision}`
          : `changes since revision ${cursor} are not known any more`;
      this.surroundings.onReset(reason);
      return [resetMessage(reason, revision), ...this.snapshot(service)];
    });
  }

  private snapshot(service: string): Messages {
    const state = this.surroundings.state();
    return this.share(`snapshot|${service}`, () => {
      const instances = [...this.ownReplicasFor(service)];
      const records =
        service === '' ? state.services.values() : [state.services.get(service)].values();
      for (const record of records) {
        for (const { instance } of record?.registrations.values() ?? []) instances.push(instance);
      }
      return snapshotMessages(instances, state.revision);
    });
  }

  private ownReplicasFor(service: string): readonly registry.Instance[] {
    const listsThem = service === '' || service === REGISTRY_SERVICE;
    return listsThem ? this.surroundings.ownReplicas() : [];
  }

  private share(key: string, make: () => Messages): Messages {
    const { revision } = this.surroundings.state();
    if (revision !== this.sharedRevision) this.shared.clear();
    this.sharedRevision = revision;
    let messages = this.shared.get(key);
    if (messages === undefined) {
      if (this.shared.size >= SHARED_MESSAGES_MAX) this.shared.clear();
      messages = make();
      this.shared.set(key, messages);
    }
    return messages;
  }
}
