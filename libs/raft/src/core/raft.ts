/*
 * The Raft core: a state machine without input and output of its own.
 *
 * The driver's loop, and the only one that is right:
 *
 *     raft.step(input, nowMs)            for everything that has happened
 *     while (raft.hasReady()) {
 *       const ready = raft.takeReady()
 *       storage: write ready.persist, sync, later step {type: 'persisted', number}
 *       send ready.sendNow               without waiting for the write
 *       send ready.sendAfterPersist      once that write, and every one before it, is durable
 *       restore the snapshot of ready.persist, then apply ready.apply, later step {type: 'applied', index}
 *       …                                the rest answers callers
 *     }
 *
 * Several writes may be under way; they complete in order. A crash at any point is survived if these rules are kept. Time and randomness come in as
 * arguments: a run is a function of its inputs, which is what the simulator in libs/testkit rests on.
 *
 * Sources: D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended version), cited as Raft; D. Ongaro, "Consensus:
 * Bridging Theory and Practice", cited as dissertation. Departures from both are listed in docs/internals/divergence.md.
 */
import { maybeCommit } from './commitment';
import { noteCheckpoints } from './divergence';
import { countCandidateVotes, handlePeerGone, tickCheckQuorum, tickElection } from './election';
import { tickPriority } from './hand-over';
import { tickTransfer, transferLeadership } from './leadership-transfer';
import { changeMembers, maybeResign, peersOf, tickMembership } from './membership-change';
import { resolveRaftOptions } from './options';
import type { RaftOptions } from './options';
import { Outbox } from './outbox';
import { flushForwards, flushReads, propose, read } from './proposals';
import type { Input, Persist, Ready } from './ready';
import { receive } from './receive';
import { bootstrap, join, recover } from './recovery';
import type { RecoveredState } from './recovery';
import {
  handleSnapshotTransferFailed,
  handleUnreachable,
  replicateToAll,
  startRound,
} from './replication';
import { takeSnapshot } from './snapshot';
import { RaftState, resetElectionDeadline } from './state';
import { describe, logClockMs, standingOf } from './status';
import type { Standing, StatusSnapshot } from './status';
import { troubleWith } from './trouble';
import type { Trouble } from './trouble';
import { Role } from './types';
import type { Configuration, Entry, HardState, LogIndex, Member, ServerId, Term } from './types';

/** One server's core. See the head of this file for how it is to be driven. */
export class Raft {
  private readonly state: RaftState;
  /** The hard state that storage was given last. */
  private written: HardState;

  /**
   * @param nowMs monotonic milliseconds; every later step continues from here.
   * @throws RangeError when an option is wrong, InvariantError when the recovered state contradicts itself.
   */
  constructor(options: RaftOptions, nowMs: number) {
    const resolved = resolveRaftOptions(options);
    const { initialState } = options;
    const recovered = recoverFrom(options);
    this.state = new RaftState(
      resolved.id,
      resolved,
      recovered.log,
      recovered.configurations,
      recovered.hardState,
      nowMs,
    );
    this.state.snapshot = recovered.snapshot;
    this.state.unwrittenSnapshot = recovered.unwrittenSnapshot;
    this.state.suspect = initialState.suspectTail !== undefined;
    this.written = recovered.writtenHardState;
  }

  get id(): ServerId {
    return this.state.id;
  }

  get term(): Term {
    return this.state.currentTerm;
  }

  get role(): Role {
    return this.state.role;
  }

  /** 0 when no leader is known. */
  get leaderId(): ServerId {
    return this.state.leaderId;
  }

  get lastIndex(): LogIndex {
    return this.state.log.lastIndex;
  }

  /** True while this server may have forgotten what it acknowledged or voted for, and so counts in no quorum: see suspicion.ts. */
  get isSuspect(): boolean {
    return this.state.suspect;
  }

  get commitIndex(): LogIndex {
    return this.state.log.commitIndex;
  }

  get appliedIndex(): LogIndex {
    return this.state.log.appliedIndex;
  }

