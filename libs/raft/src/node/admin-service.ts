import {
  type handleUnaryCall,
  Metadata,
  type ServiceError,
  status as GrpcStatus,
} from '@grpc/grpc-js';
import { raft as contracts } from '@raftway/contracts';
import { Role } from '../core';
import { RaftError, type RaftErrorCode } from '../errors';
import type { RaftNode, RaftStatus } from '../raft-node';

/**
 * The handlers of RaftAdminService for one replica, to be added to a server that operators reach, with
 * `raft.RaftAdminServiceService` of \@raftway/contracts as the definition.
 */
export function createRaftAdminService(node: RaftNode<unknown>): contracts.RaftAdminServiceServer {
  return {
    getStatus: unary(() => Promise.resolve(toStatusResponse(node.status()))),
    transferLeadership: unary(async (request: contracts.TransferLeadershipRequest) => ({
      leaderId: BigInt(await node.transferLeadership(Number(request.targetId))),
    })),
    takeSnapshot: unary(async () => {
      const { index, sizeBytes } = await node.takeSnapshot();
      return { index: BigInt(index), sizeBytes: BigInt(sizeBytes) };
    }),
  };
}

function unary<Request, Response>(
  answer: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}

const STATUS_OF: Readonly<Record<RaftErrorCode, GrpcStatus>> = {
  noLeader: GrpcStatus.UNAVAILABLE,
  queueFull: GrpcStatus.RESOURCE_EXHAUSTED,
  tooLarge: GrpcStatus.INVALID_ARGUMENT,
  outcomeUnknown: GrpcStatus.UNAVAILABLE,
  deadlineExceeded: GrpcStatus.DEADLINE_EXCEEDED,
  cancelled: GrpcStatus.CANCELLED,
  stopped: GrpcStatus.UNAVAILABLE,
  transferFailed: GrpcStatus.FAILED_PRECONDITION,
  invalidOptions: GrpcStatus.INVALID_ARGUMENT,
};

function toServiceError(error: unknown): Partial<ServiceError> & { code: GrpcStatus } {
  const metadata = new Metadata();
  if (error instanceof RaftError) {
    return { code: STATUS_OF[error.code], details: error.message, metadata };
  }
  return { code: GrpcStatus.INTERNAL, details: 'internal error', metadata };
}

const ROLES: Readonly<Record<Role, contracts.Role>> = {
  [Role.follower]: contracts.Role.FOLLOWER,
  [Role.preCandidate]: contracts.Role.PRE_CANDIDATE,
  [Role.candidate]: contracts.Role.CANDIDATE,
  [Role.leader]: contracts.Role.LEADER,
};

function toStatusResponse(status: RaftStatus): contracts.GetStatusResponse {
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

function toDuration(milliseconds: number): { seconds: bigint; nanos: number } {
  const whole = Math.max(0, Math.floor(milliseconds));
  return { seconds: BigInt(Math.floor(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
}
