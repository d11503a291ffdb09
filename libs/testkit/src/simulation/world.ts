import type { Configuration, Entry, Message } from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Checker } from './checker';
import type { Coverage } from './coverage';
import type { SimulatedNetwork } from './network';

/** Everything that a server shares with the rest of its simulated world. */
export interface World {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly checker: Checker;
  readonly coverage: Coverage;
  readonly configuration: Configuration;
  readonly timing: Timing;
  readonly trace: (line: () => string) => void;
  /** Runs what a promise leads to: what it throws ends the run. */
  readonly guard: (run: () => void) => void;
}

/** What a client asks for; with a client id it may be sent again. */
export interface ClientCommand {
  readonly id: string;
  readonly clientId: string;
  readonly sequence: number;
}

/** Drawn once a run; small, so that a run of a few virtual seconds sees many elections. */
export interface Timing {
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEvery: number;
  readonly keepBehindSnapshot: number;
}

/** The members as one word each: `4(joining)`, `3(learner)`. */
export function describeMembers({ members }: Configuration): string {
  return members
    .map(({ id, voter, transition = voter ? undefined : 'learner' }) =>
      transition === undefined ? `${id}` : `${id}(${transition})`,
    )
    .join(' ');
}

/** A message as one line of a trace. */
export function describeMessage(message: Message): string {
  return JSON.stringify(message, (key: string, value: unknown) => {
    if (key === 'payload' || key === 'configuration') return undefined;
    if (key !== 'entries') return value;
    return (value as Entry[]).map((entry) => `${entry.index}/${entry.term}`).join(' ');
  });
}
