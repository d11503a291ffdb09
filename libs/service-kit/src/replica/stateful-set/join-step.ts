import type { Standing } from '@raftway/raft';

/** What a replica knows of itself. */
export interface JoinFacts {
  readonly standing: Standing;
  /** 0 = none known. */
  readonly leaderId: number;
  /** For how long none has been known. */
  readonly leaderlessMs: number;
  /** It has taken part since its process started. */
  readonly wasMember: boolean;
  /** The StatefulSet's size can be asked for. */
  readonly followsSet: boolean;
  /** How many of the listed peers, this replica apart, have let it in, and of how many. */
  readonly admitted: number;
  readonly listed: number;
  /** What a peer says that refuses it. */
  readonly refusal: string | undefined;
}

/** What to do now: nothing, look for the leader and ask it, or wait for something. */
export type JoinStep = 'content' | 'look' | { readonly wait: string };

/** An election is over by then, also a second one. */
const LEADERLESS_MAX_MS = 3_000;

/**
 * Whether a replica has to ask to be added.
 *
 * One with an empty directory asks when a majority of the listed peers has let it in, and none refuses it: they remember the disks that they have met, so that one that was wiped finds out before it
 * is a member that does not count. One that has its disk may ask again after it was removed: its votes and entries are still what it promised.
 */
export function joinStep(facts: JoinFacts): JoinStep {
  const { standing, admitted, listed, refusal } = facts;
  if (standing === 'voter' || standing === 'learner') {
    const mayHaveBeenRemoved = facts.leaderId === 0 && facts.leaderlessMs >= LEADERLESS_MAX_MS;
    return mayHaveBeenRemoved ? 'look' : 'content';
  }
  if (standing === 'removed') {
    if (!facts.wasMember || facts.followsSet) return 'look';
    return { wait: 'it was removed while it ran: start it again if it is to be a member' };
  }
  if (refusal !== undefined) return { wait: `a peer refuses it: ${refusal}` };
  if (admitted * 2 > listed) return 'look';
  return { wait: `a majority of the listed peers has to let it in: ${admitted} of ${listed} have` };
}
