import { hostname } from 'node:os';
import { unavailable } from '@raftway/errors';
import {
  createRaftNode,
  nodeIdOf,
  type Applied,
  type CallOptions,
  type PeerOption,
  type RaftNode,
  type RaftObserver,
} from '@raftway/raft';
import { recordingSpan, withSpan } from '@raftway/observability';
import type { ServiceImplementation } from '../rpc/handlers';
import { raftAdminService } from './raft-admin';
import { raftErrorToServiceError } from './raft-errors';
import { raftMetrics } from './raft-metrics';
import { raftTracing } from './raft-tracing';
import { defaultDataDir, nodeIdFromHostName } from './replica-identity';
import type { Replica, ReplicaCall, ReplicaSettings } from './replica-types';
import { ordinalOf, serverIdOf } from './stateful-set/pod-addresses';
import {
  listedPeers,
  podAddressesOf,
  type StatefulSetMember,
  statefulSetMember,
} from './stateful-set/stateful-set';

/** What an answer needs to its caller, of the time that the caller allows. */
const ANSWER_MARGIN_MS = 100;
const ANSWER_MARGIN_SHARE = 0.1;
/** How far behind a replica may be and still be called healthy, in entries. */
const LAG_ENTRIES_MAX_DEFAULT = 10_000;
/** Lag is read, not announced; changes of leader are announced. */
const HEALTH_INTERVAL_MS = 250;

/**
 * Makes one replica of a replicated app from its options; nothing happens before start().
 *
 * @throws RaftError `invalidOptions` for options that contradict each other.
 */
export function createReplica<Result>(settings: ReplicaSettings<Result>): Replica<Result> {
  return new RaftReplica(settings);
}

class RaftReplica<Result> implements Replica<Result> {
  readonly node: RaftNode<Result>;
  readonly nodeId: number;
  readonly services: readonly ServiceImplementation[];
  private readonly lagEntriesMax: number;
  private readonly statefulSet: StatefulSetMember | undefined;
  private stopReporting: () => void = () => undefined;

  constructor(private readonly settings: ReplicaSettings<Result>) {
    this.nodeId = settings.node?.id ?? nodeIdOfProcess(settings);
    this.lagEntriesMax = settings.lagEntriesMax ?? LAG_ENTRIES_MAX_DEFAULT;
    const observer = raftMetrics(settings.metrics, () => this.node.status());
    this.node =
      settings.node ??
      this.makeNode({
        ...observer,
        onAdmission: (peer, refusal) => this.statefulSet?.onAdmission(peer, refusal),
      });
    this.statefulSet = statefulSetMember(settings, this.node);
    this.services = [raftAdminService(this.node)];
  }

  async start(): Promise<void> {
    await this.node.start();
    this.statefulSet?.start();
  }

  async stop(): Promise<void> {
    this.stopReporting();
    await this.statefulSet?.stop();
    await this.node.stop();
  }

