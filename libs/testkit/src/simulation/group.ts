import type { Configuration, Member, ServerId } from '@raftway/raft/core';
import { EventQueue } from '../event-queue';
import { seededRandom } from '../random';
import type { SeededRandom } from '../random';
import type { FingerprintOf, Outcome } from './application';
import { BlindChecker } from './blind-checker';
import { Checker } from './checker';
import { Clients } from './clients';
import { emptyCoverage } from './coverage';
import { SimulatedDisk } from './disk';
import { SimulatedNetwork } from './network';
import { equalPriorities } from './priorities';
import type { Priorities } from './priorities';
import { SimulatedServer } from './server';
import { SafetyViolation } from './violation';
import type { Leases, Timing, World } from './world';

/** How long after the last fault a group may take to be whole again, in virtual milliseconds. */
const LIVENESS_MS = 20_000;

/** With members that come and go up to eleven servers may need snapshots, some of them a second one, in small chunks that overtake each other. */
const MEMBERS_LIVENESS_MS = 60_000;

/** The same in election timeouts for leadership to be with the highest priority: the wait grows to 160 of them with attempts that faults have spoilt, and a new leader waits again. */
const HOMECOMING_TIMEOUTS = 400;

/** A group that takes more steps than this is busy with itself: no run needs a tenth of it. */
const STEPS_MAX = 500_000;

/** Which group. */
export interface GroupOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly changesMembers?: boolean | undefined;
  readonly fingerprintOf?: FingerprintOf | undefined;
  readonly leases?: Leases | undefined;
  readonly isBlind?: boolean | undefined;
  /** @default equal ones */
  readonly priorities?: Priorities | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

/** One group of servers in virtual time, with its network, its disks, its clients and its checker. */
export class SimulatedGroup {
  readonly coverage = emptyCoverage();
  readonly queue = new EventQueue();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly servers: SimulatedServer[] = [];
  readonly checker: Checker;
  readonly clients: Clients;
  readonly timing: Timing;
  readonly priorities: Priorities;
  /** A promise was settled by the last event. */
  private hasSettled = false;
  private failure: { readonly error: unknown } | undefined;

  constructor(private readonly options: GroupOptions) {
    const { seed, nodes } = options;
    this.priorities = options.priorities ?? equalPriorities;
    this.random = seededRandom(seed * 16 + nodes);
    const { queue, random, coverage } = this;
    const founders = Array.from({ length: nodes }, (_unused, offset) => offset + 1);
    const ids = options.changesMembers === true ? withStrangers(founders) : founders;
    const settled = (): void => {
      this.hasSettled = true;
    };
    const disks = ids.map((id) => {
      const whenRunning = (run: () => void): void => this.servers[id - 1]?.whenRunning(run);
      const world = { queue, random: random.fork(), coverage, settled, whenRunning };
      return new SimulatedDisk(id, random.fork(), world);
    });
    this.timing = drawTiming(random);
    const promises = disks.map((disk) => disk.promises);
    const isBlind = options.isBlind === true;
    const { electionTimeoutMs } = this.timing;
    this.checker = new (isBlind ? BlindChecker : Checker)(promises, coverage, electionTimeoutMs);
    this.network = new SimulatedNetwork(queue, random.fork(), coverage, (message) =>
      this.checker.onSend(message),
    );
    const world = this.worldOf(founders);
    for (const id of ids) {
      const server = new SimulatedServer(id, world, disks[id - 1] as SimulatedDisk);
      this.servers.push(server);
      this.network.attach(id, server);
    }
    this.clients = new Clients(queue, random.fork(), () => this.active(), coverage, isBlind);
  }

