import type { SeededRandom } from '../random';
import type { SimulatedServer } from './server';
import { leaderOrAny } from './victims';
import type { Victims } from './victims';

/** Processes that end, with or without their machine, or stand still; and leaders that are asked to go. */
export class ProcessFaults {
  constructor(private readonly victims: Victims) {}

  crashLeader(random: SeededRandom): void {
    this.crash(random, [leaderOrAny(this.victims, random)]);
  }

  crashAny(random: SeededRandom): void {
    const victim = random.pick(this.victims.active());
    this.crash(random, [victim]);
    if (random.chance(0.5)) this.crashAgain(random, victim, random.integer(4, 12));
  }

  /** A crash loop, while its clients go on asking: what was meant for one process reaches the next, which has just asked the same. */
  private crashAgain(random: SeededRandom, victim: SimulatedServer, lives: number): void {
    const { queue, servers, network, ask, isRunning } = this.victims;
    const lifeMs = random.integer(30, 150);
    for (let fromMs = 5; fromMs < lifeMs; fromMs += 5) {
      queue.after(fromMs, () => {
        if (isRunning()) ask(victim);
      });
    }
    // What comes for it last is held up until after its end, and then comes in any order.
    const holds = random.chance(0.7);
    if (holds) {
      queue.after(lifeMs * (0.3 + 0.6 * random.next()), () => {
        for (const { id } of servers) if (isRunning()) network.clog(id, victim.id);
      });
    }
    queue.after(lifeMs, () => {
      const withinMs = random.integer(20, 120);
      if (holds) for (const { id } of servers) network.unclog(id, victim.id, withinMs);
      if (!isRunning()) return;
      if (victim.isUp) {
        this.victims.coverage.crashes += 1;
        victim.crash(false);
        victim.start();
      }
      if (lives > 1) this.crashAgain(random, victim, lives - 1);
    });
  }

  crashAll(random: SeededRandom): void {
    this.crash(random, this.victims.servers);
  }

  /**
   * The leader is cut off while its clients go on, so that its log grows a wrong tail; when it is back its successor is gone, and the old one's log competes with
   * that of the others (Raft figures 7 and 8).
   */
  usurp(random: SeededRandom): void {
    const { queue, network, servers, coverage, trace, isRunning } = this.victims;
    const victim = leaderOrAny(this.victims, random);
    const hearsCalls = random.chance(0.5);
    coverage.partitions += 1;
    for (const other of servers) {
      network.cutLink(victim.id, other.id);
      if (!hearsCalls) network.cutLink(other.id, victim.id);
    }
    trace(() => `server ${victim.id} is cut off with its clients`);
    queue.after(random.integer(100, 900), () => {
      if (!isRunning()) return;
      network.heal();
      const successor = leaderOrAny(this.victims, random);
      if (successor !== victim && random.chance(0.8)) this.crashNow(random, successor);
    });
  }

  freeze(random: SeededRandom): void {
    const { queue, active, coverage } = this.victims;
    const victim = random.chance(0.6) ? leaderOrAny(this.victims, random) : random.pick(active());
    if (!victim.isUp || victim.isFrozen) return;
    coverage.pauses += 1;
    victim.freeze();
    queue.after(random.integer(30, 1200), () => victim.thaw());
  }

  /** A change of leader that no timeout precedes; sometimes the old one does not hear of it for a while, though its clients reach it. */
  transfer(random: SeededRandom): void {
    const { queue, network, servers, active, coverage, trace, isRunning } = this.victims;
    const server = random.pick(active());
    const target = random.chance(0.3) ? 0 : random.pick(active()).id;
    coverage.transfers += 1;
    trace(() => `server ${server.id} is asked to hand leadership to ${target}`);
    const old = leaderOrAny(this.victims, random);
    server.transferLeadership(target);
    if (!random.chance(0.4)) {
      if (random.chance(0.4)) this.delayTransfer(random, old);
      return;
    }
    queue.after(random.next() * 15, () => {
      if (!isRunning()) return;
      for (const other of servers) network.cutLink(other.id, old.id);
      queue.after(random.integer(30, 400), () => network.heal());
    });
  }

