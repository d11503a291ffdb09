import { raft } from '@raftway/contracts';
import { splitHostPort } from '@raftway/config';
import type { Metrics } from '@raftway/observability';
import { RaftError, type RaftNode } from '@raftway/raft';
import { createClient } from '../../client/create-client';
import type { ReplicaSettings } from '../replica-types';
import { AutoJoin } from './auto-join';
import { kubernetesAddress, KubernetesApi } from './kubernetes-api';
import { PodAddresses } from './pod-addresses';
import { ScaleDown } from './scale-down';

type Settings = Pick<ReplicaSettings<unknown>, 'options' | 'logger' | 'metrics' | 'tls'>;

/** A member's part in following its StatefulSet (ADR 028): it joins by itself, and as leader removes those whose pods are gone for good. */
export interface StatefulSetMember {
  /** What this replica waits for before it can be a member. */
  readonly waitsFor: string | undefined;
  /** Its leader does not count this replica among the members, whatever its own log says. */
  readonly isOutside: boolean;
  onAdmission(peer: number, refusal: string | undefined): void;
  start(): void;
  stop(): Promise<void>;
}

/**
 * The addresses of all pods, if the options ask for anything that needs them.
 *
 * @throws RaftError invalidOptions when the founding peers do not show how pods are called.
 */
export function podAddressesOf({
  raftAutoJoin,
  kubernetesStatefulSet,
  peers,
}: Settings['options']): PodAddresses | undefined {
  if (!raftAutoJoin && kubernetesStatefulSet === undefined) return undefined;
  const found = PodAddresses.from(peers ?? new Map());
  if (found !== undefined) return found;
  throw new RaftError(
    'invalidOptions',
    'RAFTWAY_RAFT_AUTO_JOIN and RAFTWAY_KUBERNETES_STATEFUL_SET need RAFTWAY_PEERS of the form 1=<name>-0.<service>:<port>,2=<name>-1.<service>:<port>, …: the pods of a StatefulSet',
  );
}

/**
 * The founding members but for one whose disk was lost and whose place this server takes: nobody is at that address under the old id any more.
 */
export function listedPeers(
  options: Settings['options'],
  nodeId: number,
): ReadonlyMap<number, string> {
  const own = podAddressesOf(options)?.of(nodeId);
  return new Map(
    [...(options.peers ?? [])].filter(([id, there]) => id === nodeId || there !== own),
  );
}

/** Undefined when the options do not ask for it. @throws RaftError invalidOptions */
export function statefulSetMember(
  settings: Settings,
  node: RaftNode<unknown>,
): StatefulSetMember | undefined {
  const { options, metrics } = settings;
  const pods = podAddressesOf(options);
  if (pods === undefined) return undefined;
  const api = kubernetesApiOf(options);
  const readSize = api && ((signal: AbortSignal) => api.readSize(signal));
  const join = options.raftAutoJoin ? autoJoin(settings, node, pods, readSize) : undefined;
  const scaleDown =
    readSize && new ScaleDown({ ...settings, ...counters(metrics), node, pods, readSize });
  return {
    get waitsFor() {
      return join?.waitsFor;
    },
    get isOutside() {
      return join?.isOutside ?? false;
    },
    onAdmission: (peer, refusal) => join?.onAdmission(peer, refusal),
    start: () => {
      join?.start();
      scaleDown?.start();
    },
    stop: async () => {
      await Promise.all([join?.stop(), scaleDown?.stop()]);
    },
  };
}

function autoJoin(
  { options, logger, metrics, tls }: Settings,
  node: RaftNode<unknown>,
  pods: PodAddresses,
  readSize: ConstructorParameters<typeof AutoJoin>[0]['readSize'],
): AutoJoin {
  const clientPort = splitHostPort(options.bind ?? '')?.port ?? 0;
  if (clientPort === 0) {
    throw new RaftError('invalidOptions', 'RAFTWAY_RAFT_AUTO_JOIN needs RAFTWAY_BIND with a port');
  }
  const asked = metrics.counter({
    name: 'raftway_raft_join_requests_total',
    help: 'Times that this replica asked its leader to be added.',
  });
  return new AutoJoin({
    node,
    pods,
    listed: listedPeers(options, node.id),
    clientPort,
    connect: (address) =>
      createClient(raft.RaftAdminServiceService, address, { tls, shareChannel: false }),
    readSize,
    logger,
    onAsked: () => asked.increment({}),
  });
}

function kubernetesApiOf(options: Settings['options']): KubernetesApi | undefined {
  const { kubernetesStatefulSet, kubernetesCredentials } = options;
  if (kubernetesStatefulSet === undefined) return undefined;
  const address = kubernetesAddress(process.env);
  if (address === undefined) {
    throw new RaftError(
      'invalidOptions',
      'RAFTWAY_KUBERNETES_STATEFUL_SET is set, but KUBERNETES_SERVICE_HOST is not: this is no pod of a cluster',
    );
  }
  return new KubernetesApi(address, kubernetesStatefulSet, kubernetesCredentials);
}

function counters(metrics: Metrics): { onRemoved: () => void; onReadFailed: () => void } {
  const removed = metrics.counter({
    name: 'raftway_raft_members_scaled_down_total',
    help: 'Members that this leader removed because its StatefulSet has no such pod any more.',
  });
  const failed = metrics.counter({
    name: 'raftway_kubernetes_reads_failed_total',
    help: 'Questions to the Kubernetes API for the size of the StatefulSet that had no answer; meanwhile nobody is removed.',
  });
  return { onRemoved: () => removed.increment({}), onReadFailed: () => failed.increment({}) };
}
