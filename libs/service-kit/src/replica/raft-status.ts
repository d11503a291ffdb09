import { raft } from '@raftway/contracts';
import { Role, Transition, type RaftStatus, type Standing } from '@raftway/raft';
import { suiteVersion } from '../app/suite-version';
import { toDuration } from '../rpc/duration';

type MemberStatus = Omit<RaftStatus['members'][number], 'inflightAppends' | 'diverged'>;

const ROLES: Readonly<Record<Role, raft.Role>> = {
  [Role.follower]: raft.Role.FOLLOWER,
  [Role.preCandidate]: raft.Role.PRE_CANDIDATE,
  [Role.candidate]: raft.Role.CANDIDATE,
  [Role.leader]: raft.Role.LEADER,
};

const STANDINGS: Readonly<Record<Standing, raft.Standing>> = {
  waiting: raft.Standing.WAITING,
  learner: raft.Standing.LEARNER,
  voter: raft.Standing.VOTER,
  removed: raft.Standing.REMOVED,
};

const TRANSITIONS: Readonly<Record<Transition, raft.Transition>> = {
  [Transition.joining]: raft.Transition.JOINING,
  [Transition.incoming]: raft.Transition.INCOMING,
  [Transition.outgoing]: raft.Transition.OUTGOING,
  [Transition.demoted]: raft.Transition.DEMOTED,
};

/** What a replica knows of its group and itself, as a message. @param nowMs by the wall clock, since 1970. */
export function toStatusResponse(status: RaftStatus, nowMs: number): raft.GetStatusResponse {
  const { lastIndex } = status;
  return {
    id: BigInt(status.id),
    clusterId: status.clusterId,
    role: ROLES[status.role],
    term: BigInt(status.term),
    leaderId: BigInt(status.leaderId),
    firstIndex: BigInt(status.firstIndex),
    lastIndex: BigInt(lastIndex),
    commitIndex: BigInt(status.commitIndex),
    appliedIndex: BigInt(status.appliedIndex),
    snapshotIndex: BigInt(status.snapshotIndex),
    storage: {
      snapshots: status.storage.snapshots,
      snapshotBytes: BigInt(status.storage.snapshotBytes),
      incomingSnapshotBytes: BigInt(status.storage.incomingBytes),
      segments: status.storage.segments,
      segmentBytes: BigInt(status.storage.segmentBytes),
    },
    members: status.members.map((member) => {
      const lag = status.role === Role.leader ? Math.max(0, lastIndex - member.matchIndex) : 0;
      return toMemberMessage(member, lag);
    }),
    logClock: toDuration(status.logClockMs),
    standing: STANDINGS[status.standing],
    configurationIndex: BigInt(status.configurationIndex),
    joint: status.joint,
    priority: status.priority,
    diskFull: status.diskFull,
    wallClock: toDuration(nowMs),
    version: suiteVersion(),
    runtime: `node ${process.version}`,
  };
}

/** One member. @param lagEntries 0 where only the leader knows. */
export function toMemberMessage(member: MemberStatus, lagEntries: number): raft.Member {
  const { id, address, voter, transition, matchIndex, lastContactMs, priority } = member;
  return {
    id: BigInt(id),
    address,
    voter,
    matchIndex: BigInt(matchIndex),
    lastContact: toDuration(lastContactMs),
    transition: transition === undefined ? raft.Transition.UNSPECIFIED : TRANSITIONS[transition],
    lagEntries: BigInt(lagEntries),
    priority,
  };
}
