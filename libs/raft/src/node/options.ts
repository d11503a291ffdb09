import type { TlsSource } from '@raftway/tls';
import { type Member, PRIORITY_DEFAULT, PRIORITY_MAX, type ServerId } from '../core';
import { RaftError } from '../errors';
import { type RaftLogger, type RaftObserver, type RaftTracing, silentLogger } from '../observer';
import type { StateMachine } from '../state-machine';
import type { Storage } from '../storage/storage';
import type { TransportLimits } from '../transport/grpc-transport-options';
import type { Transport } from '../transport/transport';

const MEBIBYTE = 1024 * 1024;
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  'priority',
  'snapshotTrailingEntries',
  'compareEveryEntries',
]);

/** What a transport must know of the data directory that it speaks for. */
export interface TransportIdentity {
  readonly incarnationId: string;
  readonly peerIncarnations: ReadonlyMap<ServerId, string>;
  /** Makes a peer's incarnation durable. */
  readonly rememberPeer: (id: ServerId, incarnationId: string) => Promise<void>;
}

/** One member as an operator configures it. */
export interface PeerOption {
  readonly id: ServerId;
  /** "host:port" under which the others reach its peer endpoint. */
  readonly address: string;
  /** @default true */
  readonly voter?: boolean | undefined;
}

/** One replica. Times are milliseconds, sizes bytes. */
export interface RaftNodeOptions<Result> {
  /** This replica: 1 or more, and one of the peers. */
  readonly id: ServerId;
  /**
   * The first members of a new group, this replica too, equal on all of them. Later the members are in the log, and this only says where a member is that has moved: for an id
   * that is listed, this address is used.
   */
  readonly peers: readonly PeerOption[];
  /** Keeps groups apart: replicas of different clusters refuse each other. 1 to 128 characters. */
  readonly clusterId: string;
  readonly stateMachine: StateMachine<Result>;
  /** Where the log and the snapshots go; created when missing. Needed unless a storage is given. */
  readonly dataDir?: string | undefined;
  /** "host:port" to listen on for peers. @default 127.0.0.1 and the port of this replica's own address */
  readonly bindAddress?: string | undefined;
  /**
   * `new`: an empty data directory starts a new group from the peers. `existing`: with an empty one this replica waits until the leader of an existing group adds it; if
   * nobody else is among the peers that is refused, so that a lost disk is noticed. Makes no difference to a directory that is in use. @default new
   */
  readonly initialState?: 'new' | 'existing' | undefined;
  /** @default 50 */
  readonly heartbeatIntervalMs?: number | undefined;
  /** Followers campaign after one to two of these without a leader. @default 500 */
  readonly electionTimeoutMs?: number | undefined;
  /**
   * Allows lease reads: how much faster than the leader's another replica's clock may run, as a part of 1 (0.1 is a good value). Equal on all replicas of a group; a replica
   * that was just started then helps to elect nobody for an election timeout. See core/lease.ts for what lease reads rest on. @default no lease reads
   */
  readonly leaseClockDriftMax?: number | undefined;
  /**
   * A hint where leadership should live: it tends to the voter with the highest that is up to date. 0 to 100; 0 leads when nobody else can. Replicas that should be treated alike have
   * the same. @default 50
   */
  readonly priority?: number | undefined;
  /** For calls that name no timeout. @default 5000 */
  readonly callTimeoutMs?: number | undefined;
  /** How long a call waits for a leader before it fails with `noLeader`, within its own timeout. @default 4000 */
  readonly leaderWaitMs?: number | undefined;
  /**
   * A snapshot is taken when so many entries were applied since the last one; but not before they are as big as it, or 20 times as
   * many. @default 10000
   */
  readonly snapshotEntries?: number | undefined;
  /** … or so many bytes of commands. @default 64 MiB */
  readonly snapshotBytes?: number | undefined;
  /** Entries that are kept behind a snapshot for followers that are a little behind. @default 2000 */
  readonly snapshotTrailingEntries?: number | undefined;
  /** @default 1 MiB */
  readonly commandBytesMax?: number | undefined;
  /** Proposals of this replica that may wait; more are refused with `queueFull`. @default 10000 */
  readonly pendingProposalsMax?: number | undefined;
  /** @default 64 MiB */
  readonly pendingProposalBytesMax?: number | undefined;
  /** Bytes of commands that a leader may hold uncommitted; more are refused with `queueFull`. Equal on all replicas. One command always fits. @default 64 MiB */
  readonly uncommittedBytesMax?: number | undefined;
  /** The same for their number. @default 65536 */
  readonly uncommittedEntriesMax?: number | undefined;
  /** Append messages that a leader may send to one follower without an answer. @default 64 */
  readonly inflightAppendsMax?: number | undefined;
  /** The same for their bytes. @default 16 MiB */
  readonly inflightBytesMax?: number | undefined;
  /** About how large one append message may get; one entry always fits. @default 1 MiB */
  readonly appendBytesMax?: number | undefined;
  /** How long a leader's own write may take before it steps down. @default 4 election timeouts */
  readonly diskStallTimeoutMs?: number | undefined;
  /** Reads that may wait. @default 20000 */
  readonly pendingReadsMax?: number | undefined;
  /**
   * Replicas compare what their state machines have answered at every multiple of this index, and one that differs from the majority stops. 0: they do not; for
   * while replicas of two versions run together that answer the same commands differently. @default 512
   */
  readonly compareEveryEntries?: number | undefined;
  /** @default 8 MiB */
  readonly segmentBytes?: number | undefined;
  readonly transportLimits?: Partial<TransportLimits> | undefined;
  /** Certificates for the links between replicas, which then show them to each other. @default plain TCP */
  readonly tls?: TlsSource | undefined;
  /** @default files in dataDir */
  readonly storage?: Storage | undefined;
  /** @default gRPC */
  readonly transport?: ((identity: TransportIdentity) => Transport) | undefined;
  /** @default silent */
  readonly logger?: RaftLogger | undefined;
  /** @default none */
  readonly observer?: RaftObserver | undefined;
  /** Where spans of proposals go. @default nowhere */
  readonly tracing?: RaftTracing | undefined;
  /**
   * The replica cannot go on: a write failed, or an invariant is broken. The process must stop and recover from disk. @default logs and
   * exits with status 1
   */
  readonly onFatal?: ((error: Error) => void) | undefined;
}

