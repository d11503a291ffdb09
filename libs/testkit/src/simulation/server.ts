import { createRaft } from '@raftway/raft/core';
import type {
  Input,
  Message,
  Persist,
  Proposal,
  Raft,
  Ready,
  ServerId,
  SnapshotMetadata,
} from '@raftway/raft/core';
import { Application } from './application';
import type { Outcome } from './application';
import type { SimulatedDisk } from './disk';
import { describeMessage } from './world';
import type { World } from './world';
import type { NetworkReceiver } from './network';
import { SafetyViolation } from './checker';
import type { CommandList } from './state-machine';

/** What lives as long as the process: a crash throws it away. */
interface Process {
  readonly raft: Raft;
  /** The process's monotonic clock began then. */
  readonly bootMs: number;
  readonly application: Application;
  readonly afterPersist: { readonly number: number; readonly messages: readonly Message[] }[];
  /** Who is sending us a snapshot: their links break when we crash. */
  readonly snapshotSenders: ServerId[];
  lastSnapshotIndex: number;
  persistNumber: number;
  durableNumber: number;
  nextTicket: number;
  drainScheduled: boolean;
}

/** One server: a core, a disk, a state machine, and a driver that keeps the rules at the head of raft.ts. */
export class SimulatedServer implements NetworkReceiver {
  readonly disk: SimulatedDisk;
  private process: Process | undefined;
  /** While frozen (SIGSTOP): what arrives waits. */
  private frozen = false;
  private waiting: (() => void)[] = [];

  constructor(
    readonly id: ServerId,
    private readonly world: World,
    disk: SimulatedDisk,
  ) {
    this.disk = disk;
  }

  get raft(): Raft | undefined {
    return this.process?.raft;
  }

