import type { Recovered } from '@raftway/raft';
import { createRaft } from '@raftway/raft/core';
import type { Raft, ServerId } from '@raftway/raft/core';
import type { World } from './world';

/** A core for a process that has just started, with small limits, so that windows fill and batches split. */
export function createCore(id: ServerId, recovered: Recovered, world: World, nowMs: number): Raft {
  const { heartbeatIntervalMs, electionTimeoutMs } = world.timing;
  return createRaft(
    {
      id,
      initialState: recovered,
      bootstrap: world.configuration,
      join: !world.configuration.members.some((member) => member.id === id),
      random: () => world.random.next(),
      heartbeatIntervalMs,
      electionTimeoutMs,
      priority: world.priorities.of(id),
      leaseClockDriftMax: world.leases?.clockDriftMax,
      appendBytesMax: 300,
      inflightAppendsMax: 4,
      inflightBytesMax: 1000,
      uncommittedEntriesMax: 60,
    },
    nowMs,
  );
}