/** {@link RaftNodeOptions} with every default filled in, checked. */
export interface ResolvedRaftNodeOptions<Result> extends Omit<
  { readonly [Key in keyof RaftNodeOptions<Result>]-?: NonNullable<RaftNodeOptions<Result>[Key]> },
  | 'peers'
  | 'dataDir'
  | 'leaseClockDriftMax'
  | 'storage'
  | 'transport'
  | 'transportLimits'
  | 'tracing'
  | 'tls'
> {
  readonly members: readonly Member[];
  readonly dataDir: string | undefined;
  readonly leaseClockDriftMax: number | undefined;
  readonly storage: Storage | undefined;
  readonly transport: ((identity: TransportIdentity) => Transport) | undefined;
  readonly transportLimits: Partial<TransportLimits> | undefined;
  readonly tracing: RaftTracing | undefined;
  readonly tls: TlsSource | undefined;
}

/**
 * Fills in the defaults and checks every rule.
 *
 * @throws RaftError `invalidOptions` with one sentence that names the rule.
 */
export function resolveRaftNodeOptions<Result>(
  options: RaftNodeOptions<Result>,
): ResolvedRaftNodeOptions<Result> {
  const members = options.peers.map(({ id, address, voter }) => ({
    id,
    address,
    voter: voter ?? true,
  }));
  const own = members.find(({ id }) => id === options.id);
  if (own === undefined) throw invalid(`peers must contain this replica, which is ${options.id}`);
  const logger = options.logger ?? silentLogger;
  const resolved: ResolvedRaftNodeOptions<Result> = {
    id: options.id,
    members,
    clusterId: options.clusterId,
    stateMachine: options.stateMachine,
    dataDir: options.dataDir,
    bindAddress: options.bindAddress ?? `127.0.0.1:${portOf(own.address)}`,
    initialState: options.initialState ?? 'new',
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 50,
    electionTimeoutMs: options.electionTimeoutMs ?? 500,
    leaseClockDriftMax: options.leaseClockDriftMax,
    priority: options.priority ?? PRIORITY_DEFAULT,
    callTimeoutMs: options.callTimeoutMs ?? 5000,
    leaderWaitMs: options.leaderWaitMs ?? 4000,
    snapshotEntries: options.snapshotEntries ?? 10_000,
    snapshotBytes: options.snapshotBytes ?? 64 * MEBIBYTE,
    snapshotTrailingEntries: options.snapshotTrailingEntries ?? 2000,
    commandBytesMax: options.commandBytesMax ?? MEBIBYTE,
    pendingProposalsMax: options.pendingProposalsMax ?? 10_000,
    pendingProposalBytesMax: options.pendingProposalBytesMax ?? 64 * MEBIBYTE,
    uncommittedBytesMax: options.uncommittedBytesMax ?? 64 * MEBIBYTE,
    uncommittedEntriesMax: options.uncommittedEntriesMax ?? 65_536,
    inflightAppendsMax: options.inflightAppendsMax ?? 64,
    inflightBytesMax: options.inflightBytesMax ?? 16 * MEBIBYTE,
    appendBytesMax: options.appendBytesMax ?? MEBIBYTE,
    diskStallTimeoutMs: options.diskStallTimeoutMs ?? 4 * (options.electionTimeoutMs ?? 500),
    pendingReadsMax: options.pendingReadsMax ?? 20_000,
    compareEveryEntries: options.compareEveryEntries ?? 512,
    segmentBytes: options.segmentBytes ?? 8 * MEBIBYTE,
    transportLimits: options.transportLimits,
    tls: options.tls,
    storage: options.storage,
    transport: options.transport,
    logger,
    observer: options.observer ?? {},
    tracing: options.tracing,
    onFatal: options.onFatal ?? exitOnFatal,
  };
  check(resolved);
  return resolved;
}

