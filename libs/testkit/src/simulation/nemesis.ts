import type { SeededRandom } from '../random';
import { DiskFaults } from './disk-faults';
import { NetworkFaults } from './network-faults';
import { ProcessFaults } from './process-faults';
import type { Victims } from './victims';

/** Of a hundred faults so many are of each kind. */
const FAULTS = {
  crashLeader: 13,
  crashAny: 7,
  crashAll: 4,
  usurp: 8,
  failSync: 3,
  fillDisk: 3,
  slowDisk: 4,
  hangDisk: 3,
  rotMiddle: 2,
  split: 5,
  isolate: 9,
  oneWay: 8,
  oneLink: 3,
  clog: 5,
  swizzle: 2,
  freeze: 11,
  transfer: 8,
  heal: 2,
} as const;

/** A kind of fault that the nemesis chooses. */
export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

/** Which faults of a run are left out: what remains is what it was. */
export interface FaultFilter {
  readonly without?: ReadonlySet<string> | undefined;
  /** Numbers of faults, from 1. */
  readonly dropped?: ReadonlySet<number> | undefined;
}

/** Virtual milliseconds after which faults come more slowly, and again after as many more. */
const PATIENCE_MS = 12_000;

/** Makes things go wrong until it is stopped: one fault every now and then, several at a time. */
export class Nemesis {
  /** The kinds of the faults so far, in order, left out or not. */
  readonly chosen: FaultKind[] = [];
  private running = true;
  private readonly processes: ProcessFaults;
  private readonly disks: DiskFaults;
  private readonly links: NetworkFaults;

  constructor(
    private readonly random: SeededRandom,
    private readonly victims: Omit<Victims, 'isRunning'>,
    private readonly filter: FaultFilter,
  ) {
    const all: Victims = { ...victims, isRunning: () => this.running };
    this.processes = new ProcessFaults(all);
    this.disks = new DiskFaults(all);
    this.links = new NetworkFaults(all);
    this.scheduleNext();
  }

  /** Ends all faults: links work, servers run, disks are quick. */
  stop(): void {
    this.running = false;
    this.victims.network.becomePerfect();
    for (const server of this.victims.servers) {
      server.disk.files.becomePerfect();
      server.thaw();
      if (!server.isUp) server.start();
    }
  }

  private scheduleNext(): void {
    const { queue } = this.victims;
    // A run that goes on for so long has not committed enough to prove anything: with less trouble it will.
    const slowness = 1 + 4 * Math.floor(queue.nowMs / PATIENCE_MS);
    queue.after(this.random.integer(40, 350) * slowness, () => {
      if (!this.running) return;
      this.strike();
      this.scheduleNext();
    });
  }

  private strike(): void {
    // Each fault has numbers of its own, so that leaving one out changes nothing of the others.
    const random = this.random.fork();
    const kind = chooseKind(random);
    this.chosen.push(kind);
    const number = this.chosen.length;
    const { without, dropped } = this.filter;
    if (without?.has(kind) === true || dropped?.has(number) === true) return;
    this.victims.coverage.faults += 1;
    this.victims.trace(() => `fault ${number}: ${kind}`);
    this.inflict(kind, random);
  }

  private inflict(kind: FaultKind, random: SeededRandom): void {
    const { processes, disks, links } = this;
    const deeds: Record<FaultKind, () => void> = {
      crashLeader: () => processes.crashLeader(random),
      crashAny: () => processes.crashAny(random),
      crashAll: () => processes.crashAll(random),
      usurp: () => processes.usurp(random),
      freeze: () => processes.freeze(random),
      transfer: () => processes.transfer(random),
      failSync: () => disks.failSync(random),
      fillDisk: () => disks.fillDisk(random),
      slowDisk: () => disks.slowDisk(random),
      hangDisk: () => disks.hangDisk(random),
      rotMiddle: () => processes.rotMiddle(random),
      split: () => links.split(random),
      isolate: () => links.isolate(random, true),
      oneWay: () => links.isolate(random, false),
      oneLink: () => links.cutOneLink(random),
      clog: () => links.clog(random),
      swizzle: () => links.swizzle(random),
      heal: () => this.victims.network.heal(),
    };
    deeds[kind]();
  }
}

function chooseKind(random: SeededRandom): FaultKind {
  let dice = random.integer(1, 100);
  for (const kind of FAULT_KINDS) {
    dice -= FAULTS[kind];
    if (dice <= 0) return kind;
  }
  return 'heal';
}
