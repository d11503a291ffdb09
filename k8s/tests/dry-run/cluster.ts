import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../render/kube-object';
import { type Workload, workloadNamed, workloads } from '../support/workloads';
import { ApiServer } from './api-server';
import { ClusterIp } from './cluster-ip';
import { eventually } from './eventually';
import { planPod, POD_NUMBER_MAX, podName, podNames } from './pod-plan';
import { type Ending, RunningPod } from './running-pod';
import { clusterNames, endpointsOf, planServices, type ServicePlan } from './service-plan';

/** How long after a change of readiness Services and names follow: in a cluster an API server, a controller and each node hear of it first. */
const NETWORK_LAG_MS = 1_000;

/**
 * Rendered manifests, run on this machine without Kubernetes: every pod's container is a process with the environment of the manifest, on
 * loopback addresses of its own, found by the names of the manifest's Services and their cluster IPs, probed and restarted as a kubelet does.
 *
 * What is not here: images, schedulers, users and read-only roots, limits, NetworkPolicies, budgets, and of the Kubernetes API all but what pods of ours ask for.
 */
export class Cluster {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'raftway-dry-run-'));
  private readonly services: readonly ServicePlan[];
  private readonly clusterIps: readonly ClusterIp[];
  private running: RunningPod[] = [];
  /** Those that were free for longest first: a pod's address stands for nobody for a while after it. */
  private readonly freeNumbers = Array.from({ length: POD_NUMBER_MAX }, (_, index) => index + 1);
  private readonly namesFile = path.join(this.directory, 'names.json');
  private podsMade = 0;
  /** What Services lead to, by Service. */
  private readonly endpoints = new Map<ServicePlan, readonly string[]>();
  private readonly lagging = new Set<NodeJS.Timeout>();

  private constructor(
    private objects: readonly KubeObject[],
    private readonly network: string,
    private readonly api: ApiServer,
  ) {
    this.services = planServices(objects, workloads(objects), network);
    this.clusterIps = this.services.flatMap((service) => {
      const { clusterIp, ports } = service;
      if (clusterIp === undefined) return [];
      return [new ClusterIp(clusterIp, ports, () => this.endpoints.get(service) ?? [])];
    });
  }

  /**
   * Starts all pods at once, as Kubernetes does with Deployments and with `podManagementPolicy: Parallel`. When it fails, nothing is left of it.
   *
   * @param prepare puts what pods have of Secrets into the directory, before they start.
   */
  static async start(
    objects: readonly KubeObject[],
    prepare?: (directory: string) => Promise<void>,
  ): Promise<Cluster> {
    const network = ownNetwork();
    const cluster = new Cluster(objects, network, await ApiServer.start(`${network}.254`));
    try {
      await prepare?.(cluster.directory);
      await Promise.all(cluster.clusterIps.map((clusterIp) => clusterIp.listen()));
      await cluster.apply(objects);
      return cluster;
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
  }

  /**
   * What `kubectl apply` does when only numbers of replicas have changed: pods that are new start, with the volumes that pods of their names had, and pods that are not there any more are ended, all at once. Resolves
   * when those have ended.
   */
  async apply(objects: readonly KubeObject[]): Promise<void> {
    this.objects = objects;
    this.api.apply(objects);
    const wanted = workloads(objects).flatMap((workload) =>
      podNames(workload).map((name) => ({ workload, name })),
    );
    const surplus = this.running.filter(({ plan }) =>
      wanted.every(({ name }) => name !== plan.name),
    );
    const added = wanted
      .filter(({ name }) => this.running.every(({ plan }) => plan.name !== name))
      .map(({ workload, name }) => this.makePod(workload, name));
    this.running.push(...added);
    this.publish();
    for (const pod of added) pod.start();
    await Promise.all(surplus.map((pod) => this.deletePod(pod)));
  }

  /** Those that were not deleted. */
  get pods(): readonly RunningPod[] {
    return this.running;
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

  /** Waits until Services and names have followed all that has become ready. */
  async known(timeoutMs: number): Promise<void> {
    await eventually('Services have heard of it', timeoutMs, () => this.lagging.size === 0);
  }

  /** @throws Error when there is none. */
  workload(name: string): Workload {
    return workloadNamed(this.objects, name);
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

  /** `ip:port` of a Service's first port, for callers within the cluster. @throws Error for one without a cluster IP. */
  addressOf(service: string): string {
    const plan = this.services.find(({ object }) => object.metadata.name === service);
    const [port] = plan?.ports ?? [];
    if (plan?.clusterIp === undefined || port === undefined) {
      throw new Error(`there is no cluster IP of ${service}`);
    }
    return `${plan.clusterIp}:${port.port}`;
  }

  /**
   * Starts one more pod of a workload, on an address that no pod had lately.
   *
   * @param name of a StatefulSet's pod that was deleted. @default a new one, as a Deployment's pods have.
   */
  startPod(workload: Workload, name = podName(workload, this.podsMade)): RunningPod {
    const pod = this.makePod(workload, name);
    this.running.push(pod);
    this.onReadiness();
    pod.start();
    return pod;
  }

  /** Deletes a pod: it gets no new connections and SIGTERM at the same time. Yields how it ended. */
  async deletePod(pod: RunningPod): Promise<Ending | undefined> {
    const ending = await pod.stop();
    this.running.splice(this.running.indexOf(pod), 1);
    this.freeNumbers.push(Number(pod.plan.ip.split('.').at(-1)));
    this.onReadiness();
    return ending;
  }

  /** Ends all pods at once; yields how each ended. */
  async stop(): Promise<Map<string, Ending | undefined>> {
    const endings = await Promise.all(
      this.pods.map(async (pod) => [pod.plan.name, await pod.stop()] as const),
    );
    for (const timer of this.lagging) clearTimeout(timer);
    await Promise.all(this.clusterIps.map((clusterIp) => clusterIp.close()));
    return new Map(endings);
  }

  /** Stops what still runs, and removes the volumes: for afterAll. */
  async dispose(): Promise<void> {
    await this.stop();
    await this.api.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private makePod(workload: Workload, name: string): RunningPod {
    const number = this.freeNumbers.shift();
    if (number === undefined) throw new Error('there is no address for another pod');
    this.podsMade += 1;
    const { network, directory } = this;
    const plan = planPod(this.objects, workload, name, number, { network, directory });
    return new RunningPod(plan, this.namesFile, this.api, () => this.onReadiness());
  }

  private onReadiness(): void {
    const timer = setTimeout(() => {
      this.lagging.delete(timer);
      this.publish();
    }, NETWORK_LAG_MS);
    this.lagging.add(timer);
  }

  /** Names in one step: a process may be reading. */
  private publish(): void {
    for (const service of this.services) {
      const found = endpointsOf(service, this.running).map(({ plan }) => plan.ip);
      this.endpoints.set(service, found);
    }
    const next = `${this.namesFile}.next`;
    writeFileSync(next, JSON.stringify(clusterNames(this.services, this.running)));
    renameSync(next, this.namesFile);
  }

  private describe(): string {
    return this.pods
      .filter(({ isReady }) => !isReady)
      .map((pod) => pod.describe())
      .join('\n\n');
  }
}

/** Different for each process, so that two dry runs on one machine do not meet. */
function ownNetwork(): string {
  return `127.${16 + (process.pid % 200)}.${1 + (Math.floor(process.pid / 200) % 250)}`;
}
