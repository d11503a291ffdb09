import type { RaftEvent } from './events';
import type { Message, ProposalRefusal } from './messages';
import type { ChangePlaced, ForwardPlaced, ProposalPlaced, ReadReady } from './ready';
import type { LogIndex, ServerId } from './types';

/** What steps have produced since the last Ready, apart from what the log knows itself. */
export class Outbox {
  sendNow: Message[] = [];
  sendAfterPersist: Message[] = [];
  reads: ReadReady[] = [];
  readsRefused: number[] = [];
  proposals: ProposalPlaced[] = [];
  /** Made when there is one: mostly nobody traces. */
  forwarded: ForwardPlaced[] | undefined;
  sendSnapshot: ServerId[] = [];
  changes: ChangePlaced[] = [];
  events: RaftEvent[] = [];

  isEmpty(): boolean {
    return (
      this.sendNow.length === 0 &&
      this.sendAfterPersist.length === 0 &&
      this.reads.length === 0 &&
      this.readsRefused.length === 0 &&
      this.proposals.length === 0 &&
      this.sendSnapshot.length === 0 &&
      this.changes.length === 0 &&
      this.events.length === 0
    );
  }

  answerReads(tickets: readonly number[], index: LogIndex): void {
    for (const ticket of tickets) this.reads.push({ ticket, index });
  }

  refuseReads(tickets: readonly number[]): void {
    for (const ticket of tickets) this.readsRefused.push(ticket);
  }

  refuseProposals(tickets: readonly number[], refusal: ProposalRefusal): void {
    for (const ticket of tickets) this.proposals.push({ ticket, refusal });
  }
}
