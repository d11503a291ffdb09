import type { SeededRandom } from '../random';
import type { SimulatedServer } from './server';
import { leaderOrAny } from './victims';
import type { Victims } from './victims';

/** Disks that are slow, hang, are full or fail. */
export class DiskFaults {
  constructor(private readonly victims: Victims) {}

  failSync(random: SeededRandom): void {
    const victim = leaderOrAny(this.victims, random);
    this.victims.trace(() => `the next sync of server ${victim.id} fails`);
    victim.disk.files.failNextSync = true;
  }

  fillDisk(random: SeededRandom): void {
    const { queue, trace } = this.victims;
    const victim = this.pick(random);
    const { id, disk } = victim;
    trace(() => `the disk of server ${id} is full`);
    disk.files.isFull = true;
    queue.after(random.integer(50, 900), () => {
      disk.files.isFull = false;
      disk.files.shortage = 1;
    });
    if (!random.chance(0.5)) return;
    // Others make room and take it again, so that only some writes fail; and in the midst of that the power goes.
    disk.files.shortage = random.pick([0.3, 0.6, 0.9]);
    if (random.chance(0.6))
      queue.after(random.integer(20, 600), () => this.cutPower(random, victim));
  }

  slowDisk(random: SeededRandom): void {
    const { queue, trace } = this.victims;
    const { id, disk } = this.pick(random);
    const latencyMaxMs = random.pick([20, 80, 400]);
    disk.files.latencyMaxMs = latencyMaxMs;
    trace(() => `disk of server ${id} takes up to ${latencyMaxMs} ms`);
    queue.after(random.integer(100, 900), () => {
      disk.files.latencyMaxMs = 3;
    });
  }

  /** Nothing comes back from the disk, for longer than a leader may wait for it. */
  hangDisk(random: SeededRandom): void {
    const { queue, coverage, trace } = this.victims;
    const { id, disk } = this.pick(random);
    coverage.diskHangs += 1;
    trace(() => `disk of server ${id} hangs`);
    disk.files.hang();
    queue.after(random.integer(200, 2500), () => disk.files.wake());
  }

  private cutPower(random: SeededRandom, victim: SimulatedServer): void {
    const { queue, coverage, isRunning } = this.victims;
    if (!isRunning() || !victim.isUp) return;
    coverage.crashes += 1;
    coverage.powerCuts += 1;
    victim.crash(true);
    queue.after(random.integer(1, 300), () => {
      if (!victim.isUp) victim.start();
    });
  }

  private pick(random: SeededRandom): SimulatedServer {
    const any = random.pick(this.victims.active());
    return random.chance(0.5) ? leaderOrAny(this.victims, random) : any;
  }
}
