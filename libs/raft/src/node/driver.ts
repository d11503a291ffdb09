/*
 * The driver: runs a Raft core on real time, a disk and a network.
 *
 * One turn of the event loop gathers what has happened (calls, messages, time, finished writes), tells the core, and does what the core's
 * Ready says: sends at once, one write at a time with everything in it that came meanwhile, sends after the write, applies. So a batch grows
 * with the load by itself: at one call in flight every call has a sync of its own and waits for nothing else, at a thousand they share.
 *
 * Turns run in the check phase (setImmediate), after the poll phase has read all sockets: what arrived together is stepped together.
 */
import { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import {
  type Entry,
  EntryKind,
  type Input,
  type Message,
  type Ready,
  Role,
  type ServerId,
  type SnapshotMetadata,
  type Term,
} from '../core';
import type { Raft } from '../core/raft';
import type { Applied, CallOptions, RaftStatus, ReadOptions } from '../raft-node';
import type { Recovered, Storage } from '../storage/storage';
import type { Transport } from '../transport/transport';
import { ApplyQueue } from './apply-queue';
import { leaderBacklog, refuse, stopped } from './call-limits';
import { CommitNotices } from './commit-notices';
import { createCore } from './create-core';
import { forwardedTickets } from './forwarded-tickets';
import { LeaseExpiry } from './lease-expiry';
import { Listeners } from './listeners';
import { Membership } from './membership';
import type { ResolvedRaftNodeOptions } from './options';
import { PendingProposals } from './pending-proposals';
import { ReadCalls } from './read-calls';
import { logNoSpace, PersistQueue } from './persist-queue';
import { Snapshots } from './snapshots';
import { SuspicionWatch } from './suspicion-watch';
import { Telemetry } from './telemetry';
import { Ticker } from './ticker';

/** How long the state machine may run before the event loop gets a turn. */
const APPLY_BUDGET_MS = 10;
/** Keeps one forwarded message small beside the link's limits. */
const TURN_PROPOSALS_MAX = 4096;
const TURN_BYTES_MAX = 4 * 1024 * 1024;
const SWEEP_INTERVAL_MS = 25;
/** How long an old leader's answers may be on their way after it was replaced. */
const LATE_ANSWER_HEARTBEATS = 4;

/** See the head of this file. One life: recovered, started, stopped. */
export class Driver<Result> {
  readonly raft: Raft;
  readonly appliedListeners: Listeners<number>;
  readonly statusListeners: Listeners<RaftStatus>;
  readonly snapshots: Snapshots<Result>;
  readonly membership: Membership;
  private readonly proposals: PendingProposals<Result>;
  private readonly reads: ReadCalls;
  private readonly persistQueue: PersistQueue;
  private readonly applyQueue: ApplyQueue<Result>;
  private readonly ticker: Ticker;
  private readonly leaseExpiry: LeaseExpiry<Result>;
  private readonly suspicion: SuspicionWatch;
  private readonly outgoing: CommitNotices;
  private readonly telemetry: Telemetry;
  private inputs: Input[] = [];
  private nextTicket = 1;
  private turnScheduled = false;
  private lastSweepMs = 0;
  private lastStatus = { role: Role.follower as string, term: 0, leaderId: 0 };
  private state: 'running' | 'stopping' | 'stopped' = 'running';

  constructor(
    private readonly options: ResolvedRaftNodeOptions<Result>,
    recovered: Recovered,
    private readonly storage: Storage,
    private readonly transport: Transport,
  ) {
    const { logger, compareEveryEntries } = options;
    this.telemetry = new Telemetry(options);
    this.outgoing = new CommitNotices((messages) => this.send(messages));
    this.appliedListeners = new Listeners(logger);
    this.statusListeners = new Listeners(logger);
    const stateMachine = new DeduplicatedStateMachine(options.stateMachine, compareEveryEntries);
    this.proposals = new PendingProposals(
      { countMax: options.pendingProposalsMax, bytesMax: options.pendingProposalBytesMax },
      (startedMs, error) => this.telemetry.proposalSettled(startedMs, error),
      (index) => this.raft.troubleWith(index),
      () => leaderBacklog(this.raft, options),
    );
    this.reads = new ReadCalls(options.pendingReadsMax, (startedMs, error) =>
      this.telemetry.readSettled(startedMs, error),
    );
    this.raft = createCore(options, recovered);
    this.ticker = new Ticker(
      options.heartbeatIntervalMs,
      options.electionTimeoutMs / 2,
      (nowMs) => this.tick(nowMs),
      (durationMs) => logger.warn('the event loop stood still', { durationMs }),
    );
    this.leaseExpiry = new LeaseExpiry(this.raft, stateMachine);
    this.applyQueue = new ApplyQueue(stateMachine, this.proposals, (entry) =>
      this.entryApplied(entry),
    );
    this.persistQueue = new PersistQueue(storage, {
      send: (messages) => this.send(messages),
      onPersisted: (persist, durationMs) => {
        this.telemetry.durable(persist, durationMs);
        this.input({ type: 'persisted', number: persist.number });
      },
      onFatal: (error) => this.fatal(error),
      onNoSpace: (error) => logNoSpace(logger, error),
    });
    this.membership = new Membership(options, this.raft, transport, {
      input: (input) => this.input(input),
      takeTicket: () => this.nextTicket++,
      onChange: () => this.statusListeners.emit(this.status()),
    });
    this.suspicion = new SuspicionWatch(this.raft, recovered, storage, logger);
    this.snapshots = new Snapshots(
      options,
      this.raft,
      storage,
      transport,
      stateMachine,
      this.applyQueue,
      (input) => this.input(input),
      (from, term, snapshot) => this.offerSnapshot(from, term, snapshot),
    );
  }

  /** Puts the state machine where the newest snapshot on disk is. Before {@link start}. */
  restore(snapshot: SnapshotMetadata, data: Uint8Array): void {
    this.applyQueue.restore(snapshot, data);
    this.snapshots.restored(snapshot.lastIncludedIndex, data.length);
    this.appliedListeners.emit(snapshot.lastIncludedIndex);
  }

  /** Connects the links, then lets time pass. */
  async start(): Promise<void> {
    await this.transport.start({
      onMessages: (messages) => this.messages(messages),
      onSnapshotOffer: (from, offer) => this.snapshots.incoming.offer(from, offer),
      onSnapshotChunk: (from, chunk) => this.snapshots.incoming.chunk(from, chunk),
      onUnreachable: (to) => this.input({ type: 'peerUnreachable', to }),
      onGone: (id) => this.input({ type: 'peerGone', id }),
      onNeverSent: (messages) => this.neverSent(messages),
    });
    this.membership.look(performance.now());
    this.ticker.start();
    this.schedule();
  }

  get appliedIndex(): number {
    return this.applyQueue.position.index;
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  status(): RaftStatus {
    return {
      ...this.raft.status(performance.now()),
      appliedIndex: this.appliedIndex,
      storage: this.storage.usage(),
      diskFull: this.persistQueue.isDiskFull,
    };
  }

  /** See RaftNode.propose. */
  propose(command: Uint8Array, call: CallOptions): Promise<Applied<Result>> {
    if (this.state !== 'running') return Promise.reject(stopped());
    const { requestId = '' } = call;
    const diskFull = this.persistQueue.isDiskFull && this.raft.role === Role.leader;
    const refusal = refuse(command, requestId, this.options.commandBytesMax, diskFull);
    if (refusal !== undefined) return Promise.reject(refusal);
    const startedMs = performance.now();
    const applied = this.proposals.add({
      ticket: this.nextTicket++,
      command,
      clientId: requestId,
      startedMs,
      deadlineMs: startedMs + (call.timeoutMs ?? this.options.callTimeoutMs),
      leaderDeadlineMs: startedMs + this.options.leaderWaitMs,
      signal: call.signal,
      span: this.options.tracing?.propose,
    });
    this.schedule();
    return applied;
  }

  /** See RaftNode.readBarrier. */
  readBarrier(call: ReadOptions): Promise<void> {
    if (this.state !== 'running') return Promise.reject(stopped());
    const reached = this.reads.add(call, this.options);
    this.schedule();
    return reached;
  }

  /** Tells the core something, in the next turn. */
  input(input: Input): void {
    if (this.state === 'stopped') return;
    this.inputs.push(input);
    this.schedule();
  }

  /** Resolves when nothing uses the storage any more. */
  async stop(): Promise<void> {
    await this.halt();
    await this.persistQueue.stop();
    await this.snapshots.idle();
  }

  /** Fails what waits and takes nothing more. */
  private halt(): Promise<void> {
    this.state = 'stopped';
    this.ticker.stop();
    this.outgoing.stop();
    this.telemetry.stop();
    this.proposals.stop();
    this.reads.stop();
    this.membership.changes.stop();
    this.snapshots.stop();
    return this.transport.stop();
  }

  /** Takes no new calls; what is under way goes on. */
  refuseCalls(): void {
    if (this.state === 'running') this.state = 'stopping';
  }

  get pendingProposals(): number {
    return this.proposals.count;
  }

  private messages(messages: readonly Message[]): void {
    if (this.state === 'stopped') return;
    this.telemetry.received(messages);
    for (const message of messages) this.inputs.push({ type: 'message', message });
    this.schedule();
  }

  private send(messages: readonly Message[]): void {
    this.telemetry.sent(messages);
    this.transport.send(messages);
  }

  private neverSent(messages: readonly Message[]): void {
    const tickets = forwardedTickets(messages);
    for (const ticket of tickets) this.leaseExpiry.onRefused(ticket);
    this.proposals.onNeverSent(tickets);
  }

  /** Before this returns the core has said whether it wants it. */
  private offerSnapshot(from: ServerId, term: Term, snapshot: SnapshotMetadata): void {
    const envelope = { from, to: this.options.id, term } as const;
    this.input({ type: 'message', message: { type: 'installSnapshot', ...envelope, snapshot } });
    this.turn();
  }

  private schedule(): void {
    if (this.turnScheduled || this.state === 'stopped') return;
    this.turnScheduled = true;
    setImmediate(() => {
      this.turnScheduled = false;
      this.turn();
    });
  }

  private turn(): void {
    if (this.state === 'stopped') return;
    try {
      this.runTurn(performance.now());
    } catch (error) {
      this.fatal(error);
    }
  }

  private runTurn(nowMs: number): void {
    const inputs = this.inputs;
    this.inputs = [];
    for (const input of inputs) this.raft.step(input, nowMs);
    this.stepCalls(nowMs);
    this.drainReady(nowMs);
    const startedMs = performance.now();
    const applied = this.applyQueue.run(APPLY_BUDGET_MS);
    if (applied > 0) {
      this.telemetry.applied(applied, performance.now() - startedMs);
      const checkpoints = this.applyQueue.takeCheckpoints();
      this.raft.step({ type: 'applied', index: this.appliedIndex, checkpoints }, nowMs);
      this.reads.onApplied(this.appliedIndex);
      this.drainReady(nowMs);
      this.snapshots.maybeTake();
    }
    this.suspicion.look();
    this.noticeStatus(nowMs);
    this.membership.look(nowMs);
    if (!this.applyQueue.isEmpty) this.schedule();
  }

  /** Gives calls to the core, unless nobody leads: then they wait here, where giving up is certain to have no effect. */
  private stepCalls(nowMs: number): void {
    if (this.raft.leaderId === 0) return;
    if (this.proposals.queuedCount > 0) {
      const proposals = this.proposals.takeQueued(TURN_PROPOSALS_MAX, TURN_BYTES_MAX);
      if (proposals.length > 0) this.raft.step({ type: 'propose', proposals }, nowMs);
      if (this.proposals.queuedCount > 0) this.schedule();
    }
    this.reads.ask(this.raft, () => this.nextTicket++);
  }

  private drainReady(nowMs: number): void {
    while (this.raft.hasReady()) this.handle(this.raft.takeReady(), nowMs);
  }

  private handle(ready: Ready, nowMs: number): void {
    const leads = this.raft.role === Role.leader;
    this.telemetry.ready(ready, leads, nowMs);
    if (ready.sendNow.length > 0) this.outgoing.send(ready.sendNow);
    this.persistQueue.add(ready.persist, ready.sendAfterPersist);
    if (ready.persist?.snapshot !== undefined) this.install(ready.persist.snapshot);
    this.applyQueue.add(ready.apply);
    for (const placed of ready.proposals) {
      if ('refusal' in placed) this.leaseExpiry.onRefused(placed.ticket);
      this.proposals.onPlaced(placed, this.appliedIndex);
    }
    this.telemetry.placed(ready, this.proposals.takePlacedSpans(), leads);
    const committed = ready.apply.at(-1);
    if (committed !== undefined) this.proposals.onCommitted(committed.index);
    for (const { ticket, index } of ready.reads) {
      this.reads.onIndex(ticket, index, this.appliedIndex);
    }
    for (const ticket of ready.readsRefused) this.reads.onRefused(ticket);
    for (const to of ready.sendSnapshot) this.snapshots.send(to);
    for (const placed of ready.changes) this.membership.changes.onPlaced(placed);
  }

  private install(snapshot: SnapshotMetadata): void {
    this.snapshots.install(snapshot);
    this.proposals.onSnapshotInstalled(snapshot.lastIncludedIndex);
    this.membership.changes.onSnapshotInstalled(snapshot.lastIncludedIndex);
    this.reads.onApplied(this.appliedIndex);
    this.appliedListeners.emit(this.appliedIndex);
  }

  private entryApplied(entry: Entry): void {
    if (entry.kind === EntryKind.expiry) this.leaseExpiry.onDone();
    if (entry.kind === EntryKind.configuration) this.membership.changes.onApplied(entry);
    if (!this.appliedListeners.isEmpty) this.appliedListeners.emit(entry.index);
  }

  private tick(nowMs: number): void {
    this.inputs.push({ type: 'tick' });
    this.proposals.retryPostponed(() => this.nextTicket++);
    const expiry = this.leaseExpiry.maybePropose(nowMs, () => this.nextTicket++);
    if (expiry !== undefined) this.inputs.push(expiry);
    this.membership.tick(nowMs);
    if (nowMs - this.lastSweepMs >= SWEEP_INTERVAL_MS) this.sweep(nowMs);
    this.turn();
  }

  private sweep(nowMs: number): void {
    this.lastSweepMs = nowMs;
    this.proposals.expire(nowMs);
    this.reads.expire(nowMs, nowMs - this.options.electionTimeoutMs);
    this.telemetry.queues(this.proposals, this.reads, this.applyQueue, this.persistQueue);
  }

  private noticeStatus(nowMs: number): void {
    const { lastStatus: last, raft } = this;
    const { role, term, leaderId } = raft;
    if (role === last.role && term === last.term && leaderId === last.leaderId) return;
    this.lastStatus = { role, term, leaderId };
    this.snapshots.look();
    if (term !== last.term || leaderId !== last.leaderId) {
      // Answers of the old leader may still be on their way, in particular when it has handed over in good order.
      const graceMs = LATE_ANSWER_HEARTBEATS * this.options.heartbeatIntervalMs;
      this.proposals.onLeaderChange(nowMs + graceMs);
      this.leaseExpiry.onDone();
    }
    if (role !== last.role) this.options.observer.onRoleChange?.(role, term);
    const level = leaderId === last.leaderId ? 'debug' : 'info';
    this.options.logger[level]('raft role or leader changed', { role, term, leaderId });
    this.statusListeners.emit(this.status());
    if (leaderId === 0) return;
    this.proposals.retryPostponed(() => this.nextTicket++);
    if (this.proposals.queuedCount > 0 || this.reads.queuedCount > 0) this.schedule();
  }

  private fatal(error: unknown): void {
    if (this.state === 'stopped') return;
    this.options.logger.error('the replica cannot go on', { error });
    void this.halt();
    this.options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}
