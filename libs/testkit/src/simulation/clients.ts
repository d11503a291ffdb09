import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Outcome } from './application';
import { ClientHistory } from './client-history';
import type { Coverage } from './coverage';
import type { SimulatedServer } from './server';
import { registerAt } from './state-machine';
import { SafetyViolation } from './violation';

/** One command, and what its client was told of it. */
interface Command {
  readonly id: string;
  /** With one it may be sent again: it is applied once. Otherwise ''. */
  readonly clientId: string;
  readonly sequence: number;
  readonly acknowledgedBefore: number;
  readonly invokedAtMs: number;
  acknowledgedAtMs: number | undefined;
  attempts: number;
  /** Attempts without an answer. */
  open: number;
  /** Some attempt may have had an effect. */
  isUncertain: boolean;
  index: number | undefined;
}

interface Acknowledged {
  readonly id: string;
  readonly index: number;
  readonly atMs: number;
}

const ATTEMPTS_MAX = 4;

/**
 * Clients that append commands to the replicated list and read it, and judge the answers. Those that give their commands a request id send them again when no
 * answer comes in time, or a bad one, to whoever else there is.
 *
 * The list makes linearizability simple: commands are ordered by their index and a read sees a prefix. So it is enough that (a) a command that began after
 * another was acknowledged has the higher index, (b) a read sees every command that was acknowledged before it began, and (c) at least what any read had
 * seen that ended before it began. All that looks into servers; what clients alone can see is checked at the end, see {@link ClientHistory}.
 */
