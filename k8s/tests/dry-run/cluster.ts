import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../render/kube-object';
import { ApiServer } from './api-server';
import { clusterNames, planPods } from './pod-plan';
import { type Ending, RunningPod } from './running-pod';
import { eventually } from './eventually';

/**
 * Rendered manifests, run on this machine without Kubernetes: every pod's container is a process with the environment of the manifest, on
 * loopback addresses of its own, found by the names of the manifest's Services, probed and restarted as a kubelet does.
 *
 * What is not here: images, schedulers, users and read-only roots, limits, NetworkPolicies, budgets, rolling updates, and of the Kubernetes API all but what pods of ours ask for.
 */
export class Cluster {
  pods: readonly RunningPod[] = [];
  readonly directory = mkdtempSync(path.join(tmpdir(), 'raftway-dry-run-'));
  private readonly namesFile = path.join(this.directory, 'names.json');
  private readonly numbers = new Map<string, number>();

  private constructor(
    private objects: readonly KubeObject[],
    private readonly network: string,
    private readonly api: ApiServer,
  ) {}

  /**
   * Starts all pods at once, as Kubernetes does with Deployments and with `podManagementPolicy: Parallel`.
   *
   * @param prepare puts what pods have of Secrets into the directory, before they start.
   */
  static async start(
    objects: readonly KubeObject[],
    prepare?: (directory: string) => Promise<void>,
  ): Promise<Cluster> {
    const network = ownNetwork();
    const cluster = new Cluster(objects, network, await ApiServer.start(`${network}.254`));
    await prepare?.(cluster.directory);
    await cluster.apply(objects);
    return cluster;
  }

  /**
   * What `kubectl apply` does when only numbers of replicas have changed: pods that are new start, with the volumes that pods of their names had, and pods that are not there any more are ended, all at once. Resolves
   * when those have ended.
   */
  async apply(objects: readonly KubeObject[]): Promise<void> {
    this.objects = objects;
    this.api.apply(objects);
    const room = {
      network: this.network,
      directory: this.directory,
      numberOf: (name: string) => this.numberOf(name),
    };
    const plans = planPods(objects, room);
    const added = plans
      .filter(({ name }) => !this.pods.some(({ plan }) => plan.name === name))
      .map((plan) => new RunningPod(plan, this.namesFile, this.api, () => this.publishNames()));
    const surplus = this.pods.filter(({ plan }) => !plans.some(({ name }) => name === plan.name));
    this.pods = [...this.pods, ...added];
    this.publishNames();
    for (const pod of added) pod.start();
    await Promise.all(surplus.map((pod) => pod.stop()));
    this.pods = this.pods.filter((pod) => !surplus.includes(pod));
    this.publishNames();
  }

  /** Where the volumes of a pod are, by name; also of one that is not there now. */
  volumeOf(pod: string, volume: string): string {
    return path.join(this.directory, pod, volume);
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
    await this.api.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private describe(): string {
    return this.pods
      .filter(({ isReady }) => !isReady)
      .map((pod) => pod.describe())
      .join('\n\n');
  }

  private numberOf(name: string): number {
    const number = this.numbers.get(name) ?? this.numbers.size + 1;
    this.numbers.set(name, number);
    return number;
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
