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

/** A snapshot's data, whole or in pieces. */
export type SnapshotData = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A piece of a snapshot file: see snapshot-file.ts. */
export interface ChunkOfSnapshot {
  readonly checksum: number;
  readonly data: Uint8Array;
}

/** A snapshot that is being sent. */
export interface SnapshotReader {
  /** As it is in the file. */
  readonly header: Uint8Array;
  /** At least one. */
  readonly chunkCount: number;
  /** @throws StorageError `damaged` when the chunk is not what was written; `snapshotFailed` when the file was taken away. */
  readChunk(number: number): Promise<ChunkOfSnapshot>;
  /** Ends its retention. May be called twice. */
  close(): Promise<void>;
}

/** A snapshot that is being received. */
export interface SnapshotWriter {
  readonly header: Uint8Array;
  readonly chunkCount: number;
  /** All before this one are here. */
  readonly nextChunk: number;
  /** Writes the next chunk. @throws DecodeError when it is not as the header says, which changes nothing; StorageError `snapshotFailed`. */
  write(number: number, chunk: ChunkOfSnapshot): Promise<void>;
  /**
   * Makes the whole durable in the place of older ones; the next restart begins with it.
   *
   * @returns what has come, or undefined when a newer one is here already.
   * @throws DecodeError when the chunks are not those of the header: then nothing of them is kept.
   */
  finish(): Promise<{ snapshot: SnapshotMetadata; data: Uint8Array } | undefined>;
  /** What has come stays, to be gone on with. */
  close(): Promise<void>;
  /** What has come is removed. */
  discard(): Promise<void>;
}

/** What a replica's files take, in bytes as they are long. */
export interface StorageUsage {
  /** Whole ones: the newest, and at most one that is still being sent. */
  readonly snapshots: number;
  readonly snapshotBytes: number;
  /** Of a snapshot that is being received. */
  readonly incomingBytes: number;
  readonly segments: number;
  readonly segmentBytes: number;
}

/** Where a replica's log, vote and snapshots live. One process at a time. */
export interface Storage {
  /** Opens, locks and recovers. Throws StorageError with file, offset and remedy when the data is damaged. */
  open(): Promise<Recovered>;
  /** One write, one sync. Resolves when durable; rejects with StorageError `noSpace` when it may be tried again, else the process must stop (a failed sync is never retried). */
  persist(batch: Persist): Promise<void>;
  /**
   * Writes a snapshot file durably and forgets older ones. A failure leaves the older one in place, and may be retried.
   *
   * @returns how many bytes of data it has; from files 0 when one that is as new is there already.
   */
  saveSnapshot(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number>;
  /** The newest snapshot, checked. Undefined when there is none. */
  loadSnapshot(): Promise<{ snapshot: SnapshotMetadata; data: Uint8Array } | undefined>;
  /** The newest snapshot, to be sent: kept until the reader is closed, or taken away when a second newer one needs its room. Undefined when there is none. */
  readSnapshot(): Promise<SnapshotReader | undefined>;
  /**
   * Goes on with a snapshot of which a part has come already, or begins with it and forgets what there is of another one. One at a time.
   *
   * @param header as {@link SnapshotReader.header} of the sender's file is.
   * @throws DecodeError when it is none, or of an unknown format; StorageError `snapshotFailed`.
   */
  receiveSnapshot(header: Uint8Array): Promise<SnapshotWriter>;
  /** What it takes of the disk. */
  usage(): StorageUsage;
  /** Entries up to this index will not be read again: lets segments go. */
  compact(upTo: LogIndex): Promise<void>;
  /** Durably notes under which incarnation a peer was first met. */
  rememberPeer(id: ServerId, incarnationId: string): Promise<void>;
  /** The group has given back what the end of the log may have held: forgets {@link Recovered.suspectTail}. */
  trustTail(): Promise<void>;
  close(): Promise<void>;
}
