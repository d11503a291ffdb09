import type { Storage } from '@raftway/raft';
import type { Raft } from '@raftway/raft/core';
import type { Application } from './application';
import type { LogWriter } from './log-writer';
import type { ServerSnapshots } from './server-snapshots';
import type { SessionExpiry } from './session-expiry';

/** What lives as long as the process: a crash throws it away. */
export interface Process {
  readonly raft: Raft;
  /** Its monotonic clock. */
  readonly clock: () => number;
  readonly application: Application;
  readonly storage: Storage;
  readonly writer: LogWriter;
  readonly snapshots: ServerSnapshots;
  readonly sessions: SessionExpiry;
  wasSuspect: boolean;
  nextTicket: number;
  drainScheduled: boolean;
}
