import {
  RaftError,
  type Applied,
  type CallOptions,
  type RaftNode,
  type RaftStatus,
} from '@raftway/raft';
import type { RegistryStateMachine } from '../domain/registry-state-machine';
import type { RegistryResult } from '../domain/results';

/**
 * A group of one without disk and clock, for specs: a proposal is applied at once, at the log-clock time that the spec sets. It can lose
 * its leader, and be told to hold proposals back.
 */
export class ImmediateNode implements RaftNode<RegistryResult> {
  readonly id = 1;
  nowMs = 0;
  hasLeader = true;
  /** Commands that were applied. */
  readonly commands: Uint8Array[] = [];
  private index = 0;
  private held: (() => void)[] | undefined;
  private readonly results = new Map<string, RegistryResult>();
  private readonly appliedListeners = new Set<(index: number) => void>();
  private readonly statusListeners = new Set<(status: RaftStatus) => void>();

  constructor(readonly machine: RegistryStateMachine) {}

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  async propose(command: Uint8Array, options: CallOptions = {}): Promise<Applied<RegistryResult>> {
    this.requireLeader();
    const { held } = this;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
    const { requestId = '' } = options;
    const context = this.nextContext();
    this.machine.expire(context);
    const known = requestId === '' ? undefined : this.results.get(requestId);
    const result = known ?? this.machine.apply(command, context);
    if (requestId !== '') this.results.set(requestId, result);
    this.commands.push(command);
    this.tellApplied();
    return { ...context, result };
  }

  async readBarrier(): Promise<void> {
    await Promise.resolve();
    this.requireLeader();
  }

  /** Everything is applied at once. */
  localRead(): number {
    return 0;
  }

  /** Lets the log clock pass, as an expiry entry does. */
  passTime(ms: number): void {
    this.nowMs += ms;
    this.machine.expire(this.nextContext());
    this.tellApplied();
  }

  /** Replaces the state by a snapshot of another machine, as a leader's InstallSnapshot does. */
  install(snapshot: Uint8Array): void {
    this.machine.restore(snapshot);
    this.tellApplied();
  }

  /** Proposals wait until release() is called. */
  hold(): void {
    this.held = [];
  }

  release(): void {
    const waiting = this.held ?? [];
    this.held = undefined;
    for (const proceed of waiting) proceed();
  }

  status(): RaftStatus {
    const { index } = this;
    return {
      id: this.id,
      clusterId: 'registry',
      role: this.hasLeader ? 'leader' : 'follower',
      term: 1,
      leaderId: this.hasLeader ? this.id : 0,
      firstIndex: 1,
      lastIndex: index,
      commitIndex: index,
      appliedIndex: index,
      snapshotIndex: 0,
      storage: { snapshots: 0, snapshotBytes: 0, incomingBytes: 0, segments: 0, segmentBytes: 0 },
      standing: 'voter',
      configurationIndex: 1,
      joint: false,
      priority: 50,
      members: [],
      logClockMs: this.nowMs,
      diskFull: false,
      uncommittedEntries: 0,
      uncommittedBytes: 0,
    };
  }

  isReady(): boolean {
    return true;
  }

  onApplied(listener: (index: number) => void): () => void {
    this.appliedListeners.add(listener);
    return () => void this.appliedListeners.delete(listener);
  }

  onStatusChange(listener: (status: RaftStatus) => void): () => void {
    this.statusListeners.add(listener);
    return () => void this.statusListeners.delete(listener);
  }

  transferLeadership(): Promise<number> {
    return Promise.resolve(this.id);
  }

  changeMembers(): Promise<never> {
    return Promise.reject(new RaftError('invalidChange', 'this is a group of one'));
  }

  addServer(): Promise<never> {
    return this.changeMembers();
  }

  removeServer(): Promise<never> {
    return this.changeMembers();
  }

  takeSnapshot(): Promise<{ index: number; sizeBytes: number }> {
    const sizeBytes = this.machine.snapshot().byteLength;
    return Promise.resolve({ index: this.index, sizeBytes });
  }

  backup(): Promise<never> {
    return Promise.reject(new RaftError('stopped', 'a group without a log has no backups'));
  }

  private requireLeader(): void {
    if (!this.hasLeader) throw new RaftError('noLeader', 'no leader is known');
  }

  private nextContext(): { index: number; nowMs: number } {
    this.index += 1;
    return { index: this.index, nowMs: this.nowMs };
  }

  private tellApplied(): void {
    for (const listener of this.appliedListeners) listener(this.index);
  }
}
