import type { registry } from '@raftway/contracts';

/** One registered process, as the registry describes it. Frozen in practice: a change replaces the object. */
export type Instance = Readonly<registry.Instance>;

/** An instance that left, and why; `unspecified` when it was missing from a snapshot taken after a broken watch. */
export interface DepartedInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly reason: 'deregistered' | 'expired' | 'unspecified';
}

/** What changed between two states of a {@link ServiceView}. */
export interface ServiceChange {
  /** The registry's revision after the change. */
  readonly revision: bigint;
  /** Names of the services that the change touches; use it to rebuild only what is concerned. */
  readonly services: ReadonlySet<string>;
  /** Added or changed instances. */
  readonly upserts: readonly Instance[];
  readonly removals: readonly DepartedInstance[];
}

/**
 * A live local copy of what the registry knows, fed by its Watch.
 *
 * A broken stream changes nothing here: the last good state stays and {@link ServiceView.ageMs} grows, until another seed answers. An
 * instance leaves only when the registry says so, or when a later snapshot no longer has it.
 */
export interface ServiceView {
  /**
   * Instances by service, whatever their status. Services are in the order in which the registry first saw them (so that of two which
   * claim one gRPC service the first in the map wins), instances in the order in which they registered. A service without instances is
   * absent. The map is replaced, never mutated: hold on to it for as long as a decision needs one consistent state.
   */
  services(): ReadonlyMap<string, readonly Instance[]>;
  /** The instances of one service; empty when it has none. */
  instances(service: string): readonly Instance[];
  /** The registry's revision of this state; 0n before the first snapshot. */
  revision(): bigint;
  /** Milliseconds since the registry last confirmed that this is its newest state; Infinity before the first snapshot. */
  ageMs(): number;
  /** True while a watch stream is open and has delivered something. */
  isConnected(): boolean;
  /**
   * Calls the listener after every change, with the view already showing the new state. Listeners run synchronously; one that throws is
   * logged and does not disturb the others. Yields a function that ends the subscription.
   */
  onChange(listener: (change: ServiceChange) => void): () => void;
  /**
   * Resolves when the first snapshot is in; at once when it already is. Never rejects because the registry is away: it waits.
   *
   * @throws the signal's reason when it is aborted, and ServiceError CANCELLED when the view is closed first.
   */
  ready(signal?: AbortSignal): Promise<void>;
  /** Ends the watch. The last state stays readable. */
  close(): Promise<void>;
}
