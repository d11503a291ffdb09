// For services.
export { createRaftNode } from './node/create-raft-node';
export type { PeerOption, RaftNodeOptions } from './node/options';
export type {
  Applied,
  BackupRequest,
  CallOptions,
  MembersChanged,
  NewServer,
  RaftNode,
  RaftStatus,
  ReadOptions,
} from './raft-node';
export type { ApplyContext, ReturnFromBackup, StateMachine } from './state-machine';
export {
  type OutcomeUnknownReason,
  type ReachedLimit,
  RaftError,
  type RaftErrorCode,
  StorageError,
  type StorageErrorCode,
} from './errors';
export {
  type AppendSpan,
  type ProposalSpan,
  type RaftLogger,
  type RaftObserver,
  type RaftTracer,
  type RaftTracing,
  silentLogger,
} from './observer';
export {
  DivergenceError,
  type ElectionCause,
  type LeadershipLossCause,
  type LogIndex,
  type Member,
  type MemberChange,
  PRIORITY_DEFAULT,
  PRIORITY_MAX,
  Role,
  type ServerId,
  type Standing,
  type Term,
  type TraceContext,
  Transition,
} from './core';

// For other storages, transports and simulators.
export type {
  Checkpoint,
  Configuration,
  Entry,
  EntryKind,
  HardState,
  Message,
  Persist,
  SnapshotMetadata,
} from './core';
export { AppliedChain } from './client-sessions/applied-chain';
export { DeduplicatedStateMachine } from './client-sessions/deduplicated-state-machine';
export { LeaseExpiry } from './node/lease-expiry';
export { mergePersists } from './node/persist-queue';
export { FileStorage, type FileStorageOptions } from './storage/file-storage';
export { clusterIdOf } from './storage/meta-file';
export {
  type DirectoryReport,
  type GroupRecovered,
  inspectDirectory,
  recoverGroup,
} from './storage/recover-group';
export { acquireDirectoryLock, directoryHolder } from './storage/directory-lock';
export { nodeIdOf } from './storage/node-id-of';
export { BackupDecoder, type BackupDescription, type BackupSummary } from './backup/backup-file';
export { readBackup } from './backup/read-backup';
export {
  type GroupRestored,
  restoreGroup,
  type RestoredMember,
  type RestoreOptions,
} from './backup/restore-group';
export { DecodeError } from './state-machine/binary-reader';
export type { FileSystem, OpenFile } from './storage/file-system';
export { IncomingSnapshots, type SnapshotReceiverHost } from './node/incoming-snapshots';
export type { SnapshotId } from './storage/snapshot-file';
export type {
  ChunkOfSnapshot,
  Recovered,
  SnapshotData,
  SnapshotReader,
  SnapshotWriter,
  Storage,
  StorageUsage,
  SuspectTail,
} from './storage/storage';
export {
  type SnapshotChunk,
  type SnapshotOffer,
  SnapshotRefused,
  SnapshotTransfer,
  TransferInterrupted,
} from './transport/snapshot-transfer';
export { GrpcTransport } from './transport/grpc-transport';
export type { GrpcTransportOptions, TransportLimits } from './transport/grpc-transport-options';
export type { PeerAddress, Transport, TransportHandler } from './transport/transport';