  /** What the leader says, the word to its successor too, arrives after it has given up; and then it hears nothing of what comes of it. */
  private delayTransfer(random: SeededRandom, old: SimulatedServer): void {
    const { queue, network, servers, active, isRunning, ask } = this.victims;
    const target = random.pick(active());
    old.transferLeadership(target.id);
    // The word itself is to be held up, not the entries that have to come before it.
    queue.after(random.integer(0, 12), () => {
      if (!isRunning()) return;
      network.clog(old.id, target.id);
      queue.after(random.integer(60, 500), () => {
        for (const other of servers) if (isRunning()) network.cutLink(other.id, old.id);
        network.unclog(old.id, target.id);
        for (let fromMs = 4; fromMs < 100; fromMs += 8) queue.after(fromMs, () => ask(old));
        queue.after(random.integer(30, 400), () => network.heal());
      });
    });
  }

  /**
   * A batch in the middle of a stopped server's log rots. It must refuse to start; then somebody restores the file. (What was lost at the end may never have been
   * acknowledged; what was lost before was: Alagappan et al., FAST '18.)
   */
  rotMiddle(random: SeededRandom): void {
    const { queue, coverage, trace } = this.victims;
    const victim = random.pick(this.victims.active());
    if (!victim.isUp || victim.disk.isRotten || victim.onDamage !== undefined) return;
    victim.crash(false);
    const restore = victim.disk.rotOlderBatch(random);
    if (restore !== undefined) {
      coverage.bitsFlipped += 1;
      trace(() => `a batch in the middle of the log of server ${victim.id} rots`);
      victim.onDamage = restore;
    }
    queue.after(random.integer(1, 200), () => {
      if (!victim.isUp) victim.start();
    });
  }

  private crash(random: SeededRandom, servers: readonly SimulatedServer[]): void {
    const { queue } = this.victims;
    for (const server of servers) {
      if (!server.isUp) continue;
      const { files } = server.disk;
      if (!random.chance(0.5)) this.crashNow(random, server);
      else if (random.chance(0.3)) {
        // When it has let go of what it no longer needs, and what replaces that is on its way to the disk.
        files.onRemove = () => {
          files.onRemove = undefined;
          queue.after(random.next() * 2 * files.latencyMaxMs, () => this.crashNow(random, server));
        };
      } else {
        // While its disk is busy, which is when there is most to lose.
        files.onSync = () => {
          files.onSync = undefined;
          // Or soon after, when it has just said what it then forgets.
          queue.after(random.next() * 3 * files.latencyMaxMs, () => this.crashNow(random, server));
        };
      }
    }
  }

  private crashNow(random: SeededRandom, server: SimulatedServer): void {
    const { queue, coverage, isRunning } = this.victims;
    if (!isRunning() || !server.isUp) return;
    coverage.crashes += 1;
    const power = random.chance(0.6);
    if (power) coverage.powerCuts += 1;
    server.crash(power);
    const rots = random.chance(0.3) && this.rot(server);
    // Those who could tell it are gone before it has asked.
    if (rots && random.chance(0.5)) {
      queue.after(random.integer(1, 40), () => {
        if (isRunning()) this.crashNow(random, leaderOrAny(this.victims, random));
      });
    }
    // Once is not enough: what was meant for a young process reaches an even younger one.
    if (random.chance(0.2)) {
      queue.after(random.integer(20, 120), () => this.crashNow(random, server));
    }
    // Short enough to be back, quite often, while messages to its earlier self are still under way.
    queue.after(random.integer(1, random.chance(0.5) ? 20 : 600), () => {
      if (!server.isUp) server.start();
    });
  }

  /** Of what is acknowledged a majority stays whole: no rule can do without. */
  private rot(server: SimulatedServer): boolean {
    const { servers, voterSets, coverage, trace } = this.victims;
    // The last whole batch of a log whose middle is damaged is not its last one.
    if (server.onDamage !== undefined) return false;
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
}
