import type { ServerId } from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Coverage } from './coverage';
import type { SimulatedNetwork } from './network';
import type { SimulatedServer } from './server';

/** What the nemesis may do to whom. */
export interface Victims {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly servers: readonly SimulatedServer[];
  /** Those that take part in the group now. */
  readonly active: () => readonly SimulatedServer[];
  /** The sets of voters a majority of which may decide something now. */
  readonly voterSets: () => readonly (readonly ServerId[])[];
  readonly coverage: Coverage;
  readonly trace: (line: () => string) => void;
}

/** Virtual milliseconds after which faults come more slowly, and again after as many more. */
const PATIENCE_MS = 12_000;

/** Makes things go wrong until it is stopped: one fault every now and then, several at a time. */
export class Nemesis {
  private running = true;

  constructor(private readonly victims: Victims) {
    this.scheduleNext();
  }

  /** Ends all faults: links work, servers run, disks are quick. */
  stop(): void {
    this.running = false;
    this.victims.network.becomePerfect();
    for (const server of this.victims.servers) {
      server.disk.files.latencyMaxMs = 3;
      server.disk.files.isFull = false;
      server.disk.files.failNextSync = false;
      server.disk.files.onSync = undefined;
      server.thaw();
      if (!server.isUp) server.start();
    }
  }

  private scheduleNext(): void {
    const { queue, random } = this.victims;
    // A run that goes on for so long has not committed enough to prove anything: with less trouble it will.
    const slowness = 1 + 4 * Math.floor(queue.nowMs / PATIENCE_MS);
    queue.after(random.integer(40, 350) * slowness, () => {
      if (!this.running) return;
      this.strike();
      this.scheduleNext();
    });
  }

  private strike(): void {
    const { random, coverage } = this.victims;
    coverage.faults += 1;
    const dice = random.integer(1, 100);
    if (dice <= 16) this.crash([this.leaderOrAny()]);
    else if (dice <= 24) this.crash([random.pick(this.victims.active())]);
    else if (dice <= 28) this.crash(this.victims.servers);
    else if (dice <= 31) this.failSync();
    else if (dice <= 34) this.fillDisk();
    else if (dice <= 40) this.split();
    else if (dice <= 50) this.isolate(true);
    else if (dice <= 60) this.isolate(false);
    else if (dice <= 64) this.cutOneLink();
    else if (dice <= 76) this.freeze();
    else if (dice <= 88) this.transfer();
    else if (dice <= 94) this.slowDisk();
    else this.victims.network.heal();
  }

  private leaderOrAny(): SimulatedServer {
    const { active, random } = this.victims;
    const servers = active();
    return servers.find((server) => server.raft?.role === 'leader') ?? random.pick(servers);
  }

  private crash(servers: readonly SimulatedServer[]): void {
    const { queue, random } = this.victims;
    for (const server of servers) {
      if (!server.isUp) continue;
      const { files } = server.disk;
      if (!random.chance(0.5)) this.crashNow(server);
      else {
        // While its disk is busy, which is when there is most to lose.
        files.onSync = () => {
          files.onSync = undefined;
          // Or soon after, when it has just said what it then forgets.
          queue.after(random.next() * 3 * files.latencyMaxMs, () => this.crashNow(server));
        };
      }
    }
  }

  private crashNow(server: SimulatedServer): void {
    if (!this.running || !server.isUp) return;
    const { queue, random, coverage } = this.victims;
    coverage.crashes += 1;
    const power = random.chance(0.6);
    if (power) coverage.powerCuts += 1;
    server.crash(power);
    const rots = random.chance(0.3) && this.rot(server);
    // Those who could tell it are gone before it has asked.
    if (rots && random.chance(0.5)) {
      queue.after(random.integer(1, 40), () => {
        if (this.running) this.crashNow(this.leaderOrAny());
      });
    }
    // Short enough to be back, quite often, while messages to its earlier self are still under way.
    queue.after(random.integer(1, random.chance(0.5) ? 20 : 600), () => {
      if (!server.isUp) server.start();
    });
  }