  /** What is on this server's disk and equals its log. */
  get stableIndex(): LogIndex {
    return this.state.log.stableIndex;
  }

  get firstIndex(): LogIndex {
    return this.state.log.firstIndex;
  }

  /** Undefined when it was compacted or is beyond the end. */
  entryAt(index: LogIndex): Entry | undefined {
    return this.state.log.entryAt(index);
  }

  /** Undefined when it was compacted or is beyond the end. */
  termAt(index: LogIndex): Term | undefined {
    return this.state.log.termAt(index);
  }

  /** The configuration that was in force at `index`: what a snapshot of that index carries. */
  configurationAt(index: LogIndex): Configuration | undefined {
    return this.state.configurations.at(index);
  }

  /** The configuration in force: the newest one in the log, committed or not. No members while this server waits to be taken in. */
  get configuration(): Configuration {
    return this.state.configurations.current;
  }

  /** Where {@link configuration} is in the log, or what snapshot it came with. It is decided when the commit index has reached it. */
  get configurationIndex(): LogIndex {
    return this.state.configurations.currentIndex;
  }

  /** What this server is to its group. */
  get standing(): Standing {
    return standingOf(this.state);
  }

  /** Everybody that this server may have to answer or send to: see membership-change.ts. */
  peers(): readonly Member[] {
    return peersOf(this.state);
  }

  /** The log clock in milliseconds: running on the leader, elsewhere the last committed stamp. */
  logClockMs(nowMs: number): number {
    return logClockMs(this.state, nowMs);
  }

  /** A state machine that has applied everything up to `appliedIndex` has all that was acknowledged before this time of the own clock; -Infinity when nothing is known. See freshness.ts. */
  freshAsOfMs(appliedIndex: LogIndex): number {
    return this.state.freshness.asOfMs(appliedIndex);
  }

  /** What keeps a proposal from being decided, as far as is known here; see {@link Trouble}. @param index its place, 0 when that is not known. */
  troubleWith(index: LogIndex): Trouble | undefined {
    return troubleWith(this.state, index);
  }

  /** What this server knows of itself and its group. */
  status(nowMs: number): StatusSnapshot {
    return describe(this.state, nowMs);
  }

  /**
   * Tells the core that something has happened.
   *
   * @param nowMs monotonic milliseconds; a smaller value than before counts as the same.
   * @throws InvariantError when something that must hold does not: the process must stop.
   */
  step(input: Input, nowMs: number): void {
    this.passTime(nowMs);
    switch (input.type) {
      case 'tick':
        this.tick();
        break;
      case 'message':
        receive(this.state, input.message);
        break;
      case 'propose':
        propose(this.state, input.proposals);
        break;
      case 'read':
        read(this.state, input.tickets, input.lease === true);
        break;
      case 'persisted':
        this.state.log.durability.complete(input.number);
        countCandidateVotes(this.state);
        if (this.state.role === Role.leader) maybeCommit(this.state);
        break;
      case 'applied':
        this.state.log.appliedTo(input.index);
        if (input.checkpoints !== undefined) noteCheckpoints(this.state, input.checkpoints);
        break;
      case 'snapshotTaken':
        takeSnapshot(this.state, input.snapshot, input.compactTo, input.keepBytesMax);
        break;
      case 'snapshotTransferFailed':
        handleSnapshotTransferFailed(this.state, input.to);
        break;
      case 'peerUnreachable':
        handleUnreachable(this.state, input.to);
        break;
      case 'peerGone':
        handlePeerGone(this.state, input.id);
        break;
      case 'transferLeadership':
        transferLeadership(this.state, input.target);
        break;
      case 'changeMembers':
        changeMembers(this.state, input.ticket, input.changes);
        break;
    }
    // Proposals that were to be forwarded by a server that has just become the leader itself.
    if (this.state.leader !== undefined) flushForwards(this.state);
    this.state.log.check();
  }

  /** True when {@link takeReady} has something to say. */
  hasReady(): boolean {
    const { state } = this;
    return (
      state.needsFlush ||
      state.forwardQueue.length > 0 ||
      !state.outbox.isEmpty() ||
      state.log.hasUnapplied() ||
      state.log.hasUnwritten() ||
      state.unwrittenSnapshot !== undefined ||
      this.mustWriteHardState()
    );
  }

