import { PRIORITY_DEFAULT, PRIORITY_MAX } from './priority';
import type { Configuration, Entry, HardState, ServerId, SnapshotMetadata } from './types';

/** What a restart found on disk; a storage's `Recovered` fits. */
export interface InitialState {
  readonly hardState: HardState;
  /** Consecutive. May begin before the snapshot's index; kept for followers that are a little behind. */
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMetadata | undefined;
  /** True when nothing was ever written. */
  readonly empty: boolean;
  /** Anything but undefined: the end of the log may have been lost although it was acknowledged; see suspicion.ts. */
  readonly suspectTail?: object | undefined;
}

/** How one server's core is set up. Times are milliseconds, sizes bytes. */
export interface RaftOptions {
  /** This server, 1 or more. */
  readonly id: ServerId;
  readonly initialState: InitialState;
  /**
   * The group's first members, equal on all of them: becomes entry 1 of term 1, committed by construction. Read only when
   * `initialState.empty`.
   */
  readonly bootstrap?: Configuration | undefined;
  /** With an empty directory: begin without a log and without members, and wait until the leader of an existing group sends both. @default false */
  readonly join?: boolean | undefined;
  /** Yields numbers in [0, 1): election timeouts are drawn from it (Raft §5.2). */
  readonly random: () => number;
  /** How often the leader tells that it is there. @default 50 */
  readonly heartbeatIntervalMs?: number | undefined;
  /** T: followers wait between T and 2T before they campaign; a leader that no quorum answers for T steps down. @default 500 */
  readonly electionTimeoutMs?: number | undefined;
  /**
   * d: how much faster than the leader's another server's clock may run, as a part of 1. Set, leaders answer lease reads for T (1 - d) after a quorum's answer, and servers help to elect nobody
   * for T after their start: equal on all servers of a group. Above 0 and below 1. @default no leases
   */
  readonly leaseClockDriftMax?: number | undefined;
  /** Leadership tends to the voter with the highest: 0 to 100, a hint that decides nothing. See priority.ts. @default 50 */
  readonly priority?: number | undefined;
  /** How long an append may stay unanswered, while the follower answers heartbeats, before it is sent again. @default 4 heartbeats */
  readonly appendTimeoutMs?: number | undefined;
  /** How long a leader's own write may take before it steps down in favour of one whose disk works. @default 4 election timeouts */
  readonly diskStallTimeoutMs?: number | undefined;
  /** About how large one append message may get; one entry always fits. @default 1 MiB */
  readonly appendBytesMax?: number | undefined;
  /** Append messages in flight to one follower. @default 64 */
  readonly inflightAppendsMax?: number | undefined;
  /** Bytes in flight to one follower. @default 16 MiB */
  readonly inflightBytesMax?: number | undefined;
  /** The leader refuses commands while so many bytes wait to be committed. @default 64 MiB */
  readonly uncommittedBytesMax?: number | undefined;
  /** The same for the number of entries. @default 65536 */
  readonly uncommittedEntriesMax?: number | undefined;
  /** Reads that may wait for their round. @default 65536 */
  readonly pendingReadsMax?: number | undefined;
}

/** {@link RaftOptions} with every default filled in, checked. */
export interface ResolvedRaftOptions {
  readonly id: ServerId;
  readonly random: () => number;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  /** How long a lease lasts; undefined: there are none. */
  readonly leaseMs: number | undefined;
  readonly priority: number;
  readonly appendTimeoutMs: number;
  readonly diskStallTimeoutMs: number;
  readonly appendBytesMax: number;
  readonly inflightAppendsMax: number;
  readonly inflightBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly uncommittedEntriesMax: number;
  readonly pendingReadsMax: number;
}

const mebibyte = 1024 * 1024;

/**
 * Fills in the defaults and checks every rule.
 *
 * @throws RangeError with one sentence that names the rule.
 */
export function resolveRaftOptions(options: RaftOptions): ResolvedRaftOptions {
  const heartbeatIntervalMs = options.heartbeatIntervalMs ?? 50;
  const electionTimeoutMs = options.electionTimeoutMs ?? 500;
  const resolved: ResolvedRaftOptions = {
    id: options.id,
    random: options.random,
    heartbeatIntervalMs,
    electionTimeoutMs,
    leaseMs: leaseMsOf(options.leaseClockDriftMax, electionTimeoutMs),
    priority: options.priority ?? PRIORITY_DEFAULT,
    appendTimeoutMs: options.appendTimeoutMs ?? 4 * heartbeatIntervalMs,
    diskStallTimeoutMs: options.diskStallTimeoutMs ?? 4 * electionTimeoutMs,
    appendBytesMax: options.appendBytesMax ?? mebibyte,
    inflightAppendsMax: options.inflightAppendsMax ?? 64,
    inflightBytesMax: options.inflightBytesMax ?? 16 * mebibyte,
    uncommittedBytesMax: options.uncommittedBytesMax ?? 64 * mebibyte,
    uncommittedEntriesMax: options.uncommittedEntriesMax ?? 65_536,
    pendingReadsMax: options.pendingReadsMax ?? 65_536,
  };
  for (const [name, value] of Object.entries(resolved)) {
    if (name === 'priority') continue;
    if (typeof value === 'number' && !(value > 0 && Number.isFinite(value))) {
      throw new RangeError(`${name} must be greater than 0, it is ${value}`);
    }
  }
  const { priority } = resolved;
  if (!Number.isSafeInteger(priority) || priority < 0 || priority > PRIORITY_MAX) {
    throw new RangeError(
      `priority must be a whole number from 0 to ${PRIORITY_MAX}, it is ${priority}`,
    );
  }
  if (!Number.isSafeInteger(options.id)) {
    throw new RangeError(`id must be a whole number, it is ${options.id}`);
  }
  if (heartbeatIntervalMs * 2 > electionTimeoutMs) {
    throw new RangeError(
      `electionTimeoutMs (${electionTimeoutMs}) must be at least twice heartbeatIntervalMs (${heartbeatIntervalMs})`,
    );
  }
  const mustFound = options.initialState.empty && options.join !== true;
  if (mustFound && options.bootstrap === undefined) {
    throw new RangeError('bootstrap must be given when the data directory is empty');
  }
  return resolved;
}

function leaseMsOf(driftMax: number | undefined, electionTimeoutMs: number): number | undefined {
  if (driftMax === undefined) return undefined;
  if (!(driftMax > 0 && driftMax < 1)) {
    throw new RangeError(`leaseClockDriftMax must be above 0 and below 1, it is ${driftMax}`);
  }
  return electionTimeoutMs * (1 - driftMax);
}
