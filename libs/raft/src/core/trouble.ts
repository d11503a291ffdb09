import { hasQuorumContact } from './contact';
import type { RaftState } from './state';
import { NO_SERVER } from './types';
import type { LogIndex } from './types';

/**
 * What keeps a proposal from being decided, as far as this server can know.
 *
 * - `noLeader`: no leader is known.
 * - `quorumLost`: this server leads, or led last, and no majority answers it.
 * - `diskSlow`: a majority answers the leader, and has not confirmed that the entry is on its disks; or this server's own disk does not answer, or made it give up leadership.
 */
export type Trouble = 'noLeader' | 'quorumLost' | 'diskSlow';

/** Heartbeats that may go unanswered before a quorum counts as lost, well before the leader steps down. */
const SILENT_HEARTBEATS = 4;

/** @param index where the proposal is in the log; 0 when that is not known. @returns undefined when nothing is known to be wrong here. */
export function troubleWith(state: RaftState, index: LogIndex): Trouble | undefined {
  if (state.leader === undefined) {
    if (state.leaderId !== NO_SERVER) return isDiskStalled(state) ? 'diskSlow' : undefined;
    if (state.leadershipLostBy === 'quorumLost') return 'quorumLost';
    return state.leadershipLostBy === 'diskStalled' ? 'diskSlow' : 'noLeader';
  }
  const { heartbeatIntervalMs, electionTimeoutMs } = state.options;
  const silentMs = Math.min(SILENT_HEARTBEATS * heartbeatIntervalMs, electionTimeoutMs);
  if (!hasQuorumContact(state, silentMs)) return 'quorumLost';
  return index > state.log.commitIndex ? 'diskSlow' : undefined;
}

function isDiskStalled({ log, nowMs, options }: RaftState): boolean {
  return log.durability.oldestWriteAgeMs(nowMs) >= options.diskStallTimeoutMs;
}
