import type { SeededRandom } from '../random';
import { leaderOrAny } from './victims';
import type { Victims } from './victims';

/** Links that are cut, one way or both ways, or clogged: nothing comes through for a while, and then all of it at once. */
export class NetworkFaults {
  constructor(private readonly victims: Victims) {}

  /** Two halves that do not hear each other. */
  split(random: SeededRandom): void {
    const { network, servers } = this.victims;
    network.heal();
    const left = servers.filter(() => random.chance(0.5));
    for (const one of left) {
      for (const other of servers) {
        if (left.includes(other)) continue;
        network.cutLink(one.id, other.id);
        network.cutLink(other.id, one.id);
      }
    }
    this.partitioned(random, `${left.map(({ id }) => id).join(' ')} cut off from the rest`);
  }

  /** One server, preferably the leader, loses its links; `bothWays`, or only what it sends, or only what it would receive. */
  isolate(random: SeededRandom, bothWays: boolean): void {
    const { network, servers, active } = this.victims;
    network.heal();
    const victim = random.chance(0.6) ? leaderOrAny(this.victims, random) : random.pick(active());
    const sends = random.chance(0.5);
    for (const other of servers) {
      if (bothWays || sends) network.cutLink(victim.id, other.id);
      if (bothWays || !sends) network.cutLink(other.id, victim.id);
    }
    const way = bothWays ? 'both ways' : sends ? 'sends in vain' : 'hears nothing';
    this.partitioned(random, `server ${victim.id} isolated: ${way}`);
  }

  cutOneLink(random: SeededRandom): void {
    const { network, active } = this.victims;
    const one = random.pick(active());
    const other = random.pick(active());
    network.cutLink(one.id, other.id);
    this.partitioned(random, `link from ${one.id} to ${other.id} cut`);
  }

  /** What one server sends, or is sent, is held up. */
  clog(random: SeededRandom): void {
    const { network, servers, active, queue, coverage, trace } = this.victims;
    const victim = random.chance(0.6) ? leaderOrAny(this.victims, random) : random.pick(active());
    const inbound = random.chance(0.5);
    const others = servers.filter((other) => other !== victim && random.chance(0.7));
    coverage.clogs += 1;
    trace(() => `links ${inbound ? 'to' : 'from'} server ${victim.id} are clogged`);
    for (const { id } of others) {
      const [from, to] = inbound ? [id, victim.id] : [victim.id, id];
      network.clog(from, to);
      queue.after(random.integer(50, 800), () => network.unclog(from, to));
    }
  }

  /** Links of some servers are clogged one after the other, and freed in another order (FoundationDB's swizzle-clogging). */
  swizzle(random: SeededRandom): void {
    const { network, servers, queue, coverage, trace } = this.victims;
    coverage.clogs += 1;
    trace(() => 'links are clogged one after the other');
    for (const one of servers) {
      if (random.chance(0.4)) continue;
      const fromMs = random.integer(0, 300);
      const untilMs = random.integer(300, 900);
      for (const other of servers) {
        if (other === one) continue;
        queue.after(fromMs, () => {
          if (this.victims.isRunning()) network.clog(one.id, other.id);
        });
        queue.after(untilMs, () => network.unclog(one.id, other.id));
      }
    }
  }

  private partitioned(random: SeededRandom, what: string): void {
    const { network, queue, coverage, trace } = this.victims;
    coverage.partitions += 1;
    trace(() => what);
    queue.after(random.integer(50, 900), () => network.heal());
  }
}
