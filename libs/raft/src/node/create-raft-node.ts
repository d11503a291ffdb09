import { Role, type ServerId } from '../core';
import { RaftError } from '../errors';
import type { Applied, CallOptions, RaftNode, RaftStatus } from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import type { Recovered, Storage } from '../storage/storage';
import { GrpcTransport } from '../transport/grpc-transport';
import type { Transport } from '../transport/transport';
import { Driver } from './driver';
import {
  type RaftNodeOptions,
  resolveRaftNodeOptions,
  type ResolvedRaftNodeOptions,
} from './options';

/**
 * Makes one replica of a Raft group. Nothing happens before start().
 *
 * @throws RaftError `invalidOptions` with one sentence that names the rule.
 */
export function createRaftNode<Result>(options: RaftNodeOptions<Result>): RaftNode<Result> {
  return new DrivenRaftNode(resolveRaftNodeOptions(options));
}

class DrivenRaftNode<Result> implements RaftNode<Result> {
  private driver: Driver<Result> | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private readonly storage: Storage;
  /** Registered before start; given to the driver when there is one. */
  private readonly early: ((driver: Driver<Result>) => void)[] = [];

  constructor(private readonly options: ResolvedRaftNodeOptions<Result>) {
    this.storage = options.storage ?? openFiles(options);
  }

  get id(): ServerId {
    return this.options.id;
  }

