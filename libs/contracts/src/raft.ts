export * from './gen/raftway/raft/v1/raft';
export {
  GetStatusRequest,
  GetStatusResponse,
  Member,
  RaftAdminServiceClient,
  type RaftAdminServiceServer,
  RaftAdminServiceService,
  Role,
  TakeSnapshotRequest,
  TakeSnapshotResponse,
  TransferLeadershipRequest,
  TransferLeadershipResponse,
} from './gen/raftway/raft/v1/raft_admin';