  private worldOf(founders: readonly ServerId[]): World {
    const { queue, random, network, checker, coverage, timing } = this;
    return {
      queue,
      random: random.fork(),
      network,
      checker,
      coverage,
      configuration: configurationOf(founders),
      timing,
      fingerprintOf: this.options.fingerprintOf,
      leases: this.options.leases,
      priorities: this.priorities,
      trace: (line) => this.trace(line),
      settled: () => {
        this.hasSettled = true;
      },
      guard: (run) => {
        try {
          run();
        } catch (error) {
          this.failure ??= { error };
        }
      },
    };
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** The members, as far as is committed, and whoever leads without being one of them. */
  active(): readonly SimulatedServer[] {
    const members = this.checker.members.newest?.members;
    if (this.options.changesMembers !== true || members === undefined) return this.servers;
    return this.servers.filter(
      (server) =>
        server.raft?.role === 'leader' || members.some((member) => member.id === server.id),
    );
  }

  /** Of the active ones those that vote. To be asked when no change is under way. */
  voters(): readonly SimulatedServer[] {
    const members = this.checker.members.newest?.members;
    if (members === undefined) return this.servers;
    return this.servers.filter((server) =>
      members.some(({ id, voter }) => voter && id === server.id),
    );
  }

  start(): void {
    const { queue, random, servers } = this;
    for (const server of servers) queue.after(random.next() * 30, () => server.start());
  }

  /**
   * Lets virtual time pass. Storage is real code with promises: whatever one event has settled runs to its end before the next event, so that the run stays a
   * function of its seed. The check phase comes when no microtask is left.
   */
  async runUntil(untilMs: number): Promise<void> {
    const { queue } = this;
    while (queue.runNext(untilMs)) {
      if (this.hasSettled) {
        this.hasSettled = false;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (this.failure !== undefined) throw this.failure.error;
      if (this.coverage.steps > STEPS_MAX) {
        throw new SafetyViolation(`the group does not come to rest: ${this.describe()}`);
      }
    }
    queue.runUntil(untilMs);
  }

  /** Runs until `isDone`, asking again every quarter of a second. @throws SafetyViolation when that takes too long. */
  async runUntilDone(
    what: string,
    ask: () => void,
    isDone: () => boolean,
    withinMs = this.options.changesMembers === true ? MEMBERS_LIVENESS_MS : LIVENESS_MS,
  ): Promise<void> {
    const deadlineMs = this.nowMs + withinMs;
    while (this.nowMs < deadlineMs && !isDone()) {
      ask();
      await this.runUntil(this.nowMs + 250);
    }
    if (isDone()) return;
    throw new SafetyViolation(`${what} ${withinMs} ms after the last fault. ${this.describe()}`);
  }

  /** Safety alone is met by servers that do nothing: with the faults gone, every server must take commands and reads again, and sessions that nobody keeps end. */
  async recover(): Promise<void> {
    const { clients, checker } = this;
    const wrote = new Set<SimulatedServer>();
    const hasRead = new Set<SimulatedServer>();
    const ask = (): void => {
      for (const server of this.active()) {
        const note = (outcome: Outcome): void => {
          if (outcome === 'acknowledged') wrote.add(server);
        };
        if (!wrote.has(server)) clients.append(99, server, false, note);
        if (!hasRead.has(server)) clients.read(server, () => hasRead.add(server));
      }
    };
    const isWhole = (server: SimulatedServer): boolean =>
      wrote.has(server) &&
      hasRead.has(server) &&
      server.appliedIndex === checker.committedIndex &&
      server.raft?.isSuspect === false;
    await this.runUntilDone(
      'not whole',
      ask,
      () => this.isSettled() && this.active().every((server) => isWhole(server)),
    );
  }

  /** No change of members is half done, and nobody is still to become a voter. */
  private isSettled(): boolean {
    const { newest } = this.checker.members;
    const isClear = newest?.members.every((member) => isPlain(member)) === true;
    return isClear && this.active().every(({ raft }) => raft?.configuration.members.every(isPlain));
  }

  /** Leadership ends where it should live: with a voter that nobody exceeds in priority. */
  async comeHome(): Promise<void> {
    if (!this.priorities.differ) return;
    await this.runUntilDone(
      'leadership does not come home',
      () => undefined,
      () => this.isHome(),
      HOMECOMING_TIMEOUTS * this.timing.electionTimeoutMs,
    );
  }

  private isHome(): boolean {
    const { priorities } = this;
    const voters = this.voters();
    const leader = voters.find(({ raft }) => raft?.role === 'leader');
    if (leader === undefined) return false;
    return voters.every(({ id }) => priorities.of(id) <= priorities.of(leader.id));
  }

  async endSessions(): Promise<void> {
    await this.runUntilDone(
      'sessions do not end',
      () => undefined,
      () => this.active().every(({ list }) => list?.sessionCount === 0),
    );
  }

  compareReplicas(): void {
    const members = this.active();
    const lists = members.map((server) => server.list?.describe());
    if (lists.some((list) => list !== lists[0])) {
      throw new SafetyViolation(`replicas differ: ${lists.join(' | ')}`);
    }
    for (const server of members) this.clients.check(server);
  }

  describe(): string {
    return this.servers.map((server) => `${server.id}: ${server.describe()}`).join('; ');
  }

  trace(line: () => string): void {
    this.options.trace?.(`${this.nowMs.toFixed(2).padStart(9)}  ${line()}`);
  }
}

function isPlain({ transition }: Member): boolean {
  return transition === undefined;
}

/** Twice as many, and one: there is always somebody who was never in the group. */
function withStrangers(founders: readonly ServerId[]): readonly ServerId[] {
  return [...founders, ...founders.map((id) => id + founders.length), 2 * founders.length + 1];
}

function configurationOf(ids: readonly ServerId[]): Configuration {
  return {
    clusterId: 'simulated',
    members: ids.map((id) => ({ id, address: `server-${id}:1`, voter: true })),
  };
}

function drawTiming(random: SeededRandom): Timing {
  const heartbeatIntervalMs = random.pick([15, 25, 40]);
  return {
    heartbeatIntervalMs,
    electionTimeoutMs: heartbeatIntervalMs * random.pick([4, 6, 8]),
    snapshotEvery: random.pick([8, 20, 50]),
    keepBehindSnapshot: random.pick([0, 3, 10]),
  };
}
