import { type MemberChange, Role, type ServerId } from '../core';
import { RaftError } from '../errors';
import type {
  Applied,
  BackupRequest,
  CallOptions,
  MembersChanged,
  NewServer,
  RaftNode,
  RaftStatus,
  ReadOptions,
} from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import type { Recovered, Storage } from '../storage/storage';
import { GrpcTransport } from '../transport/grpc-transport';
import type { Transport } from '../transport/transport';
import { addServer } from './add-server';
import { Driver } from './driver';
import { localRead } from './local-read';
import {
  type RaftNodeOptions,
  resolveRaftNodeOptions,
  type ResolvedRaftNodeOptions,
} from './options';
import { waitForStatus } from './wait-for-status';

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

  readBarrier(options: ReadOptions = {}): Promise<void> {
    return this.driver?.readBarrier(options) ?? Promise.reject(notRunning());
  }

  localRead({ maxStalenessMs }: { readonly maxStalenessMs: number }): number {
    const { raft, appliedIndex } = this.running();
    return localRead(raft, appliedIndex, maxStalenessMs);
  }

  status(): RaftStatus {
    return this.driver?.status() ?? unstarted(this.options);
  }

  isReady(): boolean {
    const { driver } = this;
    if (driver?.isRunning !== true) return false;
    const { standing } = driver.raft;
    return standing === 'voter' || standing === 'learner';
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

  changeMembers(
    changes: readonly MemberChange[],
    options: CallOptions = {},
  ): Promise<MembersChanged> {
    return Promise.resolve().then(() => this.running().membership.change(changes, options));
  }

  addServer(server: NewServer, options: CallOptions = {}): Promise<MembersChanged> {
    return Promise.resolve().then(() => addServer(this.running(), server, options));
  }

  removeServer(id: ServerId, options: CallOptions = {}): Promise<MembersChanged> {
    return this.changeMembers([{ type: 'remove', id }], options);
  }

  takeSnapshot(): Promise<{ index: number; sizeBytes: number }> {
    return Promise.resolve().then(() => this.running().snapshots.take());
  }

  async backup(request: BackupRequest): Promise<AsyncIterableIterator<Buffer>> {
    await this.readBarrier(request);
    return this.running().snapshots.backups.begin(request);
  }

  private async begin(): Promise<void> {
    const { options, storage } = this;
    const recovered = await storage.open();
    let driver: Driver<Result> | undefined;
    try {
      const waits = recovered.empty && options.initialState === 'existing';
      if (waits && options.members.length === 1) {
        throw new RaftError(
          'invalidOptions',
          `the data directory of server ${options.id} is empty, initialState says that its group exists, and no other peer is named that could be in it: ` +
            'restore the directory, or name the members of the group that is to add this server',
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
      guests: true,
      bindAddress: options.bindAddress,
      limits: options.transportLimits,
      tls: options.tls,
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
      await drain(driver, this.options.electionTimeoutMs);
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
  private async waitForLeader(
    condition: (leaderId: ServerId) => boolean,
    timeoutMs: number,
  ): Promise<ServerId | undefined> {
    const driver = this.driver as Driver<Result>;
    const found = await waitForStatus(driver, ({ leaderId }) => condition(leaderId), timeoutMs);
    return found?.leaderId;
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
    snapshotChunkBytes: options.snapshotChunkBytes,
  });
}

/** Resolves when no proposal waits any longer, or when the time is over. */
async function drain<Result>(driver: Driver<Result>, timeoutMs: number): Promise<void> {
  const giveUpMs = performance.now() + timeoutMs;
  while (driver.pendingProposals > 0 && performance.now() < giveUpMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
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
    priority: options.priority,
    members: options.members.map((member) => ({
      ...member,
      matchIndex: 0,
      lastContactMs: 0,
      priority: undefined,
      inflightAppends: 0,
      diverged: false,
    })),
    logClockMs: 0,
    diskFull: false,
    uncommittedEntries: 0,
    uncommittedBytes: 0,
    storage: { snapshots: 0, snapshotBytes: 0, incomingBytes: 0, segments: 0, segmentBytes: 0 },
  };
}
