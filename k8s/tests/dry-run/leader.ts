import { raft } from '@raftway/contracts';
import { Rpc } from '@raftway/testkit';
import type { Cluster } from './cluster';
import type { RunningPod } from './running-pod';

const STATUS_TIMEOUT_MS = 2_000;

/** A pod that leads its group, and what it says about it. */
export interface Leader {
  readonly pod: RunningPod;
  readonly status: raft.GetStatusResponse;
}

/** Who leads a workload's group; undefined when nobody says so, or the workload is no group. */
export async function leaderOf(cluster: Cluster, workload: string): Promise<Leader | undefined> {
  if (!cluster.workload(workload).isStateful) return undefined;
  const rpc = new Rpc();
  try {
    for (const pod of cluster.podsOf(workload)) {
      const port = pod.plan.workload.ports.get('grpc');
      const address = `${pod.plan.ip}:${port}`;
      const { getStatus } = raft.RaftAdminServiceService;
      const outcome = await rpc.unary(address, getStatus, {}, STATUS_TIMEOUT_MS);
      if (outcome.kind !== 'answered') continue;
      const { response: status } = outcome;
      if (status.role === raft.Role.LEADER) return { pod, status };
    }
    return undefined;
  } finally {
    rpc.close();
  }
}
