import { LeaseExpiry } from '@raftway/raft';
import type { DeduplicatedStateMachine } from '@raftway/raft';
import { EntryKind } from '@raftway/raft/core';
import type { Entry, Input, LogIndex, Raft, Ready } from '@raftway/raft/core';

/** Lets sessions end by the log, as libs/raft/src/node/driver.ts does. */
export class SessionExpiry {
  private readonly expiry: LeaseExpiry<LogIndex>;
  private lastTerm: number;
  private lastLeaderId: number;

  constructor(
    private readonly raft: Raft,
    machine: DeduplicatedStateMachine<LogIndex>,
  ) {
    this.expiry = new LeaseExpiry(raft, machine);
    this.lastTerm = raft.term;
    this.lastLeaderId = raft.leaderId;
  }

  /** To be asked once a tick. */
  maybePropose(nowMs: number, takeTicket: () => number): Input | undefined {
    return this.expiry.maybePropose(nowMs, takeTicket);
  }

  afterStep(): void {
    const { term, leaderId } = this.raft;
    if (term !== this.lastTerm || leaderId !== this.lastLeaderId) this.expiry.onDone();
    this.lastTerm = term;
    this.lastLeaderId = leaderId;
  }

  answer(ready: Ready): void {
    for (const placed of ready.proposals) {
      if ('refusal' in placed) this.expiry.onRefused(placed.ticket);
    }
  }

  applied(entry: Entry): void {
    if (entry.kind === EntryKind.expiry) this.expiry.onDone();
  }
}
