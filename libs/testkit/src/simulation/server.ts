import type { Recovered, Storage } from '@raftway/raft';
import type {
  Input,
  MemberChange,
  Message,
  Proposal,
  Raft,
  Ready,
  ServerId,
  SnapshotMetadata,
} from '@raftway/raft/core';
import { Application } from './application';
import type { Outcome, SnapshotFile } from './application';
import type { SimulatedDisk } from './disk';
import { createCore } from './create-core';
import { LogWriter } from './log-writer';
import type { ClientCommand, World } from './world';
import { clockOf, describeMembers, describeMessage } from './world';
import type { NetworkReceiver } from './network';
import type { Process } from './process';
import { ServerSnapshots } from './server-snapshots';
import { SessionExpiry } from './session-expiry';
import { Standstill } from './standstill';
import { encodeCommand } from './state-machine';
import type { CommandList } from './state-machine';
import { SafetyViolation } from './violation';

/** One server: a core, a disk, a state machine, and a driver that keeps the rules at the head of raft.ts. */
export class SimulatedServer implements NetworkReceiver {
  readonly disk: SimulatedDisk;
  private process: Process | undefined;
  /** Set while a new process reads its disk. */
  private opening: Storage | undefined;
  private readonly standstill: Standstill;
  /** At once, or when the process is no longer frozen. */
  readonly whenRunning = (run: () => void): void => this.standstill.whenRunning(run);
  /** What somebody does when this server refuses to start because its log is damaged. */
  onDamage: (() => void) | undefined;

  constructor(
    readonly id: ServerId,
    private readonly world: World,
    disk: SimulatedDisk,
  ) {
    this.disk = disk;
    this.standstill = new Standstill(world.queue, world.random, (fromMs, toMs) =>
      world.checker.stoodStill(id, fromMs, toMs),
    );
  }

  get raft(): Raft | undefined {
    return this.process?.raft;
  }

  get list(): CommandList | undefined {
    return this.process?.application.list;
  }

  get isUp(): boolean {
    return this.process !== undefined || this.opening !== undefined;
  }

  get isFrozen(): boolean {
    return this.standstill.isFrozen;
  }
  get appliedIndex(): number {
    return this.process?.application.appliedIndex ?? 0;
  }

  /** Everything that was acknowledged before this virtual time is in the list, as the core says. */
  get freshAsOfMs(): number {
    const { process } = this;
    if (process === undefined) return -Infinity;
    const { queue, leases } = this.world;
    const age = process.clock() - process.raft.freshAsOfMs(this.appliedIndex);
    return queue.nowMs - age / (leases?.clockRate(this.id) ?? 1);
  }

  /** A new process reads its disk, which may take a while and may fail, and then takes part. */
  start(): void {
    const storage = this.disk.openStorage();
    this.opening = storage;
    const open = async (): Promise<void> => {
      const recovered = await storage.open();
      const snapshot = await storage.loadSnapshot();
      if (this.opening !== storage) return;
      this.opening = undefined;
      this.world.guard(() => this.boot(storage, recovered, snapshot));
    };
    open().catch((error: unknown) => {
      if (this.opening === storage) this.world.guard(() => this.storageFailed(error));
    });
  }

  private boot(storage: Storage, recovered: Recovered, file: SnapshotFile | undefined): void {
    const { world } = this;
    this.disk.promises.recovered(recovered);
    world.coverage.recoveries += 1;
    if (recovered.suspectTail !== undefined) world.coverage.suspectTails += 1;
    const clock = clockOf(world, this.id);
    const application = new Application(this.id, world.checker, world.fingerprintOf);
    if (file !== undefined) application.restore(file);
    const raft = createCore(this.id, recovered, world, clock());
    this.process = {
      raft,
      clock,
      application,
      storage,
      writer: this.writerFor(storage),
      snapshots: this.snapshotsFor(storage, raft, application, file),
      wasSuspect: raft.isSuspect,
      sessions: new SessionExpiry(raft, application.machine),
      nextTicket: 1,
      drainScheduled: false,
    };
    world.trace(() => `server ${this.id} starts: ${this.describe()}`);
    world.checker.afterStep(raft, world.queue.nowMs, clock());
    this.scheduleDrain(this.process);
    this.scheduleTick(this.process);
  }

