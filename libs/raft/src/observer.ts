/** Where a replica says what it does. The message is constant, the data is in the fields. */
export interface RaftLogger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
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
  /** A proposal of this replica failed with this RaftError code. */
  onProposalFailed?(code: string): void;
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
  /** Messages to a peer were dropped because its link was down or its queue full. */
  onMessagesDropped?(peer: number, count: number): void;
  /** Once a tick: how much is waiting. */
  onQueues?(queues: {
    readonly pendingProposals: number;
    readonly pendingProposalBytes: number;
    readonly unappliedEntries: number;
    readonly unpersistedEntries: number;
  }): void;
}
