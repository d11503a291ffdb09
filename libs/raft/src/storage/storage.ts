import type { Entry, HardState, LogIndex, Persist, ServerId, SnapshotMetadata } from '../core';

/** What a restart finds on disk. */
export interface Recovered {
  readonly hardState: HardState;
  /** Consecutive. May begin before the snapshot's index: what was kept for followers that are a little behind. */
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMetadata | undefined;
  /** The id that this data directory got when it was first used; a wiped disk gets another one. */
  readonly incarnationId: string;
  /** The incarnations of the peers that this replica has met. */
  readonly peerIncarnations: ReadonlyMap<ServerId, string>;
  /** True when nothing was ever written: the configured peers become the first configuration entry. */
  readonly empty: boolean;
  /** Set when the end of the log was lost, now or before an earlier restart, and may have been acknowledged; until {@link Storage.trustTail}. */
  readonly suspectTail?: SuspectTail | undefined;
}

/** Where a log was cut that should have gone on. */
export interface SuspectTail {
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;
}

/** Where a replica's log, vote and snapshots live. One process at a time. */
export interface Storage {
  /** Opens, locks and recovers. Throws StorageError with file, offset and remedy when the data is damaged. */
  open(): Promise<Recovered>;
  /** One write, one sync. Resolves when durable; rejects with StorageError `noSpace` when it may be tried again, else the process must stop (a failed sync is never retried). */
  persist(batch: Persist): Promise<void>;
  /** Writes a snapshot file durably and forgets older ones. A failure leaves the older one in place, and may be retried. */
  saveSnapshot(snapshot: SnapshotMetadata, data: Uint8Array): Promise<void>;
  /** The newest snapshot, checked. Undefined when there is none. */
  loadSnapshot(): Promise<{ snapshot: SnapshotMetadata; data: Uint8Array } | undefined>;
  /** Entries up to this index will not be read again: lets segments go. */
  compact(upTo: LogIndex): Promise<void>;
  /** Durably notes under which incarnation a peer was first met. */
  rememberPeer(id: ServerId, incarnationId: string): Promise<void>;
  /** The group has given back what the end of the log may have held: forgets {@link Recovered.suspectTail}. */
  trustTail(): Promise<void>;
  close(): Promise<void>;
}
