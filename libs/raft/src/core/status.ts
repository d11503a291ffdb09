import type { RaftState } from './state';
import type { LogIndex, Member, Role, ServerId, Term } from './types';

/** What a server is to its group, as far as it knows. */
export type Standing = 'waiting' | 'learner' | 'voter' | 'removed';

/** What one server knows of itself and its group; the shape of the driver's RaftStatus. */
export interface StatusSnapshot {
  readonly id: ServerId;
  readonly clusterId: string;
  readonly role: Role;
  readonly term: Term;
  /** 0 when no leader is known. */
  readonly leaderId: ServerId;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  /** This server's own part: `waiting` for a group to take it in, or `removed`, until it is added again. */
  readonly standing: Standing;
  /** Where the members below are in the log. They are in force; decided once commitIndex has reached it. */
  readonly configurationIndex: LogIndex;
  /** Two majorities have to agree: a change of members is half done. */
  readonly joint: boolean;
  /** This server's own: see priority.ts. */
  readonly priority: number;
  readonly members: readonly (Member & {
    readonly matchIndex: LogIndex;
    /** On the leader: append messages that it has not answered. */
    readonly inflightAppends: number;
    readonly lastContactMs: number;
    /** As it has told this leader; undefined where it is not known. */
    readonly priority: number | undefined;
  })[];
  readonly logClockMs: number;
  /** On the leader: commands that are not committed, and their bytes. New ones are refused above a limit of each. */
  readonly uncommittedEntries: number;
  readonly uncommittedBytes: number;
}

/** The log clock in milliseconds: running on the leader, elsewhere the last committed stamp. */
export function logClockMs(state: RaftState, nowMs: number): number {
  if (state.leader !== undefined) return state.leader.clock.read(nowMs);
  return state.log.entryAt(state.log.commitIndex)?.stampMs ?? state.snapshot?.stampMs ?? 0;
}

/** Removed only when that is committed: until then the removal may be cut again, and the server may be needed for it. */
export function standingOf({ id, configurations, log }: RaftState): Standing {
  if (configurations.currentIndex === 0) return 'waiting';
  if (configurations.mayBeNeeded(id, log.commitIndex)) return 'voter';
  const isMember = configurations
    .since(log.commitIndex)
    .some(({ members }) => members.some((member) => member.id === id));
  return isMember ? 'learner' : 'removed';
}

/** Describes a server as it is now. */
export function describe(state: RaftState, nowMs: number): StatusSnapshot {
  const { log, configurations } = state;
  return {
    id: state.id,
    clusterId: configurations.current.clusterId,
    role: state.role,
    term: state.currentTerm,
    leaderId: state.leaderId,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    snapshotIndex: state.snapshot?.lastIncludedIndex ?? 0,
    standing: standingOf(state),
    configurationIndex: configurations.currentIndex,
    joint: configurations.isJoint,
    priority: state.options.priority,
    members: configurations.current.members.map((member) => {
      const progress = state.leader?.progress.get(member.id);
      const itself = member.id === state.id;
      return {
        ...member,
        matchIndex: itself ? log.stableIndex : (progress?.matchIndex ?? 0),
        inflightAppends: progress?.inflight.count ?? 0,
        lastContactMs: progress === undefined ? 0 : nowMs - progress.lastContactMs,
        priority: itself ? state.options.priority : progress?.priority,
      };
    }),
    logClockMs: logClockMs(state, nowMs),
    uncommittedEntries: state.leader?.uncommittedEntries ?? 0,
    uncommittedBytes: state.leader?.uncommittedBytes ?? 0,
  };
}