  /** The process ends without a word; with `power`, the machine does. */
  crash(power: boolean): void {
    if (!this.isUp) return;
    const { process } = this;
    this.world.trace(
      () => `server ${this.id} ${power ? 'loses power' : 'is killed'}: ${this.describe()}`,
    );
    this.process = undefined;
    this.opening = undefined;
    this.standstill.forget();
    if (power) this.disk.files.losePower();
    else this.disk.files.endProcess();
    if (process === undefined) return;
    this.world.checker.forget(process.raft);
    process.application.abandon();
    for (const from of process.snapshots.senders) this.world.network.snapshotFailed(from, this.id);
  }

  freeze(): void {
    this.world.trace(() => `server ${this.id} is frozen`);
    this.standstill.freeze();
  }

  thaw(): void {
    if (!this.isFrozen) return;
    this.world.trace(() => `server ${this.id} runs again`);
    this.standstill.thaw();
  }

  propose(command: ClientCommand, settle: (outcome: Outcome, index: number) => void): void {
    const { process } = this;
    this.whenRunning(() => {
      if (process === undefined || process !== this.process) {
        settle('refused', 0);
        return;
      }
      const ticket = process.nextTicket++;
      process.application.awaitCommand(ticket, settle);
      const { clientId, sequence } = command;
      const payload = encodeCommand(command.id, sequence % 40);
      const proposal: Proposal = { ticket, kind: 1, clientId, sequence, payload };
      this.step({ type: 'propose', proposals: [proposal] });
    });
  }

  /** `settle` is called when this server's state may be read, or with undefined when it may not. */
  read(settle: (server: SimulatedServer | undefined) => void): void {
    const { process } = this;
    this.whenRunning(() => {
      if (process === undefined || process !== this.process) {
        settle(undefined);
        return;
      }
      const ticket = process.nextTicket++;
      process.application.awaitRead(ticket, (readable) => settle(readable ? this : undefined));
      this.step({ type: 'read', tickets: [ticket], lease: this.world.leases !== undefined });
    });
  }

  transferLeadership(target: ServerId): void {
    this.whenRunning(() => this.step({ type: 'transferLeadership', target }));
  }

  changeMembers(changes: readonly MemberChange[]): void {
    this.whenRunning(() => this.step({ type: 'changeMembers', ticket: 0, changes }));
  }

  deliver(message: Message): void {
    this.whenRunning(() => {
      this.world.trace(() => `server ${this.id} gets ${describeMessage(message)}`);
      this.step({ type: 'message', message });
    });
  }

  deliverSnapshot(
    from: ServerId,
    term: number,
    snapshot: SnapshotMetadata,
    data: Uint8Array,
  ): void {
    const { process } = this;
    if (process === undefined) {
      this.world.network.snapshotFailed(from, this.id);
      return;
    }
    process.snapshots.senders.push(from);
    this.whenRunning(() => {
      if (process === this.process) process.snapshots.receive(from, term, snapshot, data);
    });
  }

  tell(input: Input): void {
    this.whenRunning(() => this.step(input));
  }

