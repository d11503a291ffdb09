import type { Configuration } from '@raftway/raft/core';
import { EventQueue } from '../event-queue';
import { seededRandom } from '../random';
import type { SeededRandom } from '../random';
import type { Outcome } from './application';
import { Checker } from './checker';
import { Clients } from './clients';
import { emptyCoverage } from './coverage';
import type { Coverage } from './coverage';
import { SimulatedDisk } from './disk';
import { Nemesis } from './nemesis';
import { SimulatedNetwork } from './network';
import { SimulatedServer } from './server';
import { SafetyViolation } from './violation';
import type { Timing, World } from './world';

/** Which run. A run is a function of these and of the code. */
export interface SimulationOptions {
  readonly seed: number;
  /** How many servers: 1 to 9. */
  readonly nodes: number;
  /** Virtual milliseconds with faults; more when the minima of {@link COVERAGE_MINIMA} are not reached. @default 6000 */
  readonly faultyMs?: number | undefined;
  /** Called with a line for everything that happens. @default nothing */
  readonly trace?: ((line: string) => void) | undefined;
  /** Is given the run's clock when it begins: virtual milliseconds. */
  readonly onClock?: ((nowMs: () => number) => void) | undefined;
}

/** What every run must have met. */
export const COVERAGE_MINIMA = { steps: 2000, faults: 10, commits: 50 } as const;

/** How long after the last fault the group may take to be whole again, in virtual milliseconds. */
const LIVENESS_MS = 20_000;

/** A run failed; says how to see it again. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';

  constructor(
    message: string,
    /** The broken property. */
    readonly finding: string,
    readonly steps: number,
    /** Virtual milliseconds. */
    readonly atMs: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Runs one group of servers, in one thread and virtual time, through faults; checks Raft's safety properties after every step, and in the
 * end that the group recovers, its replicas are equal, and its clients were told the truth.
 *
 * @throws SimulationFailure naming the step, the broken property and the command that replays the run.
 */
export async function simulate(options: SimulationOptions): Promise<Coverage> {
  const simulation = new Simulation(options);
  try {
    await simulation.run();
  } catch (error) {
    const { seed, nodes } = options;
    const where = `after ${simulation.coverage.steps} steps, at ${simulation.nowMs.toFixed(1)} ms`;
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new SimulationFailure(
      `seed ${seed} with ${nodes} servers failed ${where}: ${what}\n` +
        `replay: npm run simulate -- --seed ${seed} --nodes ${nodes} --trace`,
      what,
      simulation.coverage.steps,
      simulation.nowMs,
      { cause: error },
    );
  }
  return simulation.coverage;
}

class Simulation {
  readonly coverage = emptyCoverage();
  private readonly queue = new EventQueue();
  private readonly random: SeededRandom;
  private readonly network: SimulatedNetwork;
  private readonly servers: SimulatedServer[] = [];
  private readonly checker: Checker;
  private readonly clients: Clients;
  private readonly faultyMs: number;
  /** A promise was settled by the last event. */
  private hasSettled = false;
  private failure: { readonly error: unknown } | undefined;

