import type { Message } from '../core';

/** The tickets of all proposals that these messages would have brought to the leader. */
export function forwardedTickets(messages: readonly Message[]): number[] {
  return messages.flatMap((message) =>
    message.type === 'forwardProposals' ? message.proposals.map(({ ticket }) => ticket) : [],
  );
}
