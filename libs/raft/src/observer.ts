import type { ElectionCause, LeadershipLossCause, LogIndex, Term, TraceContext } from './core';
import type { RaftError } from './errors';

/** Where a replica says what it does. The message is constant, the data is in the fields. */
export interface RaftLogger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Yields where a part of the replica, such as `raft.election`, writes one line an event. Default: nowhere. */
  tracer?(name: string): RaftTracer;
}

/** Lines of one part of the replica. */
export interface RaftTracer {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Nothing is written unless this is true, when the replica is made. */
  readonly debugEnabled: boolean;
}

const silentTracer: RaftTracer = { debug: () => undefined, debugEnabled: false };

/** The tracer of that name, or one that says nothing. */
export function tracerOf(logger: RaftLogger, name: string): RaftTracer {
  return logger.tracer?.(name) ?? silentTracer;
}

/** Says nothing. */
export const silentLogger: RaftLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Where a replica's figures go; a service turns them into metrics. Every method is optional and must return at once.
 */
export interface RaftObserver {
  /** A proposal of this replica was answered: milliseconds from the call to the result. */
  onProposalApplied?(latencyMs: number): void;
  /** A proposal of this replica failed; {@link RaftError.code} and `reason` say how. */
  onProposalFailed?(error: RaftError): void;
  /** A batch that this leader appended was committed, so many milliseconds later. */
  onCommitted?(latencyMs: number): void;
  /** A read barrier of this replica was reached, after so many milliseconds. */
  onReadBarrier?(latencyMs: number): void;
  /** A batch became durable. */
  onPersisted?(batch: {
    readonly entries: number;
    /** From handing the batch to the storage until it was durable. */
    readonly durationMs: number;
  }): void;
  /** Entries were applied without a pause. */
  onApplied?(batch: { readonly entries: number; readonly durationMs: number }): void;
  /** This replica asks for votes; with preVote only whether it could win. */
  onCampaign?(campaign: {
    readonly cause: ElectionCause;
    readonly preVote: boolean;
    readonly term: Term;
  }): void;
  /** This replica leads no more. */
  onLeadershipLost?(loss: { readonly cause: LeadershipLossCause; readonly term: Term }): void;
  /** This replica began to campaign, won, or lost leadership. */
  onRoleChange?(role: string, term: number): void;
  /** A snapshot was taken, installed from a leader, or sent to a follower; or one of the three failed, and what was there before is there still. */
  onSnapshot?(
    event: 'taken' | 'installed' | 'sent' | 'takeFailed' | 'receiveFailed' | 'sendFailed',
    sizeBytes: number,
    durationMs: number,
  ): void;
  /** Sending a snapshot has ended, well or not: so many chunks left this replica, and so many attempts went on where an earlier one had ended. */
  onSnapshotTransfer?(transfer: { readonly chunksSent: number; readonly resumed: number }): void;
  /** A peer has let this replica in, or refuses it, with what is wrong and what to do about it: told at every attempt of every link. */
  onAdmission?(peer: number, refusal: string | undefined): void;
  /** Messages to a peer were dropped because its link was down or its queue full. */
  onMessagesDropped?(peer: number, count: number): void;
  /** Once a tick: how much is waiting. */
  onQueues?(queues: {
    readonly pendingProposals: number;
    readonly pendingProposalBytes: number;
    readonly pendingReads: number;
    readonly unappliedEntries: number;
    readonly unpersistedEntries: number;
  }): void;
}

/**
 * Where a replica's spans go: one for a proposal from the call to its result, one for a proposal that another replica passed on to this leader, and one for a write
 * that proposals share. See docs/reference/traces.md.
 */
export interface RaftTracing {
  /** A proposal begins. Undefined when nobody records the caller: then nothing else is asked, and nothing is to be allocated. */
  readonly propose: () => ProposalSpan | undefined;
  /** Another replica passed on a proposal that it records, and this leader gave it a place. Undefined when it is not recorded here. Ends with `committed` or `failed`. */
  forwarded(caller: TraceContext): ProposalSpan | undefined;
  /** This leader hands entries to its disk, among them those of these proposals. */
  append(proposals: readonly ProposalSpan[], entries: number): AppendSpan;
}

/** One recorded proposal. Ends with `applied` or `failed`. */
export interface ProposalSpan {
  /** What a leader that the proposal is passed on to continues. Undefined: nothing. */
  readonly context: TraceContext | undefined;
  /** It has a place in the log of `term`'s leader: now it waits to be committed. */
  placed(index: LogIndex, term: Term): void;
  /** It is committed: now it waits to be applied here. */
  committed(): void;
  applied(): void;
  failed(error: RaftError): void;
}

/** One recorded write of a leader. */
export interface AppendSpan {
  /** @param syncMs how long the write and sync took, without the wait for the one before. */
  durable(syncMs: number): void;
}
