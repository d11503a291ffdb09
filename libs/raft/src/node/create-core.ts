import { createRaft, type Raft } from '../core/raft';
import type { Recovered } from '../storage/storage';
import type { ResolvedRaftNodeOptions } from './options';

/** The core of a replica: of what its storage found, or of a new group, or empty until a group takes it in. */
export function createCore(
  options: ResolvedRaftNodeOptions<unknown>,
  initialState: Recovered,
): Raft {
  const { id, clusterId, members, heartbeatIntervalMs, electionTimeoutMs } = options;
  const { leaseClockDriftMax, priority } = options;
  return createRaft(
    {
      id,
      initialState,
      bootstrap: { clusterId, members },
      join: options.initialState === 'existing',
      random: Math.random,
      heartbeatIntervalMs,
      electionTimeoutMs,
      leaseClockDriftMax,
      priority,
    },
    performance.now(),
  );
}
