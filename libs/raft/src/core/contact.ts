import { isQuorum } from './quorum';
import type { RaftState } from './state';

/** True when a majority (in a joint configuration both) has answered this leader within `withinMs`. */
export function hasQuorumContact(state: RaftState, withinMs: number): boolean {
  const { leader, configurations } = state;
  return isQuorum(configurations.majorities, (id) => {
    const progress = leader?.progress.get(id);
    if (progress === undefined) return id === state.id;
    return progress.counts && state.nowMs - progress.lastContactMs <= withinMs;
  });
}
