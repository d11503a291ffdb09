import type { ServerId } from '@raftway/raft/core';
import type { SeededRandom } from '../random';
import type { Outcome } from './application';
import type { SimulatedGroup } from './group';
import { inflictLasting } from './lasting-faults';
import type { LastingFault } from './lasting-faults';
import { newestLeader } from './victims';
import { SafetyViolation } from './violation';

/** In election timeouts: how long a group may take to settle, and how long its leader must then stay. */
const SETTLING = 6;
const STEADY = 8;

/**
 * A fault that stays, in a group that is whole: as long as a majority can talk, commands must go on being committed, and one leader stays (the outage of 2020
 * at Cloudflare was six hours of elections).
 */
export async function endure(
  group: SimulatedGroup,
  fault: LastingFault,
  random: SeededRandom,
): Promise<void> {
  const { network, coverage } = group;
  const voters = group.voters();
  if (!canEndure(fault, voters.length)) return;
  coverage.lastingFaults += 1;
  const what = inflictLasting(fault, random, voters, network);
  group.trace(() => `from now on: ${what}`);
  const { electionTimeoutMs } = group.timing;
  await commit(group, what);
  await group.runUntil(group.nowMs + SETTLING * electionTimeoutMs);
  await commit(group, what);
  const before = leaderOf(group);
  await group.runUntil(group.nowMs + STEADY * electionTimeoutMs);
  const after = leaderOf(group);
  if (before === undefined || after === undefined || !isSteady(group, before, after)) {
    const [from, to] = [before, after].map((leader) => describeLeader(leader));
    throw new SafetyViolation(`${what}: leadership goes from ${from} to ${to}`);
  }
  await commit(group, what);
  network.becomePerfect();
  for (const server of group.servers) {
    server.disk.files.becomePerfect();
    server.thaw();
    if (!server.isUp) server.start();
  }
}

/** Some must be left to decide without the leader; and of six in a chain nobody hears a majority. */
function canEndure(fault: LastingFault, voters: number): boolean {
  return voters > 2 && (fault !== 'chain' || voters < 6);
}

/** Some server must have a command acknowledged. */
async function commit(group: SimulatedGroup, what: string): Promise<void> {
  let isDone = false;
  const note = (outcome: Outcome): void => {
    if (outcome === 'acknowledged') isDone = true;
  };
  await group.runUntilDone(
    `${what}: nothing is committed`,
    () => {
      for (const server of group.active()) group.clients.append(98, server, false, note);
    },
    () => isDone,
  );
}

interface Leader {
  readonly id: ServerId;
  readonly term: number;
}

/** The same leader in the same term, unless it was there for a server of higher priority, which it has found meanwhile. */
function isSteady({ priorities }: SimulatedGroup, before: Leader, after: Leader): boolean {
  if (before.id === after.id) return before.term === after.term;
  return priorities.of(after.id) > priorities.of(before.id);
}

function describeLeader(leader: Leader | undefined): string {
  return leader === undefined ? 'nobody' : `${leader.id} in term ${leader.term}`;
}

function leaderOf(group: SimulatedGroup): Leader | undefined {
  const leader = newestLeader(group.servers.filter(({ isFrozen }) => !isFrozen));
  return leader?.raft === undefined ? undefined : { id: leader.id, term: leader.raft.term };
}
