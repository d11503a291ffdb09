import { raft } from '@raftway/contracts';
import { Rpc } from '@raftway/testkit';
import type { Cluster } from './cluster';
import type { RunningPod } from './running-pod';

const STATUS_TIMEOUT_MS = 2_000;

/** The pod that leads its group; undefined when none says so, or the workload is no group. */
export async function leaderOf(
  cluster: Cluster,
  workload: string,
): Promise<RunningPod | undefined> {
  if (!cluster.workload(workload).isStateful) return undefined;
  const rpc = new Rpc();
  try {
    for (const pod of cluster.podsOf(workload)) {
      const port = pod.plan.workload.ports.get('grpc');
      const address = `${pod.plan.ip}:${port}`;
      const { getStatus } = raft.RaftAdminServiceService;
      const outcome = await rpc.unary(address, getStatus, {}, STATUS_TIMEOUT_MS);
      if (outcome.kind === 'answered' && outcome.response.role === raft.Role.LEADER) return pod;
    }
    return undefined;
  } finally {
    rpc.close();
  }
}
