import { at } from '../render/kube-object';
import type { Workload } from '../support/workloads';
import type { Cluster } from './cluster';
import { eventually } from './eventually';
import type { Ending, RunningPod } from './running-pod';

/** A pod that was replaced, and how it ended. */
export interface Replaced {
  readonly workload: string;
  readonly pod: string;
  readonly ending: Ending | undefined;
}

const READY_TIMEOUT_MS = 90_000;

/**
 * Replaces all pods of a workload as `kubectl rollout restart` makes Kubernetes do it:
 *
 * - a StatefulSet's from the highest ordinal down, one at a time: each is deleted, made again under its name with its volume on a new
 *   address, and the next one's turn comes when it has been ready for `minReadySeconds`;
 * - a Deployment's as `maxSurge` allows with `maxUnavailable: 0`: new pods first, and once they are ready the old ones are deleted.
 */
export async function restartWorkload(cluster: Cluster, name: string): Promise<Replaced[]> {
  const workload = cluster.workload(name);
  return workload.isStateful
    ? restartStatefulSet(cluster, workload)
    : restartDeployment(cluster, workload);
}

async function restartStatefulSet(cluster: Cluster, workload: Workload): Promise<Replaced[]> {
  const { object, name } = workload;
  if (at(object, 'spec', 'updateStrategy', 'type') !== 'RollingUpdate') {
    throw new Error(`${name} is not updated one by one`);
  }
  const replaced: Replaced[] = [];
  let last: RunningPod | undefined;
  for (let ordinal = workload.replicas - 1; ordinal >= 0; ordinal -= 1) {
    if (last !== undefined) await available(workload, last);
    const pod = cluster.pod(`${name}-${ordinal}`);
    replaced.push(await replacedBy(pod, cluster.deletePod(pod)));
    last = cluster.startPod(workload, pod.plan.name);
    await cluster.ready(READY_TIMEOUT_MS, [last]);
  }
  return replaced;
}

async function restartDeployment(cluster: Cluster, workload: Workload): Promise<Replaced[]> {
  const { maxSurge, maxUnavailable } = at(
    workload.object,
    'spec',
    'strategy',
    'rollingUpdate',
  ) as Record<string, unknown>;
  if (typeof maxSurge !== 'number' || maxSurge < 1 || maxUnavailable !== 0) {
    throw new Error(
      `${workload.name}: only a number of maxSurge with maxUnavailable 0 is run here`,
    );
  }
  const old = cluster.podsOf(workload.name);
  const deletions: Promise<Replaced>[] = [];
  while (old.length > 0) {
    const leaving = old.splice(0, maxSurge);
    const added = leaving.map(() => cluster.startPod(workload));
    await cluster.ready(READY_TIMEOUT_MS, added);
    for (const pod of added) await available(workload, pod);
    for (const pod of leaving) {
      deletions.push(replacedBy(pod, cluster.deletePod(pod)));
    }
  }
  return Promise.all(deletions);
}

async function replacedBy(
  { plan }: RunningPod,
  deletion: Promise<Ending | undefined>,
): Promise<Replaced> {
  return { workload: plan.workload.name, pod: plan.name, ending: await deletion };
}

/** Waits until a pod has been ready for `minReadySeconds` without a break. */
async function available({ object }: Workload, pod: RunningPod): Promise<void> {
  const minReadyMs = Number(at(object, 'spec', 'minReadySeconds') ?? 0) * 1000;
  await eventually(`${pod.plan.name} is available`, READY_TIMEOUT_MS, () => {
    const { readySince = Infinity } = pod;
    return performance.now() - readySince >= minReadyMs;
  });
}
