import type { ServerId } from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Coverage } from './coverage';
import type { SimulatedNetwork } from './network';
import type { SimulatedServer } from './server';

/** What the nemesis may do to whom. */
export interface Victims {
  readonly queue: EventQueue;
  readonly network: SimulatedNetwork;
  readonly servers: readonly SimulatedServer[];
  /** Those that take part in the group now. */
  readonly active: () => readonly SimulatedServer[];
  /** The sets of voters a majority of which may decide something now. */
  readonly voterSets: () => readonly (readonly ServerId[])[];
  readonly coverage: Coverage;
  readonly trace: (line: () => string) => void;
  /** Somebody wants to read there. */
  readonly ask: (server: SimulatedServer) => void;
  /** False once the faults are over. */
  readonly isRunning: () => boolean;
}

/** The leader of the newest term, or any server when there is none. */
export function leaderOrAny(victims: Victims, random: SeededRandom): SimulatedServer {
  const active = victims.active();
  const any = random.pick(active);
  return newestLeader(active) ?? any;
}

/** Of these servers, the leader of the newest term; undefined when none leads. */
export function newestLeader(servers: readonly SimulatedServer[]): SimulatedServer | undefined {
  let leader: SimulatedServer | undefined;
  for (const server of servers) {
    if (server.raft?.role !== 'leader') continue;
    if (leader?.raft === undefined || server.raft.term > leader.raft.term) leader = server;
  }
  return leader;
}