  start(): Promise<void> {
    this.starting ??= this.begin();
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  propose(command: Uint8Array, options: CallOptions = {}): Promise<Applied<Result>> {
    return this.driver?.propose(command, options) ?? Promise.reject(notRunning());
  }

  readBarrier(options: CallOptions = {}): Promise<void> {
    return this.driver?.readBarrier(options) ?? Promise.reject(notRunning());
  }

  status(): RaftStatus {
    return this.driver?.status() ?? unstarted(this.options);
  }

  isReady(): boolean {
    return this.driver?.isRunning ?? false;
  }

  onApplied(listener: (index: number) => void): () => void {
    return this.listen((driver) => driver.appliedListeners.add(listener));
  }

  onStatusChange(listener: (status: RaftStatus) => void): () => void {
    return this.listen((driver) => driver.statusListeners.add(listener));
  }

  async transferLeadership(target: ServerId = 0): Promise<ServerId> {
    const driver = this.running();
    const { leaderId, members } = driver.status();
    if (leaderId === 0) throw new RaftError('noLeader', 'there is no leader that could hand over');
    if (target === leaderId) return leaderId;
    if (target !== 0 && !members.some(({ id, voter }) => id === target && voter)) {
      throw new RaftError('transferFailed', `server ${target} is not a voter of this group`);
    }
    const moved = this.waitForLeader(
      (candidate) => candidate !== 0 && candidate !== leaderId,
      2 * this.options.electionTimeoutMs,
    );
    driver.input({ type: 'transferLeadership', target });
    const elected = await moved;
    if (elected === undefined) {
      throw new RaftError('transferFailed', `server ${leaderId} did not hand over in time`);
    }
    if (target !== 0 && elected !== target) {
      throw new RaftError('transferFailed', `server ${elected} was elected instead of ${target}`);
    }
    return elected;
  }

  takeSnapshot(): Promise<{ index: number; sizeBytes: number }> {
    return Promise.resolve().then(() => this.running().snapshots.take());
  }

  private async begin(): Promise<void> {
    const { options, storage } = this;
    const recovered = await storage.open();
    let driver: Driver<Result> | undefined;
    try {
      if (recovered.empty && options.initialState === 'existing') {
        throw new RaftError(
          'invalidOptions',
          `the data directory of server ${options.id} is empty, and initialState says that it has taken part in its group: restore the ` +
            'directory, or start a new server under a new id',
        );
      }
      driver = new Driver(options, recovered, storage, this.transportFor(recovered));
      for (const register of this.early) register(driver);
      const found = recovered.snapshot === undefined ? undefined : await storage.loadSnapshot();
      if (found !== undefined) driver.restore(found.snapshot, found.data);
      await driver.start();
      this.driver = driver;
    } catch (error) {
      await driver?.stop();
      await storage.close();
      throw error;
    }
  }

  private transportFor({ incarnationId, peerIncarnations }: Recovered): Transport {
    const { options, storage } = this;
    const identity = {
      incarnationId,
      peerIncarnations,
      rememberPeer: (id: ServerId, incarnation: string) => storage.rememberPeer(id, incarnation),
    };
    if (options.transport !== undefined) return options.transport(identity);
    return new GrpcTransport({
      ...identity,
      id: options.id,
      clusterId: options.clusterId,
      members: options.members,
      bindAddress: options.bindAddress,
      channelCredentials: options.channelCredentials,
      serverCredentials: options.serverCredentials,
      limits: options.transportLimits,
      logger: options.logger,
      observer: options.observer,
    });
  }

  private async end(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const driver = this.driver;
    if (driver === undefined) return;
    if (driver.isRunning) {
      driver.refuseCalls();
      await this.handOver(driver);
      await driver.drain(this.options.electionTimeoutMs);
    }
    await driver.stop();
    await this.storage.close();
  }

  /** A leader that just vanished would cost the group an election timeout. */
  private async handOver(driver: Driver<Result>): Promise<void> {
    const voters = driver.status().members.filter(({ voter }) => voter);
    if (driver.raft.role !== Role.leader || voters.length < 2) return;
    const moved = this.waitForLeader(
      (candidate) => candidate !== 0 && candidate !== this.id,
      this.options.electionTimeoutMs,
    );
    driver.input({ type: 'transferLeadership', target: 0 });
    if ((await moved) === undefined) return;
    // Until the others have heard of the new leader they send their proposals here, and a refusal is better for them than silence.
    const lingerMs = 2 * this.options.heartbeatIntervalMs;
    await new Promise((resolve) => setTimeout(resolve, lingerMs));
  }

  /** The leader's id once it satisfies the condition; undefined when the time is over. */
  private waitForLeader(
    condition: (leaderId: ServerId) => boolean,
    timeoutMs: number,
  ): Promise<ServerId | undefined> {
    const driver = this.driver as Driver<Result>;
    return new Promise((resolve) => {
      const finish = (leaderId: ServerId | undefined): void => {
        clearTimeout(timer);
        remove();
        resolve(leaderId);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      const remove = driver.statusListeners.add(({ leaderId }) => {
        if (condition(leaderId)) finish(leaderId);
      });
    });
  }

  private listen(register: (driver: Driver<Result>) => () => void): () => void {
    if (this.driver !== undefined) return register(this.driver);
    let remove: (() => void) | undefined;
    let removed = false;
    this.early.push((driver) => {
      if (!removed) remove = register(driver);
    });
    return () => {
      removed = true;
      remove?.();
    };
  }

  private running(): Driver<Result> {
    if (this.driver?.isRunning !== true) throw notRunning();
    return this.driver;
  }
}

function openFiles<Result>(options: ResolvedRaftNodeOptions<Result>): Storage {
  return new FileStorage({
    directory: options.dataDir as string,
    nodeId: options.id,
    clusterId: options.clusterId,
    segmentBytes: options.segmentBytes,
  });
}

function notRunning(): RaftError {
  return new RaftError('stopped', 'this replica is not running');
}

function unstarted<Result>(options: ResolvedRaftNodeOptions<Result>): RaftStatus {
  return {
    id: options.id,
    clusterId: options.clusterId,
    role: Role.follower,
    term: 0,
    leaderId: 0,
    firstIndex: 1,
    lastIndex: 0,
    commitIndex: 0,
    appliedIndex: 0,
    snapshotIndex: 0,
    standing: 'waiting',
    configurationIndex: 0,
    joint: false,
    members: options.members.map((member) => ({ ...member, matchIndex: 0, lastContactMs: 0 })),
    logClockMs: 0,
  };
}