  describe(): string {
    const { raft } = this;
    if (raft === undefined) return 'down';
    return (
      `${raft.isSuspect ? 'suspect ' : ''}${raft.role} of term ${raft.term}, log ${raft.firstIndex} to ${raft.lastIndex}, ` +
      `stable ${raft.stableIndex}, commit ${raft.commitIndex}, applied ${raft.appliedIndex}, ` +
      `members ${describeMembers(raft.configuration)} of ${raft.configurationIndex}`
    );
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
        this.passTime(process);
        this.scheduleTick(process);
      });
    });
  }

  /** Sessions end also when nobody writes. */
  private passTime(process: Process): void {
    const expiry = process.sessions.maybePropose(process.clock(), () => process.nextTicket++);
    if (expiry === undefined) return;
    this.world.coverage.expiries += 1;
    this.step(expiry);
  }

  private step(input: Input): void {
    const { process, world } = this;
    if (process === undefined) return;
    const nowMs = process.clock();
    process.raft.step(input, nowMs);
    world.checker.afterStep(process.raft, world.queue.nowMs, nowMs);
    process.sessions.afterStep();
    if (process.wasSuspect && !process.raft.isSuspect) this.trusted(process);
    this.scheduleDrain(process);
  }

  /** The group has given back whatever this server's disk had lost. */
  private trusted(process: Process): void {
    process.wasSuspect = false;
    this.world.trace(() => `server ${this.id} is trusted again`);
    this.world.coverage.readmissions += 1;
    this.disk.isRotten = false;
    this.disk.promises.trusted();
    // Fails when the disk is full: the next start is then more careful than it would have to be.
    process.storage.trustTail().catch(() => undefined);
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
    for (const message of ready.sendNow) world.network.send(message);
    process.writer.add(ready.persist, ready.sendAfterPersist);
    this.applyAll(process, ready);
    process.application.answer(ready, process.raft.term);
    process.sessions.answer(ready);
    for (const to of ready.sendSnapshot) process.snapshots.send(to);
    for (const event of ready.events) {
      if (event.type === 'handOver') world.coverage.priorityHandOvers += 1;
      world.trace(() => `server ${this.id}: ${JSON.stringify(event)}`);
    }
    for (const change of ready.changes) {
      if ('refusal' in change) world.coverage.changesRefused += 1;
      world.trace(() => `server ${this.id} answers ${JSON.stringify(change)}`);
    }
    world.checker.afterStep(process.raft, world.queue.nowMs, process.clock());
  }

  private snapshotsFor(
    storage: Storage,
    raft: Raft,
    application: Application,
    newest: SnapshotFile | undefined,
  ): ServerSnapshots {
    const { id, world } = this;
    const { promises } = this.disk;
    const isAlive = (): boolean => this.process?.storage === storage;
    const step = (input: Input): void => this.step(input);
    const host = { id, world, promises, raft, application, storage, isAlive, step };
    return new ServerSnapshots(host, newest);
  }

  private writerFor(storage: Storage): LogWriter {
    const { world } = this;
    const whenAlive = (run: () => void): void => {
      if (this.process?.storage === storage) world.guard(run);
    };
    return new LogWriter(storage, {
      send: (messages) =>
        whenAlive(() => {
          for (const message of messages) world.network.send(message);
        }),
      onWriting: (batch) => whenAlive(() => this.disk.promises.writing(batch)),
      onPersisted: (batch) =>
        whenAlive(() => {
          this.disk.promises.persisted(batch);
          this.step({ type: 'persisted', number: batch.number });
        }),
      onFatal: (error) => whenAlive(() => this.storageFailed(error)),
      later: (delayMs, run) =>
        world.queue.after(delayMs, () => this.whenRunning(() => whenAlive(run))),
    });
  }

  /** The process stops, and is started again some time later; but damage is for people. */
  private storageFailed(error: unknown): void {
    if (error instanceof SafetyViolation) throw error;
    const { code } = error as { code?: unknown };
    if (code === 'damaged' && this.onDamage !== undefined) {
      this.restoreLog(this.onDamage);
      return;
    }
    if (code !== 'io' && code !== 'ENOSPC' && code !== 'EIO') throw error;
    this.world.trace(() => `server ${this.id} stops: ${String(error)}`);
    this.crash(this.world.random.chance(0.3));
    this.startWithin(300);
  }

  private startWithin(ms: number): void {
    this.world.queue.after(this.world.random.integer(1, ms), () => {
      if (!this.isUp) this.start();
    });
  }

  /** It was right to refuse: somebody restores the file. */
  private restoreLog(restore: () => void): void {
    this.world.trace(() => `server ${this.id} refuses to start`);
    this.world.coverage.damageRefused += 1;
    this.crash(false);
    this.onDamage = undefined;
    restore();
    this.startWithin(100);
  }

  private applyAll(process: Process, ready: Ready): void {
    const snapshot = ready.persist?.snapshot;
    if (snapshot !== undefined && snapshot.lastIncludedIndex > process.application.appliedIndex) {
      process.snapshots.restore(snapshot);
    }
    for (const entry of ready.apply) {
      process.application.apply(entry);
      process.sessions.applied(entry);
    }
    const last = ready.apply.at(-1);
    if (last === undefined) return;
    const checkpoints = process.application.takeCheckpoints();
    const delayMs = this.world.random.next() * 3;
    this.world.queue.after(delayMs, () => {
      this.whenRunning(() => {
        if (process !== this.process) return;
        this.step({ type: 'applied', index: last.index, checkpoints });
        process.snapshots.maybeTake();
      });
    });
  }
}