  /** What the driver has to do now. Everything in it has been handed over: it is not said again. */
  takeReady(): Ready {
    this.flush();
    const { state } = this;
    const persist = this.takePersist();
    const apply = state.log.takeUnapplied();
    const { outbox } = state;
    const ready: Ready = {
      persist,
      sendNow: outbox.sendNow,
      sendAfterPersist: outbox.sendAfterPersist,
      apply,
      reads: outbox.reads,
      readsRefused: outbox.readsRefused,
      proposals: outbox.proposals,
      forwarded: outbox.forwarded,
      sendSnapshot: outbox.sendSnapshot,
      changes: outbox.changes,
      events: outbox.events,
    };
    state.outbox = new Outbox();
    return ready;
  }

  /** Does once what the steps of this turn have made necessary. */
  private flush(): void {
    const { state } = this;
    flushForwards(state);
    flushReads(state);
    state.needsFlush = false;
    if (state.leader === undefined) return;
    if (state.hasCommittedInTerm() && state.leader.reads.wantsRound()) startRound(state);
    replicateToAll(state);
    maybeResign(state);
    // A round of a group of one is answered at once and may ask for the next.
    state.needsFlush = false;
  }

  private mustWriteHardState(): boolean {
    const { currentTerm, votedFor } = this.state;
    return currentTerm !== this.written.currentTerm || votedFor !== this.written.votedFor;
  }

  /** The commit index travels with whatever has to be written anyway; alone it is not worth a sync, since a restart learns it again. */
  private takePersist(): Persist | undefined {
    const { state } = this;
    const entries = state.log.takeUnwritten();
    const snapshot = state.unwrittenSnapshot;
    if (entries.length === 0 && snapshot === undefined && !this.mustWriteHardState()) {
      return undefined;
    }
    state.unwrittenSnapshot = undefined;
    const { currentTerm, votedFor } = state;
    const { commitIndex } = state.log;
    const unchanged = !this.mustWriteHardState() && commitIndex === this.written.commitIndex;
    const hardState = unchanged ? undefined : { currentTerm, votedFor, commitIndex };
    if (hardState !== undefined) this.written = hardState;
    const number = state.log.durability.begin(
      state.log.lastIndex,
      currentTerm,
      votedFor,
      state.nowMs,
    );
    return { number, hardState, entries, snapshot };
  }

  private passTime(nowMs: number): void {
    const { state } = this;
    const passedMs = nowMs - state.nowMs;
    if (passedMs <= 0) return;
    state.nowMs = nowMs;
    state.leader?.clock.observe(nowMs);
    // Who did not run could not hear: the leader's heartbeats may wait in a socket. Give them time to be read before campaigning.
    if (passedMs > state.options.electionTimeoutMs && nowMs >= state.electionDeadlineMs) {
      resetElectionDeadline(state);
    }
  }

  private tick(): void {
    const { state } = this;
    if (state.leader === undefined) {
      tickElection(state);
      const { appendTimeoutMs } = state.options;
      if (state.forwardedReads.wantsSending(state.nowMs, appendTimeoutMs)) state.needsFlush = true;
      return;
    }
    tickCheckQuorum(state);
    tickTransfer(state);
    tickMembership(state);
    tickPriority(state);
    if (state.leader !== undefined && state.nowMs >= state.leader.heartbeatDueMs) {
      state.leader.heartbeatDueMs = state.nowMs + state.options.heartbeatIntervalMs;
      startRound(state);
    }
  }
}

function recoverFrom({ initialState, join: joins, bootstrap: first }: RaftOptions): RecoveredState {
  if (!initialState.empty) return recover(initialState);
  return joins === true ? join() : bootstrap(first as Configuration);
}

/** Makes a core. See {@link Raft}. */
export function createRaft(options: RaftOptions, nowMs: number): Raft {
  return new Raft(options, nowMs);
}
