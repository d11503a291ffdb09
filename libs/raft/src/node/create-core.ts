import { createRaft, type Raft } from '../core/raft';
import type { Recovered } from '../storage/storage';
import type { ResolvedRaftNodeOptions } from './options';

/** The core of a replica: of what its storage found, or of a new group, or empty until a group takes it in. */
export function createCore(
  options: ResolvedRaftNodeOptions<unknown>,
  initialState: Recovered,
): Raft {
  const { id, clusterId, members } = options;
  return createRaft(
    {
      id,
      initialState,
      bootstrap: { clusterId, members },
      join: options.initialState === 'existing',
      random: Math.random,
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      electionTimeoutMs: options.electionTimeoutMs,
      leaseClockDriftMax: options.leaseClockDriftMax,
      priority: options.priority,
      diskStallTimeoutMs: options.diskStallTimeoutMs,
      appendBytesMax: options.appendBytesMax,
      inflightAppendsMax: options.inflightAppendsMax,
      inflightBytesMax: options.inflightBytesMax,
      uncommittedBytesMax: options.uncommittedBytesMax,
      uncommittedEntriesMax: options.uncommittedEntriesMax,
    },
    performance.now(),
  );
}