function check<Result>(options: ResolvedRaftNodeOptions<Result>): void {
  const { members, clusterId, heartbeatIntervalMs, electionTimeoutMs, commandBytesMax } = options;
  if (clusterId.length < 1 || clusterId.length > 128) {
    throw invalid('clusterId must have 1 to 128 characters');
  }
  for (const { id } of members) {
    if (!Number.isSafeInteger(id) || id < 1) {
      throw invalid(`the id of a peer must be a whole number of at least 1, not ${id}`);
    }
  }
  if (new Set(members.map(({ id }) => id)).size !== members.length) {
    throw invalid('every peer must have an id of its own');
  }
  if (!members.some(({ voter }) => voter)) throw invalid('at least one peer must be a voter');
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== 'number' || MAY_BE_ZERO.has(name)) continue;
    if (!(value > 0 && Number.isFinite(value))) {
      throw invalid(`${name} must be greater than 0, not ${value}`);
    }
  }
  if (options.snapshotTrailingEntries < 0)
    throw invalid('snapshotTrailingEntries must not be negative');
  const { compareEveryEntries, leaseClockDriftMax, priority } = options;
  if (!Number.isSafeInteger(priority) || priority < 0 || priority > PRIORITY_MAX) {
    throw invalid(`priority must be a whole number from 0 to ${PRIORITY_MAX}, not ${priority}`);
  }
  if (leaseClockDriftMax !== undefined && leaseClockDriftMax >= 1) {
    throw invalid(`leaseClockDriftMax must be below 1, not ${leaseClockDriftMax}`);
  }
  if (!Number.isSafeInteger(compareEveryEntries) || compareEveryEntries < 0) {
    throw invalid(`compareEveryEntries must be a whole number, not ${compareEveryEntries}`);
  }
  if (electionTimeoutMs < 2 * heartbeatIntervalMs) {
    throw invalid('electionTimeoutMs must be at least twice heartbeatIntervalMs');
  }
  if (commandBytesMax > 16 * MEBIBYTE) throw invalid('commandBytesMax must be at most 16 MiB');
  if (options.dataDir === undefined && options.storage === undefined) {
    throw invalid('dataDir must be given');
  }
}

function invalid(rule: string): RaftError {
  return new RaftError('invalidOptions', rule);
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

function exitOnFatal(): void {
  process.exit(1);
}