  get list(): CommandList | undefined {
    return this.process?.application.list;
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  get isFrozen(): boolean {
    return this.frozen;
  }

  get appliedIndex(): number {
    return this.process?.application.appliedIndex ?? 0;
  }

  start(): void {
    const { world } = this;
    const bootMs = world.queue.nowMs - world.random.integer(0, 1_000_000);
    const file = this.disk.newestSnapshot();
    const application = new Application(this.id, world.checker);
    if (file !== undefined) application.restore(file);
    const raft = createRaft(
      {
        id: this.id,
        initialState: this.disk.recover(),
        bootstrap: world.configuration,
        random: () => world.random.next(),
        heartbeatIntervalMs: world.timing.heartbeatIntervalMs,
        electionTimeoutMs: world.timing.electionTimeoutMs,
        // Small limits, so that windows fill and batches split.
        appendBytesMax: 300,
        inflightAppendsMax: 4,
        inflightBytesMax: 1000,
        uncommittedEntriesMax: 60,
      },
      world.queue.nowMs - bootMs,
    );
    this.process = {
      raft,
      bootMs,
      application,
      afterPersist: [],
      snapshotSenders: [],
      lastSnapshotIndex: application.appliedIndex,
      persistNumber: 0,
      durableNumber: 0,
      nextTicket: 1,
      drainScheduled: false,
    };
    world.trace(() => `server ${this.id} starts: ${this.describe()}`);
    world.checker.afterStep(raft, world.queue.nowMs, world.queue.nowMs - bootMs);
    this.scheduleDrain(this.process);
    this.scheduleTick(this.process);
  }

  /** The process ends without a word. */
  crash(): void {
    const { process } = this;
    if (process === undefined) return;
    this.world.trace(() => `server ${this.id} crashes: ${this.describe()}`);
    this.process = undefined;
    this.frozen = false;
    this.waiting = [];
    this.disk.crash();
    this.world.checker.forget(process.raft);
    process.application.abandon();
    for (const from of process.snapshotSenders) this.world.network.snapshotFailed(from, this.id);
  }

  freeze(): void {
    this.world.trace(() => `server ${this.id} is frozen`);
    this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.world.trace(() => `server ${this.id} runs again`);
    this.frozen = false;
    const { waiting } = this;
    this.waiting = [];
    for (const run of waiting) this.whenRunning(run);
  }

  propose(
    clientId: string,
    sequence: number,
    settle: (outcome: Outcome, index: number) => void,
  ): void {
    const { process } = this;
    if (process === undefined) {
      settle('refused', 0);
      return;
    }
    this.whenRunning(() => {
      if (process !== this.process) {
        settle('refused', 0);
        return;
      }
      const ticket = process.nextTicket++;
      process.application.awaitCommand(ticket, settle);
      const proposal: Proposal = {
        ticket,
        kind: 1,
        clientId,
        sequence,
        payload: new Uint8Array(sequence % 40),
      };
      this.step({ type: 'propose', proposals: [proposal] });
    });
  }

  /** `settle` is called when this server's state may be read, or with undefined when it may not. */
  read(settle: (server: SimulatedServer | undefined) => void): void {
    const { process } = this;
    if (process === undefined) {
      settle(undefined);
      return;
    }
    this.whenRunning(() => {
      if (process !== this.process) {
        settle(undefined);
        return;
      }
      const ticket = process.nextTicket++;
      process.application.awaitRead(ticket, (readable) => settle(readable ? this : undefined));
      this.step({ type: 'read', tickets: [ticket] });
    });
  }

  transferLeadership(target: ServerId): void {
    this.whenRunning(() => this.step({ type: 'transferLeadership', target }));
  }

  deliver(message: Message): void {
    this.whenRunning(() => {
      this.world.trace(() => `server ${this.id} gets ${describeMessage(message)}`);
      this.step({ type: 'message', message });
    });
  }

  deliverSnapshot(from: ServerId, term: number, snapshot: SnapshotMetadata, data: unknown): void {
    const { process } = this;
    if (process === undefined) {
      this.world.network.snapshotFailed(from, this.id);
      return;
    }
    process.snapshotSenders.push(from);
    // The file reaches the disk before the core hears of it.
    this.world.queue.after(1 + this.world.random.next() * this.disk.latencyMaxMs, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        process.snapshotSenders.splice(process.snapshotSenders.indexOf(from), 1);
        this.disk.saveSnapshot({ snapshot, data });
        const message: Message = { type: 'installSnapshot', from, to: this.id, term, snapshot };
        this.world.trace(() => `server ${this.id} gets ${describeMessage(message)}`);
        this.step({ type: 'message', message });
      });
    });
  }

  unreachable(to: ServerId): void {
    this.whenRunning(() => this.step({ type: 'peerUnreachable', to }));
  }

  snapshotFailed(to: ServerId): void {
    this.whenRunning(() => this.step({ type: 'snapshotTransferFailed', to }));
  }

  describe(): string {
    const { raft } = this;
    if (raft === undefined) return 'down';
    return (
      `${raft.role} of term ${raft.term}, log ${raft.firstIndex} to ${raft.lastIndex}, ` +
      `stable ${raft.stableIndex}, commit ${raft.commitIndex}, applied ${raft.appliedIndex}`
    );
  }

  private whenRunning(run: () => void): void {
    if (this.frozen) this.waiting.push(run);
    else run();
  }

  private scheduleTick(process: Process): void {
    const { heartbeatIntervalMs } = this.world.timing;
    const delayMs = heartbeatIntervalMs * (0.4 + 0.2 * this.world.random.next());
    this.world.queue.after(delayMs, () => {
      if (process !== this.process) return;
      // A frozen process finds one overdue timer when it wakes, not all that it missed.
      this.whenRunning(() => {
        if (process !== this.process) return;
        this.step({ type: 'tick' });
        this.scheduleTick(process);
      });
    });
  }

  private step(input: Input): void {
    const { process, world } = this;
    if (process === undefined) return;
    const nowMs = world.queue.nowMs - process.bootMs;
    process.raft.step(input, nowMs);
    world.checker.afterStep(process.raft, world.queue.nowMs, nowMs);
    this.scheduleDrain(process);
  }

  /** The Ready is taken at the end of a turn of the event loop: sometimes one input makes a turn, sometimes many. */
  private scheduleDrain(process: Process): void {
    if (process.drainScheduled || !process.raft.hasReady()) return;
    process.drainScheduled = true;
    const { random } = this.world;
    const delayMs = random.chance(0.5) ? 0 : random.next() * 2;
    this.world.queue.after(delayMs, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        process.drainScheduled = false;
        if (process.raft.hasReady()) this.handle(process, process.raft.takeReady());
        this.scheduleDrain(process);
      });
    });
  }

  private handle(process: Process, ready: Ready): void {
    const { world } = this;
    if (ready.persist !== undefined) this.persist(process, ready.persist);
    for (const message of ready.sendNow) world.network.send(message);
    if (ready.sendAfterPersist.length > 0) {
      if (process.durableNumber === process.persistNumber) this.sendAll(ready.sendAfterPersist);
      else {
        process.afterPersist.push({
          number: process.persistNumber,
          messages: ready.sendAfterPersist,
        });
      }
    }
    this.applyAll(process, ready);
    process.application.answer(ready);
    for (const to of ready.sendSnapshot) this.sendSnapshot(process, to);
    // The core may have moved on without a step of ours: flushed appends, for one.
    world.checker.afterStep(process.raft, world.queue.nowMs, world.queue.nowMs - process.bootMs);
  }

  private sendAll(messages: readonly Message[]): void {
    for (const message of messages) this.world.network.send(message);
  }

  private persist(process: Process, batch: Persist): void {
    process.persistNumber = batch.number;
    this.disk.persist(batch, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        process.durableNumber = batch.number;
        while ((process.afterPersist[0]?.number ?? Infinity) <= batch.number) {
          this.sendAll(process.afterPersist.shift()?.messages ?? []);
        }
        this.step({ type: 'persisted', number: batch.number });
      });
    });
  }

  private applyAll(process: Process, ready: Ready): void {
    const snapshot = ready.persist?.snapshot;
    if (snapshot !== undefined && snapshot.lastIncludedIndex > process.application.appliedIndex) {
      this.restore(process, snapshot);
    }
    for (const entry of ready.apply) process.application.apply(entry);
    const last = ready.apply.at(-1);
    if (last === undefined) return;
    const delayMs = this.world.random.next() * 3;
    this.world.queue.after(delayMs, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        this.step({ type: 'applied', index: last.index });
        this.maybeTakeSnapshot(process);
      });
    });
  }

  private restore(process: Process, snapshot: SnapshotMetadata): void {
    const file = this.disk.newestSnapshot();
    if (file === undefined || file.snapshot.lastIncludedIndex < snapshot.lastIncludedIndex) {
      throw new SafetyViolation(
        `server ${this.id} has no file of snapshot ${snapshot.lastIncludedIndex}`,
      );
    }
    // A newer one may have come already: the list is then ahead of the core, and skips entries until the core has caught up.
    const index = file.snapshot.lastIncludedIndex;
    this.world.coverage.snapshotsInstalled += 1;
    this.world.trace(() => `server ${this.id} restores snapshot ${index}`);
    process.application.restore(file);
    process.lastSnapshotIndex = index;
  }

  private maybeTakeSnapshot(process: Process): void {
    const { timing, coverage } = this.world;
    const index = process.raft.appliedIndex;
    // The list must be exactly as old as the index that the snapshot names.
    if (
      index !== process.application.appliedIndex ||
      index - process.lastSnapshotIndex < timing.snapshotEvery
    ) {
      return;
    }
    const entry = process.raft.entryAt(index);
    const configuration = process.raft.configurationAt(index);
    if (entry === undefined || configuration === undefined) return;
    const snapshot: SnapshotMetadata = {
      lastIncludedIndex: index,
      lastIncludedTerm: entry.term,
      stampMs: entry.stampMs,
      configuration,
    };
    const data = process.application.list.snapshot();
    process.lastSnapshotIndex = index;
    this.world.queue.after(1 + this.world.random.next() * 2 * this.disk.latencyMaxMs, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        this.disk.saveSnapshot({ snapshot, data });
        coverage.snapshotsTaken += 1;
        const compactTo = Math.max(0, index - timing.keepBehindSnapshot);
        this.step({ type: 'snapshotTaken', snapshot, compactTo });
        this.disk.compact(compactTo);
      });
    });
  }

  private sendSnapshot(process: Process, to: ServerId): void {
    const file = this.disk.newestSnapshot();
    if (file === undefined) throw new SafetyViolation(`leader ${this.id} has no snapshot to send`);
    this.world.network.sendSnapshot(this.id, to, process.raft.term, file.snapshot, file.data);
  }
}