  whenUseful(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!this.node.isReady() || this.node.status().leaderId === 0) return;
        unsubscribe();
        resolve();
      };
      const unsubscribe = this.node.onStatusChange(look);
      const giveUp = (): void => {
        unsubscribe();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      else look();
    });
  }

  readiness(): true | string {
    if (this.node.isReady() && this.statefulSet?.isOutside !== true) return true;
    const reason = 'the replica does not take part in its group';
    const waitsFor = this.statefulSet?.waitsFor;
    return waitsFor === undefined ? reason : `${reason}: ${waitsFor}`;
  }

  reportServing(setServingStatus: (service: string, serving: boolean) => void): void {
    const report = (): void => {
      const { leaderId, commitIndex, appliedIndex } = this.node.status();
      const current = commitIndex - appliedIndex <= this.lagEntriesMax;
      const serving = this.node.isReady() && leaderId !== 0 && current;
      for (const service of this.settings.grpcServices) setServingStatus(service, serving);
    };
    report();
    const unsubscribe = this.node.onStatusChange(report);
    const timer = setInterval(report, HEALTH_INTERVAL_MS);
    timer.unref();
    this.stopReporting = () => {
      unsubscribe();
      clearInterval(timer);
    };
  }

  propose(command: Uint8Array, call: ReplicaCall, requestId = ''): Promise<Applied<Result>> {
    return this.translated(call, (options) =>
      this.node.propose(command, requestId === '' ? options : { ...options, requestId }),
    );
  }

  read(call: ReplicaCall): Promise<void> {
    const read = (): Promise<void> =>
      this.translated(call, (options) => this.node.readBarrier(options));
    return recordingSpan() === undefined
      ? read()
      : withSpan('@raftway/raft', 'raft.read', {}, read);
  }

  private async translated<Value>(
    call: ReplicaCall,
    work: (options: CallOptions) => Promise<Value>,
  ): Promise<Value> {
    if (!this.node.isReady()) {
      throw unavailable('NOT_READY', 'this replica does not take part in its group');
    }
    try {
      return await work({ signal: call.signal, timeoutMs: timeoutOf(call) });
    } catch (error) {
      const answer = raftErrorToServiceError(error);
      if (answer.reason === 'INTERNAL') throw error;
      throw answer;
    }
  }

  private makeNode(observer: RaftObserver): RaftNode<Result> {
    const { service, options, stateMachine, logger, tls } = this.settings;
    const dataDir = options.dataDir ?? defaultDataDir(service, this.nodeId, process.cwd());
    return createRaftNode({
      id: this.nodeId,
      peers: this.peers(),
      clusterId: options.clusterId ?? service,
      stateMachine,
      dataDir,
      bindAddress: options.peerBind,
      initialState: this.isFounder() ? options.initialState : 'existing',
      priority: options.raftPriority,
      logger: logger.tracer('raft'),
      observer,
      tracing: raftTracing(),
      tls,
      onFatal: (error) => {
        logger.fatal('the replica cannot go on', { error, dataDir });
        process.exit(1);
      },
    });
  }

  /** Other pods of its StatefulSet come later: with an empty directory they wait to be added. */
  private isFounder(): boolean {
    const { raftAutoJoin, raftJoinGeneration, peers } = this.settings.options;
    if (!raftAutoJoin) return true;
    return peers?.has(this.nodeId) === true && raftJoinGeneration === 0;
  }

  private peers(): PeerOption[] {
    const { options } = this.settings;
    const { peers, peerBind } = options;
    if (peers === undefined) return [{ id: this.nodeId, address: peerBind }];
    const listed = new Map(listedPeers(options, this.nodeId));
    const pods = podAddressesOf(options);
    if (pods !== undefined && !listed.has(this.nodeId)) {
      listed.set(this.nodeId, pods.of(this.nodeId));
    }
    return [...listed].map(([id, address]) => ({ id, address }));
  }
}

/** A pod that joins has the id that its directory was first used under, or that of the present generation. */
function nodeIdOfProcess({ service, options }: ReplicaSettings<unknown>): number {
  const { nodeId, raftAutoJoin, raftJoinGeneration } = options;
  if (nodeId !== undefined) return nodeId;
  const first = nodeIdFromHostName(hostname());
  if (!raftAutoJoin) return first;
  const dataDir = options.dataDir ?? defaultDataDir(service, first, process.cwd());
  const ordinal = ordinalOf(first);
  const used = nodeIdOf(dataDir);
  if (used === undefined) return serverIdOf(ordinal, raftJoinGeneration);
  // Another pod's directory is refused when it is opened under this one's id.
  return ordinalOf(used) === ordinal ? used : first;
}

/**
 * The replica gives up a moment before its caller does, so that the caller hears why. A call whose time is up still gets a positive timeout: the replica
 * answers with the error for that.
 */
function timeoutOf({ deadlineMs }: ReplicaCall): number | undefined {
  if (deadlineMs === undefined) return undefined;
  return Math.max(1, deadlineMs - Math.min(ANSWER_MARGIN_MS, deadlineMs * ANSWER_MARGIN_SHARE));
}
