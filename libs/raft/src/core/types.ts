/** A server's number within its group: 1, 2, 3 … (0 means "none"). */
export type ServerId = number;

/** A Raft term. Terms start at 1; 0 means "before the first". */
export type Term = number;

/** A position in the log. The first entry has index 1; 0 means "before the first". */
export type LogIndex = number;

/** Stands for "no server" wherever a {@link ServerId} is expected. */
export const NO_SERVER: ServerId = 0;

/** What an entry is for. The numbers are written to disk and never change. */
export const EntryKind = {
  /** A command for the state machine. */
  command: 1,
  /** The group's members; in force as soon as it is appended. */
  configuration: 2,
  /** Opens a leader's term (Raft §5.4.2: only an entry of the leader's own term is committed by counting). */
  noop: 3,
  /** Lets the log clock pass: the state machine ends every lease whose deadline the entry's stamp has reached. */
  expiry: 4,
} as const;

export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** The version of the entry envelope that this code writes. */
export const ENTRY_VERSION = 1;

/**
 * One log entry. Immutable once made, and shared by reference between the log, the WAL and every peer's messages.
 */
export interface Entry {
  readonly version: number;
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  /** The log clock in milliseconds when the leader appended it; never smaller than its predecessor's. */
  readonly stampMs: number;
  /** Together with `sequence`: who asked, for deduplication when applied; '' when nobody did. */
  readonly clientId: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What must be on disk before this server may answer in a term. */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: ServerId;
  /** A hint that spares re-learning after a restart; losing it is safe. */
  readonly commitIndex: LogIndex;
}

/**
 * Where a member stands between two configurations. The three that follow `joining` make a configuration joint (Raft §6: C_old,new): decisions
 * then take a majority of the voters before and a majority of the voters after the change.
 */
export const Transition = {
  /** A learner that becomes a voter by itself once it has caught up. */
  joining: 'joining',
  /** A voter after the change only. */
  incoming: 'incoming',
  /** A voter before the change only, and no member after it. */
  outgoing: 'outgoing',
  /** A voter before the change only, and a learner after it. */
  demoted: 'demoted',
} as const;

export type Transition = (typeof Transition)[keyof typeof Transition];

/** One member of the group. */
export interface Member {
  readonly id: ServerId;
  /** "host:port" of its peer endpoint. */
  readonly address: string;
  /** Counts for votes and commits, in a joint configuration perhaps in one of the two majorities only. Learners (voter = false) receive the log and do not count. */
  readonly voter: boolean;
  /** Absent when the member is in between nothing. */
  readonly transition?: Transition | undefined;
}

/** The group's members and name: the payload of a configuration entry. Joint when a member's transition says so. */
export interface Configuration {
  readonly clusterId: string;
  readonly members: readonly Member[];
}

/** What a snapshot stands for; its bytes stay with the storage. */
export interface SnapshotMetadata {
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  /** The log clock of the last included entry. */
  readonly stampMs: number;
  readonly configuration: Configuration;
}

/** What a state machine has answered up to an index, as 32 bits: see divergence.ts. */
export interface Checkpoint {
  readonly index: LogIndex;
  readonly hash: number;
}

export const Role = {
  follower: 'follower',
  preCandidate: 'preCandidate',
  candidate: 'candidate',
  leader: 'leader',
} as const;

export type Role = (typeof Role)[keyof typeof Role];
