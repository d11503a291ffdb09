import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Outcome } from './application';
import type { Coverage } from './coverage';
import type { SimulatedServer } from './server';
import { SafetyViolation } from './violation';

interface Acknowledged {
  readonly id: string;
  readonly index: number;
}

/**
 * Clients that append commands to the replicated list and read it, and judge the answers.
 *
 * The list makes linearizability simple: commands are ordered by their index and a read sees a prefix. So it is enough that (a) a command that began after
 * another was acknowledged has the higher index, (b) a read sees every command that was acknowledged before it began, and (c) at least what any read had
 * seen that ended before it began.
 */
export class Clients {
  private readonly acknowledged: Acknowledged[] = [];
  /** Commands that are certain to have had no effect. */
  private readonly without: string[] = [];
  private highestAcknowledged = 0;
  private highestRead = 0;
  private sequence = 0;
  private running = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    private readonly servers: readonly SimulatedServer[],
    private readonly coverage: Coverage,
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
      const server = this.random.pick(this.servers);
      const isRead = this.random.chance(0.35);
      const target = isRead && this.random.chance(0.5) ? this.oldLeader(server) : server;
      const burst = this.random.chance(0.1) ? 12 : 1;
      for (let count = 0; count < burst; count += 1) {
        if (isRead) this.read(target);
        else this.append(client, server);
      }
      this.next(client);
    });
  }

  /** Some clients stay with the leader that they know, also when there is another one by now. */
  private oldLeader(otherwise: SimulatedServer): SimulatedServer {
    let oldest: SimulatedServer | undefined;
    for (const server of this.servers) {
      const { raft } = server;
      if (raft?.role !== 'leader') continue;
      if (oldest?.raft === undefined || raft.term < oldest.raft.term) oldest = server;
    }
    return oldest ?? otherwise;
  }

  /** Appends one command. `done` is called when the answer has come. */
  append(client: number, server: SimulatedServer, done?: (outcome: Outcome) => void): void {
    this.sequence += 1;
    const { sequence } = this;
    const id = `client${client}.${sequence}`;
    const acknowledgedBefore = this.highestAcknowledged;
    server.propose(`client${client}`, sequence, (outcome, index) => {
      if (outcome === 'acknowledged') {
        if (index <= acknowledgedBefore) {
          throw new SafetyViolation(
            `${id} is acknowledged at ${index}; ${acknowledgedBefore} was acknowledged before it began`,
          );
        }
        this.acknowledged.push({ id, index });
        this.highestAcknowledged = Math.max(this.highestAcknowledged, index);
        this.coverage.acknowledged += 1;
      } else if (outcome === 'unknown') this.coverage.unknownOutcomes += 1;
      else {
        this.without.push(id);
        this.coverage.refused += 1;
      }
      done?.(outcome);
    });
  }

  /** Reads the list. `done` is called when it was answered, not when it was refused. */
  read(server: SimulatedServer, done?: () => void): void {
    const needed = Math.max(this.highestAcknowledged, this.highestRead);
    const last = this.acknowledged.at(-1);
    server.read((readable) => {
      const list = readable?.list;
      if (readable === undefined || list === undefined) {
        this.coverage.readsRefused += 1;
        return;
      }
      if (readable.appliedIndex < needed || (last && list.indexOf(last.id) !== last.index)) {
        throw new SafetyViolation(
          `stale read: server ${readable.id} answers as of ${readable.appliedIndex}, ` +
            `${needed} was acknowledged or seen before the read began`,
        );
      }
      this.highestRead = Math.max(this.highestRead, readable.appliedIndex);
      this.coverage.reads += 1;
      done?.();
    });
  }

  /** At the end: every acknowledged command is where it was said to be, and none that was refused is anywhere. */
  check(server: SimulatedServer): void {
    const { list } = server;
    if (list === undefined) throw new SafetyViolation(`server ${server.id} is down at the end`);
    for (const { id, index } of this.acknowledged) {
      if (list.indexOf(id) !== index) {
        throw new SafetyViolation(
          `${id} was acknowledged at ${index}; server ${server.id} has it at ${list.indexOf(id)}`,
        );
      }
    }
    for (const id of this.without) {
      if (list.indexOf(id) !== undefined) {
        throw new SafetyViolation(`${id} was refused, and server ${server.id} has applied it`);
      }
    }
  }
}
