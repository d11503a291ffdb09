import type { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import { EntryKind, type Input, Role } from '../core';
import type { Raft } from '../core/raft';

/**
 * Lets the log clock end leases whose time is over when nobody else writes: the leader proposes an entry that does nothing but pass time. One
 * at a time, and only for a deadline that has passed; it names no lease, so that a renewal that gets into the log before it counts.
 */
export class LeaseExpiry<Result> {
  /** Of the entry that is under way; 0 when there is none. */
  private ticket = 0;

  constructor(
    private readonly raft: Raft,
    private readonly stateMachine: DeduplicatedStateMachine<Result>,
  ) {}

  /** What to tell the core now, or undefined. To be asked once a tick. */
  maybePropose(nowMs: number, takeTicket: () => number): Input | undefined {
    if (this.raft.role !== Role.leader || this.ticket !== 0) return undefined;
    const deadlineMs = this.stateMachine.nextDeadlineMs();
    if (deadlineMs === undefined || this.raft.logClockMs(nowMs) < deadlineMs) return undefined;
    this.ticket = takeTicket();
    const { ticket } = this;
    const payload = new Uint8Array(0);
    const proposal = { ticket, kind: EntryKind.expiry, clientId: '', sequence: 0, payload };
    return { type: 'propose', proposals: [proposal] };
  }

  /** The entry was refused. */
  onRefused(ticket: number): void {
    if (ticket === this.ticket) this.ticket = 0;
  }

  /** The entry was applied, or the leader changed and nobody knows what became of it. */
  onDone(): void {
    this.ticket = 0;
  }
}
