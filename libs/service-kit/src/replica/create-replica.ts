import { unavailable } from '@raftway/errors';
import {
  clusterIdOf,
  createRaftNode,
  type Applied,
  type CallOptions,
  type RaftNode,
  type RaftObserver,
} from '@raftway/raft';
import { recordingSpan, withSpan } from '@raftway/observability';
import type { ServiceImplementation } from '../rpc/handlers';
import { reportDiskSpace } from './disk-space';
import { raftAdminService } from './raft-admin';
import { raftErrorToServiceError } from './raft-errors';
import { raftMetrics } from './raft-metrics';
import { raftTracing } from './raft-tracing';
import { defaultDataDir, foundingPeers, isFounder, nodeIdOfProcess } from './replica-identity';
import type { Replica, ReplicaCall, ReplicaSettings } from './replica-types';
import { untilKnown } from './until-known';
import { type StatefulSetMember, statefulSetMember } from './stateful-set/stateful-set';

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
  private readonly dataDir: string;
  private readonly lagEntriesMax: number;
  private readonly statefulSet: StatefulSetMember | undefined;
  private stopReporting: () => void = () => undefined;

  constructor(private readonly settings: ReplicaSettings<Result>) {
    const { service, options, metrics } = settings;
    this.nodeId = settings.node?.id ?? nodeIdOfProcess(service, options);
    this.dataDir = options.dataDir ?? defaultDataDir(service, this.nodeId, process.cwd());
    this.lagEntriesMax = settings.lagEntriesMax ?? LAG_ENTRIES_MAX_DEFAULT;
    const observer = raftMetrics(metrics, () => this.node.status());
    reportDiskSpace(metrics, settings.node === undefined ? this.dataDir : undefined);
    this.node =
      settings.node ??
      this.makeNode({
        ...observer,
        onAdmission: (peer, refusal) => this.statefulSet?.onAdmission(peer, refusal),
      });
    this.statefulSet = statefulSetMember(settings, this.node);
    this.services = [raftAdminService(this.node, service)];
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
    if (requestId === '')
      return this.translated(call, (options) => this.node.propose(command, options));
    return untilKnown(() =>
      this.translated(call, (options) => this.node.propose(command, { ...options, requestId })),
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
    const { dataDir } = this;
    return createRaftNode({
      id: this.nodeId,
      peers: foundingPeers(options, this.nodeId),
      // A directory that was restored from a backup has another one; every other has the default.
      clusterId: options.clusterId ?? clusterIdOf(dataDir) ?? service,
      stateMachine,
      dataDir,
      bindAddress: options.peerBind,
      initialState: isFounder(options, this.nodeId) ? options.initialState : 'existing',
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
}

/**
 * The replica gives up a moment before its caller does, so that the caller hears why. A call whose time is up still gets a positive timeout: the replica
 * answers with the error for that.
 */
function timeoutOf({ deadlineMs }: ReplicaCall): number | undefined {
  if (deadlineMs === undefined) return undefined;
  return Math.max(1, deadlineMs - Math.min(ANSWER_MARGIN_MS, deadlineMs * ANSWER_MARGIN_SHARE));
}
