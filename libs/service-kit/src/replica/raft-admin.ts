import { raft } from '@raftway/contracts';
import { invalidArgument } from '@raftway/errors';
import { Role, type RaftNode, type RaftStatus } from '@raftway/raft';
import { toDuration } from '../rpc/duration';
import type { ServiceImplementation } from '../rpc/handlers';
import { implementService } from '../rpc/implement-service';
import { raftErrorToServiceError } from './raft-errors';

/** raftway.raft.v1.RaftAdminService over one replica. */
export function raftAdminService(node: RaftNode<unknown>): ServiceImplementation {
  return implementService(raft.RaftAdminServiceService, {
    getStatus: () => toStatusResponse(node.status()),
    transferLeadership: async ({ targetId }) => {
      const target = Number(targetId);
      if (!Number.isSafeInteger(target)) {
        const description = `must be a server's id or 0, got ${targetId}`;
        throw invalidArgument({ field: 'target_id', description });
      }
      const leaderId = await translated(() => node.transferLeadership(target));
      return { leaderId: BigInt(leaderId) };
    },
    takeSnapshot: async () => {
      const { index, sizeBytes } = await translated(() => node.takeSnapshot());
      return { index: BigInt(index), sizeBytes: BigInt(sizeBytes) };
    },
  });
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw raftErrorToServiceError(error);
  }
}

const ROLES: Readonly<Record<Role, raft.Role>> = {
  [Role.follower]: raft.Role.FOLLOWER,
  [Role.preCandidate]: raft.Role.PRE_CANDIDATE,
  [Role.candidate]: raft.Role.CANDIDATE,
  [Role.leader]: raft.Role.LEADER,
};

function toStatusResponse(status: RaftStatus): raft.GetStatusResponse {
  return {
    id: BigInt(status.id),
    clusterId: status.clusterId,
    role: ROLES[status.role],
    term: BigInt(status.term),
    leaderId: BigInt(status.leaderId),
    firstIndex: BigInt(status.firstIndex),
    lastIndex: BigInt(status.lastIndex),
    commitIndex: BigInt(status.commitIndex),
    appliedIndex: BigInt(status.appliedIndex),
    snapshotIndex: BigInt(status.snapshotIndex),
    members: status.members.map(({ id, address, voter, matchIndex, lastContactMs }) => ({
      id: BigInt(id),
      address,
      voter,
      matchIndex: BigInt(matchIndex),
      lastContact: toDuration(lastContactMs),
    })),
    logClock: toDuration(status.logClockMs),
  };
}