  constructor(private readonly options: SimulationOptions) {
    const { seed, nodes } = options;
    this.faultyMs = options.faultyMs ?? 6000;
    this.random = seededRandom(seed * 16 + nodes);
    const { queue, random, coverage } = this;
    const ids = Array.from({ length: nodes }, (_unused, offset) => offset + 1);
    const settled = (): void => {
      this.hasSettled = true;
    };
    const disks = ids.map((id) => {
      const whenRunning = (run: () => void): void => this.servers[id - 1]?.whenRunning(run);
      const world = { queue, random: random.fork(), coverage, settled, whenRunning };
      return new SimulatedDisk(id, random.fork(), world);
    });
    const timing = drawTiming(random);
    this.checker = new Checker(
      disks.map(({ promises }) => promises),
      coverage,
      timing.electionTimeoutMs,
    );
    this.network = new SimulatedNetwork(queue, random.fork(), coverage, (message) =>
      this.checker.onSend(message),
    );
    const world: World = {
      queue,
      random: random.fork(),
      network: this.network,
      checker: this.checker,
      coverage,
      configuration: configurationOf(ids),
      timing,
      trace: (line) => this.trace(line),
      guard: (run) => {
        try {
          run();
        } catch (error) {
          this.failure ??= { error };
        }
      },
    };
    for (const id of ids) {
      const server = new SimulatedServer(id, world, disks[id - 1] as SimulatedDisk);
      this.servers.push(server);
      this.network.attach(id, server);
    }
    this.clients = new Clients(queue, random.fork(), this.servers, coverage);
    options.onClock?.(() => queue.nowMs);
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  async run(): Promise<void> {
    await this.sufferFaults();
    await this.recover();
    this.compareReplicas();
  }

  /**
   * Lets virtual time pass. Storage is real code with promises: whatever one event has settled runs to its end before the next event, so that the run stays a
   * function of its seed. The check phase comes when no microtask is left.
   */
  private async runUntil(untilMs: number): Promise<void> {
    const { queue } = this;
    while (queue.runNext(untilMs)) {
      if (this.hasSettled) {
        this.hasSettled = false;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (this.failure !== undefined) throw this.failure.error;
    }
    queue.runUntil(untilMs);
  }

  private async sufferFaults(): Promise<void> {
    const { queue, random, network, servers, coverage } = this;
    for (const server of servers) queue.after(random.next() * 30, () => server.start());
    network.setFaults({
      loss: random.pick([0, 0.01, 0.05, 0.15]),
      duplication: random.pick([0, 0.02, 0.1]),
      lateness: random.pick([0, 0.02, 0.1, 0.3]),
      lateMaxMs: random.pick([50, 300, 1000]),
    });
    await this.runUntil(100);
    const trace = (line: () => string): void => this.trace(line);
    const victims = { queue, network, servers, coverage, trace };
    const nemesis = new Nemesis(random.fork(), victims, {});
    this.clients.start(random.integer(2, 5));
    await this.runUntil(this.faultyMs);
    const short = (): boolean =>
      coverage.steps < COVERAGE_MINIMA.steps ||
      coverage.faults < COVERAGE_MINIMA.faults ||
      coverage.commits < COVERAGE_MINIMA.commits;
    while (short() && queue.nowMs < 10 * this.faultyMs) {
      // When most disks have lost their ends, all servers must agree on a leader, and in a network that loses every seventh message that takes very long.
      if (queue.nowMs > 5 * this.faultyMs) {
        network.setFaults({ loss: 0, duplication: 0, lateness: 0, lateMaxMs: 0 });
      }
      await this.runUntil(queue.nowMs + 500);
    }
    this.trace(() => 'faults end');
    nemesis.stop();
    this.clients.stop();
  }

  /** Safety alone is met by servers that do nothing: with the faults gone, every server must take commands and reads again. */
  private async recover(): Promise<void> {
    const { queue, servers } = this;
    const deadlineMs = queue.nowMs + LIVENESS_MS;
    const wrote = new Set<SimulatedServer>();
    const hasRead = new Set<SimulatedServer>();
    const ask = (server: SimulatedServer): void => {
      const note = (outcome: Outcome): void => {
        if (outcome === 'acknowledged') wrote.add(server);
      };
      if (!wrote.has(server)) this.clients.append(99, server, note);
      if (!hasRead.has(server)) this.clients.read(server, () => hasRead.add(server));
    };
    const isWhole = (): boolean =>
      wrote.size === servers.length &&
      hasRead.size === servers.length &&
      servers.every(({ appliedIndex }) => appliedIndex === this.checker.committedIndex);
    while (queue.nowMs < deadlineMs && !isWhole()) {
      for (const server of servers) ask(server);
      await this.runUntil(queue.nowMs + 250);
    }
    if (!isWhole()) {
      const states = servers.map((server) => `${server.id}: ${server.describe()}`).join('; ');
      throw new SafetyViolation(`not whole ${LIVENESS_MS} ms after the last fault. ${states}`);
    }
  }

  private compareReplicas(): void {
    const lists = this.servers.map((server) => server.list?.describe());
    if (lists.some((list) => list !== lists[0])) {
      throw new SafetyViolation(`replicas differ: ${lists.join(' | ')}`);
    }
    for (const server of this.servers) this.clients.check(server);
  }

  private trace(line: () => string): void {
    this.options.trace?.(`${this.queue.nowMs.toFixed(2).padStart(9)}  ${line()}`);
  }
}

function configurationOf(ids: readonly number[]): Configuration {
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
