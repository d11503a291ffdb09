import { raft } from '@raftway/contracts';
import type { Cluster, ReplicaProcess, Service } from './cluster';
import type { Rpc } from './rpc';

const STATUS_TIMEOUT_MS = 500;

/** What a replica says of itself; undefined when it does not answer. */
export async function statusOf(
  rpc: Rpc,
  replica: ReplicaProcess,
): Promise<raft.GetStatusResponse | undefined> {
  const { getStatus } = raft.RaftAdminServiceService;
  const outcome = await rpc.unary(replica.address, getStatus, {}, STATUS_TIMEOUT_MS);
  return outcome.kind === 'answered' ? outcome.response : undefined;
}

/** The replica that leads in the newest term that any replica knows of; undefined when nobody says that it leads. */
export async function findLeader(
  rpc: Rpc,
  cluster: Cluster,
  service: Service,
): Promise<ReplicaProcess | undefined> {
  const replicas = cluster.of(service);
  const statuses = await Promise.all(replicas.map((replica) => statusOf(rpc, replica)));
  let leader: ReplicaProcess | undefined;
  let leaderTerm = -1n;
  for (const [index, status] of statuses.entries()) {
    if (status?.role !== raft.Role.LEADER || status.term <= leaderTerm) continue;
    leader = replicas[index];
    leaderTerm = status.term;
  }
  return leader;
}