export class Clients {
  private readonly commands: Command[] = [];
  private highestAcknowledged = 0;
  /** In the order in which their clients heard of it. */
  private readonly acknowledged: Acknowledged[] = [];
  private highestRead = 0;
  private readonly history = new ClientHistory();
  private sequence = 0;
  private readCount = 0;
  private running = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    /** Whom the clients know. */
    private readonly servers: () => readonly SimulatedServer[],
    private readonly coverage: Coverage,
    /** Judges by {@link checkHistory} alone. */
    private readonly isBlind: boolean,
  ) {}

  /** Starts `count` clients, each of which asks some server every few milliseconds. */
  start(count: number): void {
    this.running = true;
    for (let client = 1; client <= count; client += 1) this.next(client);
  }

  stop(): void {
    this.running = false;
  }

  private next(client: number): void {
    this.queue.after(this.random.integer(2, 60), () => {
      if (!this.running) return;
      this.checkAges();
      const server = this.random.pick(this.servers());
      const isRead = this.random.chance(0.35);
      const target = isRead && this.random.chance(0.5) ? this.oldLeader(server) : server;
      const burst = this.random.chance(0.1) ? (isRead ? 4 : 12) : 1;
      for (let count = 0; count < burst; count += 1) {
        if (isRead) this.read(target);
        else this.append(client, server, this.random.chance(0.5));
      }
      this.next(client);
    });
  }

  /** Whoever says that its list is no older than some time has all that was acknowledged before that time. */
  private checkAges(): void {
    if (this.isBlind) return;
    for (const { id, list, freshAsOfMs } of this.servers()) {
      if (list === undefined || freshAsOfMs === -Infinity) continue;
      this.coverage.agesKnown += 1;
      const last = this.acknowledged.findLast(({ atMs }) => atMs < freshAsOfMs);
      if (last === undefined || list.indexOf(last.id) === last.index) continue;
      throw new SafetyViolation(
        `stale state: server ${id} says that it has all that was acknowledged before ${freshAsOfMs.toFixed(1)} ms, and lacks ${last.id} of ${last.atMs.toFixed(1)} ms`,
      );
    }
  }

  /** Some clients stay with the leader that they know, also when there is another one by now. */
  private oldLeader(otherwise: SimulatedServer): SimulatedServer {
    let oldest: SimulatedServer | undefined;
    for (const server of this.servers()) {
      const { raft } = server;
      if (raft?.role !== 'leader') continue;
      if (oldest?.raft === undefined || raft.term < oldest.raft.term) oldest = server;
    }
    return oldest ?? otherwise;
  }

  /** Appends one command. `done` is called when an answer has come. */
  append(
    client: number,
    server: SimulatedServer,
    withRequestId: boolean,
    done?: (outcome: Outcome) => void,
  ): void {
    this.sequence += 1;
    const command: Command = {
      id: `client${client}.${this.sequence}`,
      clientId: withRequestId ? `client${client}` : '',
      sequence: this.sequence,
      acknowledgedBefore: this.highestAcknowledged,
      invokedAtMs: this.queue.nowMs,
      acknowledgedAtMs: undefined,
      attempts: 0,
      open: 0,
      isUncertain: false,
      index: undefined,
    };
    this.commands.push(command);
    this.attempt(command, server, done);
  }

  private attempt(
    command: Command,
    server: SimulatedServer,
    done?: (outcome: Outcome) => void,
  ): void {
    command.attempts += 1;
    command.open += 1;
    let isAnswered = false;
    server.propose(command, (outcome, index) => {
      isAnswered = true;
      command.open -= 1;
      this.answered(command, outcome, index);
      if (outcome !== 'acknowledged') this.tryAgain(command);
      done?.(outcome);
    });
    if (command.clientId === '' || command.attempts === ATTEMPTS_MAX) return;
    this.queue.after(this.random.integer(60, 500), () => {
      if (!isAnswered) this.tryAgain(command);
    });
  }

  private tryAgain(command: Command): void {
    if (command.clientId === '' || command.attempts === ATTEMPTS_MAX || !this.running) return;
    if (command.index !== undefined || this.random.chance(0.7)) return;
    const server = this.random.pick(this.servers());
    this.coverage.retries += 1;
    this.queue.after(this.random.integer(1, 80), () => this.attempt(command, server));
  }

  private answered(command: Command, outcome: Outcome, index: number): void {
    const { id, acknowledgedBefore } = command;
    switch (outcome) {
      case 'acknowledged':
        this.require(
          index > acknowledgedBefore,
          () =>
            `${id} is acknowledged at ${index}; ${acknowledgedBefore} was acknowledged before it began`,
        );
        this.require(
          command.index === undefined || command.index === index,
          () => `${id} is acknowledged at ${index} and at ${command.index}`,
        );
        command.index = index;
        command.acknowledgedAtMs ??= this.queue.nowMs;
        this.acknowledged.push({ id, index, atMs: this.queue.nowMs });
        this.highestAcknowledged = Math.max(this.highestAcknowledged, index);
        this.coverage.acknowledged += 1;
        break;
      case 'unknown':
        command.isUncertain = true;
        this.coverage.unknownOutcomes += 1;
        break;
      case 'refused':
      case 'superseded':
        this.coverage.refused += 1;
        break;
    }
  }

  /** Reads the list. `done` is called when it was answered, not when it was refused. */
  read(server: SimulatedServer, done?: () => void): void {
    const needed = Math.max(this.highestAcknowledged, this.highestRead);
    const last = this.acknowledged.at(-1);
    const invokedAtMs = this.queue.nowMs;
    this.readCount += 1;
    const name = `read ${this.readCount} of server ${server.id}`;
    const register = registerAt(this.readCount);
    server.read((readable) => {
      const list = readable?.list;
      if (readable === undefined || list === undefined) {
        this.coverage.readsRefused += 1;
        return;
      }
      this.require(
        readable.appliedIndex >= needed && (!last || list.indexOf(last.id) === last.index),
        () =>
          `stale read: server ${readable.id} answers as of ${readable.appliedIndex}, ` +
          `${needed} was acknowledged or seen before the read began`,
      );
      this.highestRead = Math.max(this.highestRead, readable.appliedIndex);
      this.coverage.reads += 1;
      const value = list.valueOf(register);
      this.history.read(name, register, invokedAtMs, this.queue.nowMs, value);
      done?.();
    });
  }

  private require(condition: boolean, message: () => string): void {
    if (!condition && !this.isBlind) throw new SafetyViolation(message());
  }

  /** At the end, and once: is there an order in which all that clients were told is right? */
  checkHistory(): void {
    for (const { id, invokedAtMs, acknowledgedAtMs, open, isUncertain } of this.commands) {
      const isRefused = acknowledgedAtMs === undefined && open === 0 && !isUncertain;
      if (!isRefused) this.history.wrote(id, invokedAtMs, acknowledgedAtMs);
    }
    this.history.check(this.coverage);
  }

  /** At the end: every acknowledged command is where it was said to be, and none that was only refused is anywhere. */
  check(server: SimulatedServer): void {
    const { list } = server;
    if (list === undefined) throw new SafetyViolation(`server ${server.id} is down at the end`);
    for (const { id, index, open, isUncertain } of this.commands) {
      const there = list.indexOf(id);
      if (index !== undefined && there !== index) {
        throw new SafetyViolation(
          `${id} was acknowledged at ${index}; server ${server.id} has it at ${there}`,
        );
      }
      if (index === undefined && open === 0 && !isUncertain && there !== undefined) {
        throw new SafetyViolation(`${id} was refused, and server ${server.id} has applied it`);
      }
    }
  }
}
