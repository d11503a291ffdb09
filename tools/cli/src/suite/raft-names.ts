import { raft } from '@raftway/contracts';
import type { RoleName, StandingName } from './observation';

/** Roles in words. */
export const ROLES: Partial<Record<raft.Role, RoleName>> = {
  [raft.Role.LEADER]: 'leader',
  [raft.Role.FOLLOWER]: 'follower',
  [raft.Role.CANDIDATE]: 'candidate',
  [raft.Role.PRE_CANDIDATE]: 'pre-candidate',
};

/** Standings in words. */
export const STANDINGS: Partial<Record<raft.Standing, StandingName>> = {
  [raft.Standing.VOTER]: 'voter',
  [raft.Standing.LEARNER]: 'learner',
  [raft.Standing.WAITING]: 'waiting',
  [raft.Standing.REMOVED]: 'removed',
};