  /** Two halves that do not hear each other. */
  private split(): void {
    const { network, servers, random } = this.victims;
    network.heal();
    const left = servers.filter(() => random.chance(0.5));
    for (const one of left) {
      for (const other of servers) {
        if (left.includes(other)) continue;
        network.cutLink(one.id, other.id);
        network.cutLink(other.id, one.id);
      }
    }
    this.partitioned(`${left.map(({ id }) => id).join(' ')} cut off from the rest`);
  }

  /** One server, preferably the leader, loses its links; `bothWays`, or only what it sends, or only what it would receive. */
  private isolate(bothWays: boolean): void {
    const { network, servers, active, random } = this.victims;
    network.heal();
    const victim = random.chance(0.6) ? this.leaderOrAny() : random.pick(active());
    const sends = random.chance(0.5);
    for (const other of servers) {
      if (bothWays || sends) network.cutLink(victim.id, other.id);
      if (bothWays || !sends) network.cutLink(other.id, victim.id);
    }
    const way = bothWays ? 'both ways' : sends ? 'sends in vain' : 'hears nothing';
    this.partitioned(`server ${victim.id} isolated: ${way}`);
  }

  private cutOneLink(): void {
    const { network, active, random } = this.victims;
    const one = random.pick(active());
    const other = random.pick(active());
    network.cutLink(one.id, other.id);
    this.partitioned(`link from ${one.id} to ${other.id} cut`);
  }

  private partitioned(what: string): void {
    const { network, queue, random, coverage, trace } = this.victims;
    coverage.partitions += 1;
    trace(() => what);
    queue.after(random.integer(50, 900), () => network.heal());
  }

  private freeze(): void {
    const { queue, random, coverage } = this.victims;
    const victim = random.chance(0.6) ? this.leaderOrAny() : random.pick(this.victims.active());
    if (!victim.isUp || victim.isFrozen) return;
    coverage.pauses += 1;
    victim.freeze();
    queue.after(random.integer(30, 1200), () => victim.thaw());
  }

  private transfer(): void {
    const { active, random, coverage, trace } = this.victims;
    const server = random.pick(active());
    const target = random.chance(0.3) ? 0 : random.pick(active()).id;
    coverage.transfers += 1;
    trace(() => `server ${server.id} is asked to hand leadership to ${target}`);
    server.transferLeadership(target);
  }

  private slowDisk(): void {
    const { queue, random, trace } = this.victims;
    const victim = random.chance(0.5) ? this.leaderOrAny() : random.pick(this.victims.active());
    const { files } = victim.disk;
    files.latencyMaxMs = random.pick([20, 80, 400]);
    trace(() => `disk of server ${victim.id} takes up to ${files.latencyMaxMs} ms`);
    queue.after(random.integer(100, 900), () => {
      victim.disk.files.latencyMaxMs = 3;
    });
  }

  /** Of what is acknowledged a majority stays whole: no rule can do without. */
  private rot(server: SimulatedServer): boolean {
    const { servers, voterSets, coverage, trace } = this.victims;
    const rotten = servers.filter((one) => one === server || one.disk.isRotten);
    const isTooMuch = voterSets().some((voters) => {
      const lost = rotten.filter(({ id }) => voters.includes(id));
      return lost.length > (voters.length - 1) / 2;
    });
    if (isTooMuch) return false;
    if (!server.disk.rotLastBatch()) return false;
    coverage.bitsFlipped += 1;
    trace(() => `the last batch on the disk of server ${server.id} rots`);
    return true;
  }

  private failSync(): void {
    const victim = this.leaderOrAny();
    this.victims.trace(() => `the next sync of server ${victim.id} fails`);
    victim.disk.files.failNextSync = true;
  }

  private fillDisk(): void {
    const { queue, random, trace } = this.victims;
    const victim = random.chance(0.5) ? this.leaderOrAny() : random.pick(this.victims.active());
    trace(() => `the disk of server ${victim.id} is full`);
    victim.disk.files.isFull = true;
    queue.after(random.integer(50, 900), () => {
      victim.disk.files.isFull = false;
    });
  }
}
