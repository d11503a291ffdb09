import { randomUUID } from 'node:crypto';
import { config } from '@raftway/contracts';
import { silentLogger, type Logger } from '@raftway/observability';
import { SeedClients, type SeedCallOptions, type SeedClientsOptions } from './seed-clients';
import { WatchLoop, type WatchLoopOptions } from './watch-loop';

/** What {@link watchConfig} takes. */
export interface WatchConfigOptions extends SeedClientsOptions, WatchLoopOptions {
  /** Seed addresses. */
  readonly registry: readonly string[];
  /** Only entries whose keys begin with it. */
  readonly prefix: string;
  /** @default silent */
  readonly logger?: Logger | undefined;
}

/** What a change of configuration amounts to. */
export interface ConfigChange {
  /** Of the store after the change. */
  readonly revision: bigint;
  /** Keys whose texts differ from before, or are gone. */
  readonly keys: ReadonlySet<string>;
}

/**
 * A live local copy of the texts below a prefix of the registry's configuration, fed by its Watch. A broken stream changes nothing here: the last state stays.
 * Changes that one transaction made are seen together.
 */
export interface ConfigView {
  /** Texts by key. The map is replaced, never mutated. */
  entries(): ReadonlyMap<string, string>;
  /** The store's revision of this state; 0n before the first snapshot. */
  revision(): bigint;
  /** True while a watch stream is open and has delivered something. */
  isConnected(): boolean;
  /** Calls the listener after the first snapshot and after every change, with the view already showing the new state. Yields a function that ends that. */
  onChange(listener: (change: ConfigChange) => void): () => void;
  /**
   * Makes several changes as one, if all conditions hold. Asks one replica after the other until one answers.
   * @throws ServiceError
   */
  transact(
    conditions: readonly config.Condition[],
    operations: readonly config.Operation[],
    options?: SeedCallOptions,
  ): Promise<config.TxnResponse>;
  /** Ends the watch. The last state stays readable. */
  close(): Promise<void>;
}

/** Begins to watch. The view is usable at once (empty), and never fails: it goes on trying until it is closed. */
export function watchConfig(options: WatchConfigOptions): ConfigView {
  return new WatchingConfigView(options);
}

class WatchingConfigView implements ConfigView {
  private readonly seeds: SeedClients<typeof config.ConfigServiceService>;
  private readonly loop: WatchLoop<
    typeof config.ConfigServiceService,
    config.ConfigServiceWatchResponse
  >;
  private readonly logger: Logger;
  private readonly listeners = new Set<(change: ConfigChange) => void>();
  private texts: ReadonlyMap<string, string> = new Map();
  private currentRevision = 0n;
  /** The parts of a snapshot, or of a change, that have come so far. */
  private upserts: config.ConfigEntry[] = [];
  private removedKeys: string[] = [];

  constructor(options: WatchConfigOptions) {
    const { registry, prefix } = options;
    this.logger = options.logger ?? silentLogger();
    this.seeds = new SeedClients(config.ConfigServiceService, registry, options);
    this.loop = new WatchLoop(
      {
        what: 'registry’s configuration',
        seeds: this.seeds,
        open: (replica, signal) =>
          replica.watch({ prefix, fromRevision: this.currentRevision }, { signal }),
        onEvent: (event) => this.apply(event),
        onBroken: () => this.takeParts(),
        fields: () => ({ prefix, revision: this.currentRevision }),
        logger: this.logger,
      },
      options,
    );
    this.loop.start();
  }

  entries(): ReadonlyMap<string, string> {
    return this.texts;
  }

  revision(): bigint {
    return this.currentRevision;
  }

  isConnected(): boolean {
    return this.loop.isConnected;
  }

  onChange(listener: (change: ConfigChange) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  transact(
    conditions: readonly config.Condition[],
    operations: readonly config.Operation[],
    options?: SeedCallOptions,
  ): Promise<config.TxnResponse> {
    const requestId = randomUUID();
    const request = { conditions: [...conditions], operations: [...operations], requestId };
    return this.seeds.call((replica, call) => replica.txn(request, call), options);
  }

  async close(): Promise<void> {
    await this.loop.close();
    this.listeners.clear();
    this.seeds.close();
  }

  private apply({ revision, event }: config.ConfigServiceWatchResponse): void {
    switch (event?.$case) {
      case 'snapshot':
        this.upserts.push(...event.value.entries);
        if (!event.value.incomplete) this.replace(new Map(), revision);
        return;
      case 'delta':
        this.upserts.push(...event.value.upserts);
        this.removedKeys.push(...event.value.removedKeys);
        if (!event.value.incomplete) this.replace(new Map(this.texts), revision);
        return;
      case 'progress':
        this.currentRevision = revision;
        return;
      case 'reset':
        this.logger.info('registry watch starts again from a snapshot', {
          reason: event.value.reason,
        });
        return;
      case undefined:
        // An event of a later version of the protocol: nothing that this one could use.
        return;
    }
  }

  /** @param next what the parts that have come are applied to */
  private replace(next: Map<string, string>, revision: bigint): void {
    const before = this.texts;
    const isFirst = this.currentRevision === 0n;
    const { upserts, removedKeys } = this.takeParts();
    for (const key of removedKeys) next.delete(key);
    for (const { key, value } of upserts) next.set(key, value);
    this.texts = next;
    this.currentRevision = revision;
    const keys = new Set(
      [...before.keys(), ...next.keys()].filter((key) => before.get(key) !== next.get(key)),
    );
    if (keys.size === 0 && !isFirst) return;
    for (const listener of [...this.listeners]) listener({ revision, keys });
  }

  private takeParts(): { upserts: config.ConfigEntry[]; removedKeys: string[] } {
    const { upserts, removedKeys } = this;
    this.upserts = [];
    this.removedKeys = [];
    return { upserts, removedKeys };
  }
}
