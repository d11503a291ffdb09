import type { ServerId } from '@raftway/raft/core';
import type { FingerprintOf } from './application';
import type { Coverage } from './coverage';
import { endure } from './endure';
import { SimulatedGroup } from './group';
import { LASTING_FAULTS } from './lasting-faults';
import type { LastingFault } from './lasting-faults';
import { MembershipNemesis } from './membership-nemesis';
import { Nemesis } from './nemesis';
import type { FaultKind } from './nemesis';
import { drawPriorities, equalPriorities } from './priorities';
import type { SimulatedServer } from './server';
import type { Victims } from './victims';
import type { Leases } from './world';

/** Which run. A run is a function of these and of the code. */
export interface SimulationOptions {
  readonly seed: number;
  /** How many servers: 1 to 9. */
  readonly nodes: number;
  /** The members change all the while: there are servers beside the first `nodes` that come and go. @default false */
  readonly changesMembers?: boolean | undefined;
  /** What is compared of the state machines' answers: for runs with one that is no function of its log. @default what is right */
  readonly fingerprintOf?: FingerprintOf | undefined;
  /** Reads are answered from leases, and clocks may differ. @default neither */
  readonly leases?: Leases | undefined;
  /** Virtual milliseconds with faults. @default 6000, and more when the minima of {@link COVERAGE_MINIMA} are not reached */
  readonly faultyMs?: number | undefined;
  /** Kinds of faults to leave out: of the nemesis, and `loss`, `duplication`, `lateness` of the network, `priorities` and `lasting`. Then the minima do not count. */
  readonly without?: readonly string[] | undefined;
  /** Numbers of faults to leave out, from 1. Then the minima do not count. */
  readonly dropped?: readonly number[] | undefined;
  /** The fault to endure in the end. @default in some runs, by the seed */
  readonly lasting?: LastingFault | undefined;
  /** Called with a line for everything that happens. @default nothing */
  readonly trace?: ((line: string) => void) | undefined;
  /** Is given the run's clock when it begins: virtual milliseconds. */
  readonly onClock?: ((nowMs: () => number) => void) | undefined;
}

/** What every run must have met. */
export const COVERAGE_MINIMA = { steps: 2000, faults: 10, commits: 50 } as const;

/** One run in so many has to work with a fault that stays. */
const LASTING_ONE_IN = 4;

/** What a run that failed can say of itself. */
export interface FailedRun {
  /** The broken property. */
  readonly finding: string;
  readonly steps: number;
  /** What it had met until then. */
  readonly coverage: Coverage;
  /** Virtual milliseconds. */
  readonly atMs: number;
  /** When the faults ended, which may be later than asked for; when they had not, as `atMs`. */
  readonly faultyUntilMs: number;
  /** The faults until then, in order. */
  readonly faults: readonly FaultKind[];
}

/** A run failed; says how to see it again. */
export class SimulationFailure extends Error implements FailedRun {
  override readonly name = 'SimulationFailure';
  readonly finding: string;
  readonly steps: number;
  readonly coverage: Coverage;
  readonly atMs: number;
  readonly faultyUntilMs: number;
  readonly faults: readonly FaultKind[];

  constructor(message: string, failed: FailedRun, options?: ErrorOptions) {
    super(message, options);
    this.finding = failed.finding;
    this.steps = failed.steps;
    this.coverage = failed.coverage;
    this.atMs = failed.atMs;
    this.faultyUntilMs = failed.faultyUntilMs;
    this.faults = failed.faults;
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
  const { group } = simulation;
  try {
    await simulation.run();
  } catch (error) {
    const { coverage, nowMs: atMs } = group;
    const { steps } = coverage;
    const finding = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const { seed, nodes } = options;
    throw new SimulationFailure(
      `seed ${seed} with ${nodes} servers failed after ${steps} steps, at ${atMs.toFixed(1)} ms: ${finding}\n` +
        `replay: ${replayCommand(options)} --trace`,
      {
        finding,
        steps,
        coverage,
        atMs,
        faultyUntilMs: simulation.faultyUntilMs ?? atMs,
        faults: simulation.faults,
      },
      { cause: error },
    );
  }
  return group.coverage;
}

/** The command that runs it again. */
export function replayCommand(options: SimulationOptions): string {
  const { seed, nodes, changesMembers, faultyMs, without = [], dropped = [] } = options;
  const words = [`npm run simulate -- --seed ${seed} --nodes ${nodes}`];
  if (changesMembers === true) words.push('--members');
  if (faultyMs !== undefined) words.push(`--faulty-ms ${faultyMs}`);
  if (without.length > 0) words.push(`--without ${without.join(',')}`);
  if (dropped.length > 0) words.push(`--drop ${dropped.join(',')}`);
  return words.join(' ');
}

class Simulation {
  readonly group: SimulatedGroup;
  faultyUntilMs: number | undefined;
  private nemesis: Nemesis | undefined;
  private readonly without: ReadonlySet<string>;
  private readonly dropped: ReadonlySet<number>;
  private readonly lasting: LastingFault | undefined;

