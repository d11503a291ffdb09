import type { config } from '@raftway/contracts';
import { unavailable } from '@raftway/errors';
import type { ConfigChange, ConfigView } from './watch-config';

/** The registry's configuration without a registry, for specs: views of it see changes at once. */
export class MemoryConfigStore {
  private currentRevision = 1n;
  private texts = new Map<string, string>();
  /** When each key was set or removed last. */
  private readonly changed = new Map<string, bigint>();
  private readonly views = new Set<MemoryConfigView>();
  private away = false;

  get revision(): bigint {
    return this.currentRevision;
  }

  get isAway(): boolean {
    return this.away;
  }

  /** Whether views can reach it: while it is away they keep what they have, and no change is made. */
  setAway(away: boolean): void {
    this.away = away;
    if (!away) for (const view of this.views) view.follow();
  }

  /** A view of the entries below a prefix. While the store is away it has no first snapshot. */
  view(prefix: string): ConfigView {
    const view = new MemoryConfigView(this, prefix, (one) => void this.views.delete(one));
    this.views.add(view);
    view.follow();
    return view;
  }

  /** The texts below a prefix. */
  below(prefix: string): ReadonlyMap<string, string> {
    return new Map([...this.texts].filter(([key]) => key.startsWith(prefix)));
  }

  /** Sets texts, and removes those that are undefined, as one. */
  set(changes: Readonly<Record<string, string | undefined>>): bigint {
    this.currentRevision += 1n;
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) this.texts.delete(key);
      else this.texts.set(key, value);
      this.changed.set(key, this.currentRevision);
    }
    if (!this.away) for (const view of this.views) view.follow();
    return this.currentRevision;
  }

  /** As the registry's Txn. @throws ServiceError while it is away */
  transact(
    conditions: readonly config.Condition[],
    operations: readonly config.Operation[],
  ): config.TxnResponse {
    if (this.away) throw unavailable('NO_LEADER', 'the store is away');
    const failed = conditions.findIndex((one) => !this.holds(one));
    if (failed >= 0)
      return { succeeded: false, revision: this.currentRevision, failedCondition: failed };
    const changes = operations.flatMap(({ operation }) =>
      operation === undefined
        ? []
        : [
            [
              operation.value.key,
              operation.$case === 'put' ? operation.value.value : undefined,
            ] as const,
          ],
    );
    return {
      succeeded: true,
      revision: this.set(Object.fromEntries(changes)),
      failedCondition: 0,
    };
  }

  private holds({ condition }: config.Condition): boolean {
    if (condition?.$case === 'prefix') {
      const { prefix, sinceRevision } = condition.value;
      return [...this.changed].every(
        ([key, revision]) => !key.startsWith(prefix) || revision <= sinceRevision,
      );
    }
    if (condition === undefined) return true;
    const { key, modifiedRevision } = condition.value;
    return (this.texts.has(key) ? this.changed.get(key) : 0n) === modifiedRevision;
  }
}

class MemoryConfigView implements ConfigView {
  private readonly listeners = new Set<(change: ConfigChange) => void>();
  private seen: ReadonlyMap<string, string> = new Map();
  private seenRevision = 0n;

  constructor(
    private readonly store: MemoryConfigStore,
    private readonly prefix: string,
    private readonly onClose: (view: MemoryConfigView) => void,
  ) {}

  follow(): void {
    if (this.store.isAway) return;
    const before = this.seen;
    const isFirst = this.seenRevision === 0n;
    this.seen = this.store.below(this.prefix);
    this.seenRevision = this.store.revision;
    const keys = new Set(
      [...before.keys(), ...this.seen.keys()].filter(
        (key) => before.get(key) !== this.seen.get(key),
      ),
    );
    if (keys.size === 0 && !isFirst) return;
    for (const listener of [...this.listeners]) listener({ revision: this.seenRevision, keys });
  }

  entries(): ReadonlyMap<string, string> {
    return this.seen;
  }

  revision(): bigint {
    return this.seenRevision;
  }

  isConnected(): boolean {
    return !this.store.isAway;
  }

  onChange(listener: (change: ConfigChange) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async transact(
    conditions: readonly config.Condition[],
    operations: readonly config.Operation[],
  ): Promise<config.TxnResponse> {
    await Promise.resolve();
    return this.store.transact(conditions, operations);
  }

  close(): Promise<void> {
    this.listeners.clear();
    this.onClose(this);
    return Promise.resolve();
  }
}
