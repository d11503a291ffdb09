import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../render/kube-object';
import { clusterNames, planPods } from './pod-plan';
import { type Ending, RunningPod } from './running-pod';
import { eventually } from './eventually';

/**
 * Rendered manifests, run on this machine without Kubernetes: every pod's container is a process with the environment of the manifest, on
 * loopback addresses of its own, found by the names of the manifest's Services, probed and restarted as a kubelet does.
 *
 * What is not here: images, schedulers, users and read-only roots, limits, NetworkPolicies, budgets, rolling updates.
 */
export class Cluster {
  readonly pods: readonly RunningPod[];
  private readonly namesFile: string;

  /** @param directory of volumes; one of an earlier cluster has its pods' data. @default a new one */
  constructor(
    private readonly objects: readonly KubeObject[],
    readonly directory = mkdtempSync(path.join(tmpdir(), 'raftway-dry-run-')),
  ) {
    this.namesFile = path.join(directory, 'names.json');
    const room = { network: ownNetwork(), directory: this.directory };
    this.pods = planPods(objects, room).map(
      (plan) => new RunningPod(plan, this.namesFile, () => this.publishNames()),
    );
    this.publishNames();
  }

  /** All at once, as Kubernetes does with Deployments and with `podManagementPolicy: Parallel`. */
  start(): void {
    for (const pod of this.pods) pod.start();
  }

  /** Waits until pods are ready; all of them unless named. */
  async ready(timeoutMs: number, pods: readonly RunningPod[] = this.pods): Promise<void> {
    await eventually('all pods are ready', timeoutMs, () =>
      pods.every(({ isReady }) => isReady),
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n\n${this.describe()}`, { cause: error });
    });
  }

  /** @throws Error when there is none. */
  pod(name: string): RunningPod {
    const found = this.pods.find(({ plan }) => plan.name === name);
    if (found === undefined) throw new Error(`there is no pod ${name}`);
    return found;
  }

  podsOf(workload: string): RunningPod[] {
    return this.pods.filter(({ plan }) => plan.workload.name === workload);
  }

  /** Deletes all pods at once; yields how each ended. */
  async stop(): Promise<Map<string, Ending | undefined>> {
    const endings = await Promise.all(
      this.pods.map(async (pod) => [pod.plan.name, await pod.stop()] as const),
    );
    return new Map(endings);
  }

  /** Stops what still runs, and removes the volumes: for afterAll. */
  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private describe(): string {
    return this.pods
      .filter(({ isReady }) => !isReady)
      .map((pod) => pod.describe())
      .join('\n\n');
  }

  /** In one step: a process may be reading. */
  private publishNames(): void {
    const next = `${this.namesFile}.next`;
    writeFileSync(next, JSON.stringify(clusterNames(this.objects, this.pods)));
    renameSync(next, this.namesFile);
  }
}

/** Different for each process, so that two dry runs on one machine do not meet. */
function ownNetwork(): string {
  return `127.${16 + (process.pid % 200)}.${1 + (Math.floor(process.pid / 200) % 250)}`;
}