  constructor(private readonly options: SimulationOptions) {
    this.without = new Set(options.without);
    const { seed, nodes } = options;
    const priorities = this.without.has('priorities')
      ? equalPriorities
      : drawPriorities(seed, nodes);
    this.group = new SimulatedGroup({ ...options, priorities });
    if (priorities.differ) this.group.coverage.priorityRuns += 1;
    this.dropped = new Set(options.dropped);
    this.lasting = options.lasting ?? this.drawLasting();
    options.onClock?.(() => this.group.nowMs);
  }

  get faults(): readonly FaultKind[] {
    return this.nemesis?.chosen ?? [];
  }

  async run(): Promise<void> {
    const { group, lasting } = this;
    await this.sufferFaults();
    await group.recover();
    group.compareReplicas();
    await group.comeHome();
    if (lasting !== undefined) {
      await endure(group, lasting, group.random);
      await group.recover();
      group.compareReplicas();
    }
    await group.endSessions();
  }

  private drawLasting(): LastingFault | undefined {
    const { random, servers } = this.group;
    const fault = random.pick(LASTING_FAULTS);
    const isDrawn = random.integer(1, LASTING_ONE_IN) === 1;
    return isDrawn && servers.length > 2 && !this.without.has('lasting') ? fault : undefined;
  }

  private async sufferFaults(): Promise<void> {
    const { group } = this;
    const { queue, random, network, servers, coverage, clients } = group;
    const faultyMs = this.options.faultyMs ?? 6000;
    group.start();
    this.spoilNetwork();
    await group.runUntil(100);
    const trace = (line: () => string): void => group.trace(line);
    const active = (): readonly SimulatedServer[] => group.active();
    const voterSets = (): readonly (readonly ServerId[])[] => group.checker.members.voterSets;
    const victims = { queue, network, servers, active, voterSets, coverage, trace };
    const { without, dropped } = this;
    const nemesis = new Nemesis(random.fork(), victims, { without, dropped });
    this.nemesis = nemesis;
    const operator = this.startOperator(victims);
    clients.start(random.integer(2, 5));
    await group.runUntil(faultyMs);
    const isReduced = without.size > 0 || dropped.size > 0 || this.options.faultyMs !== undefined;
    const short = (): boolean =>
      !isReduced &&
      (coverage.steps < COVERAGE_MINIMA.steps ||
        coverage.faults < COVERAGE_MINIMA.faults ||
        coverage.commits < COVERAGE_MINIMA.commits);
    while (short() && queue.nowMs < 10 * faultyMs) {
      // When most disks have lost their ends, all servers must agree on a leader, and in a network that loses every seventh message that takes very long.
      if (queue.nowMs > 5 * faultyMs) {
        network.setFaults({ loss: 0, duplication: 0, lateness: 0, lateMaxMs: 0 });
      }
      await group.runUntil(queue.nowMs + 500);
    }
    group.trace(() => 'faults end');
    this.faultyUntilMs = group.nowMs;
    nemesis.stop();
    operator?.stop();
    clients.stop();
  }

  private startOperator(victims: Omit<Victims, 'isRunning'>): MembershipNemesis | undefined {
    const { nodes, changesMembers } = this.options;
    if (changesMembers !== true) return undefined;
    return new MembershipNemesis(this.group.random.fork(), victims, 2, nodes + 2);
  }

  private spoilNetwork(): void {
    const { random, network } = this.group;
    const unless = (kind: string, share: number): number => (this.without.has(kind) ? 0 : share);
    network.setFaults({
      loss: unless('loss', random.pick([0, 0.01, 0.05, 0.15])),
      duplication: unless('duplication', random.pick([0, 0.02, 0.1])),
      lateness: unless('lateness', random.pick([0, 0.02, 0.1, 0.3])),
      lateMaxMs: random.pick([50, 300, 1000]),
    });
  }
}
