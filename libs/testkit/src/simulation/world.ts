import type { Configuration, Entry, Message, ServerId } from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { FingerprintOf } from './application';
import type { Checker } from './checker';
import type { Coverage } from './coverage';
import type { SimulatedNetwork } from './network';
import type { Priorities } from './priorities';

/** Everything that a server shares with the rest of its simulated world. */
export interface World {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly checker: Checker;
  readonly coverage: Coverage;
  readonly configuration: Configuration;
  readonly timing: Timing;
  /** See {@link FingerprintOf}. */
  readonly fingerprintOf: FingerprintOf | undefined;
  readonly leases: Leases | undefined;
  readonly priorities: Priorities;
  readonly trace: (line: () => string) => void;
  /** Runs what a promise leads to: what it throws ends the run. */
  readonly guard: (run: () => void) => void;
}

/** All reads are lease reads, and clocks differ. */
export interface Leases {
  /** What the servers believe. */
  readonly clockDriftMax: number;
  /** How fast a server's clock runs in truth: at most 1, as the checker's is. */
  readonly clockRate: (id: ServerId) => number;
}

/** The monotonic clock of a process that begins now. */
export function clockOf({ queue, random, leases }: World, id: ServerId): () => number {
  const bootMs = queue.nowMs - random.integer(0, 1_000_000);
  const rate = leases?.clockRate(id) ?? 1;
  return () => (queue.nowMs - bootMs) * rate;
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
