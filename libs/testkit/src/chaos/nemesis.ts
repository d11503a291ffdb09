import type { SeededRandom } from '../random';
import { type Cluster, type ReplicaProcess, type Service, SERVICES } from './cluster';
import type { DiskFaults } from './disks';
import { findLeader } from './leader';
import type { Rpc } from './rpc';

/** How long a fault lasts, and how long there is peace after it, in milliseconds. */
const FAULT_MS = { min: 600, max: 4_500 };
const PEACE_MS = { min: 600, max: 3_000 };
/** How much longer a slow disk takes for each sync: to where a leader is taken to hang, and beyond. */
const SYNC_DELAY_MS = { min: 30, max: 1_500 };

/** What has to be possible here. */
type Need = 'nothing' | 'cuts' | 'slowness' | 'limitedDisks' | 'slowDisks';

/** A kind of fault: makes it, waits, and undoes it. */
interface Fault {
  readonly name: string;
  readonly weight: number;
  readonly needs: Need;
  readonly run: (nemesis: Nemesis) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  { name: 'kill a replica', weight: 2, needs: 'nothing', run: (n) => n.killOne() },
  { name: 'kill a leader', weight: 4, needs: 'nothing', run: (n) => n.killLeader() },
  { name: 'kill a host', weight: 1, needs: 'nothing', run: (n) => n.killHost() },
  { name: 'kill all replicas of a service', weight: 1, needs: 'nothing', run: (n) => n.killAll() },
  { name: 'freeze a replica', weight: 2, needs: 'nothing', run: (n) => n.freezeOne() },
  { name: 'freeze a leader', weight: 4, needs: 'nothing', run: (n) => n.freezeLeader() },
  { name: 'freeze a host', weight: 1, needs: 'nothing', run: (n) => n.freezeHost() },
  { name: 'isolate a leader from its peers', weight: 4, needs: 'cuts', run: (n) => n.isolate() },
  { name: 'cut a link', weight: 2, needs: 'cuts', run: (n) => n.cutLink() },
  { name: 'a leader is not heard', weight: 3, needs: 'cuts', run: (n) => n.mute() },
  { name: 'a leader hears nobody', weight: 3, needs: 'cuts', run: (n) => n.deafen() },
  { name: 'cut clients from a host', weight: 1, needs: 'cuts', run: (n) => n.cutClients() },
  { name: 'slow links of a host', weight: 2, needs: 'slowness', run: (n) => n.slowHost() },
  { name: 'fill a disk', weight: 3, needs: 'limitedDisks', run: (n) => n.fillDisk() },
  { name: 'slow disk of a leader', weight: 2, needs: 'slowDisks', run: (n) => n.slowLeader() },
  { name: 'slow disk of a replica', weight: 1, needs: 'slowDisks', run: (n) => n.slowOne() },
];

/** Breaks things one after the other, as a seed says, and repairs them. */
export class Nemesis {
  /** How often each fault was made. */
  readonly made = new Map<string, number>();
  private readonly faults: readonly Fault[];
  private running = true;
  private wake: () => void = () => undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly rpc: Rpc,
    private readonly random: SeededRandom,
    private readonly report: (line: string) => void,
    { canFill, canSlow }: DiskFaults,
  ) {
    const { canCut, slowness } = cluster.network;
    const can: Readonly<Record<Need, boolean>> = {
      nothing: true,
      cuts: canCut,
      slowness: slowness !== undefined,
      limitedDisks: canFill,
      slowDisks: canSlow,
    };
    this.faults = FAULTS.filter(({ needs }) => can[needs]);
  }

  /** Makes faults until {@link stop}, each kind before any comes a second time; ends with everything repaired. */
  async run(): Promise<void> {
    const pending = this.shuffled();
    while (this.running) {
      await this.sleep(PEACE_MS);
      if (!this.running) return;
      const fault = pending.pop() ?? this.weighted();
      this.made.set(fault.name, (this.made.get(fault.name) ?? 0) + 1);
      this.report(fault.name);
      await fault.run(this);
    }
  }

  stop(): void {
    this.running = false;
    this.wake();
  }

  async killOne(): Promise<void> {
    await this.killFor([this.random.pick(this.cluster.replicas)]);
  }

  async killLeader(): Promise<void> {
    await this.killFor([await this.leader()]);
  }

  async killHost(): Promise<void> {
    await this.killFor(this.cluster.on(this.random.integer(1, 3)));
  }

  async killAll(): Promise<void> {
    await this.killFor(this.cluster.of(this.random.pick(SERVICES)));
  }

  async freezeOne(): Promise<void> {
    await this.freeze([this.random.pick(this.cluster.replicas)]);
  }

  async freezeLeader(): Promise<void> {
    await this.freeze([await this.leader()]);
  }

  async freezeHost(): Promise<void> {
    await this.freeze(this.cluster.on(this.random.integer(1, 3)));
  }

  /** Clients still reach it: what it says now must be true, or nothing. */
  async isolate(): Promise<void> {
    const { ordinal } = await this.leader();
    const others = [1, 2, 3].filter((other) => other !== ordinal);
    await this.cutFor(
      others.flatMap((other) => [
        [ordinal, other],
        [other, ordinal],
      ]),
    );
  }

  async cutLink(): Promise<void> {
    const { ordinal } = await this.leader();
    const other = this.random.pick([1, 2, 3].filter((one) => one !== ordinal));
    await this.cutFor([
      [ordinal, other],
      [other, ordinal],
    ]);
  }

  async mute(): Promise<void> {
    const { ordinal } = await this.leader();
    const others = [1, 2, 3].filter((other) => other !== ordinal);
    await this.cutFor(others.map((other) => [ordinal, other]));
  }

  async deafen(): Promise<void> {
    const { ordinal } = await this.leader();
    const others = [1, 2, 3].filter((other) => other !== ordinal);
    await this.cutFor(others.map((other) => [other, ordinal]));
  }

  async cutClients(): Promise<void> {
    const ordinal = this.random.integer(1, 3);
    await this.cutFor([
      [ordinal, 0],
      [0, ordinal],
    ]);
  }

  async slowHost(): Promise<void> {
    await this.cluster.network.slow(this.random.integer(1, 3));
    await this.sleep(FAULT_MS);
    await this.cluster.network.heal();
  }

  /** Leader or not: whoever has one of the disks that can be filled. */
  async fillDisk(): Promise<void> {
    const disk = this.random.pick(this.cluster.replicas.flatMap((replica) => replica.disk ?? []));
    disk.fill();
    await this.sleep(FAULT_MS);
    disk.free();
  }

  async slowLeader(): Promise<void> {
    await this.slow(await this.leader());
  }

  async slowOne(): Promise<void> {
    await this.slow(this.random.pick(this.cluster.replicas));
  }

  private async slow(replica: ReplicaProcess): Promise<void> {
    const delayMs = this.random.integer(SYNC_DELAY_MS.min, SYNC_DELAY_MS.max);
    await replica.slowSyncs(delayMs, this.random.integer(FAULT_MS.min, FAULT_MS.max));
  }

  private async killFor(replicas: readonly ReplicaProcess[]): Promise<void> {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await this.sleep({ min: 0, max: 2_500 });
    for (const replica of replicas) replica.start();
  }

  private async freeze(replicas: readonly ReplicaProcess[]): Promise<void> {
    const durationMs = this.random.integer(FAULT_MS.min, FAULT_MS.max);
    await Promise.all(replicas.map((replica) => replica.freeze(durationMs)));
  }

  private async cutFor(links: readonly (readonly number[])[]): Promise<void> {
    for (const [from = 0, to = 0] of links) await this.cluster.network.cut(from, to);
    await this.sleep(FAULT_MS);
    await this.cluster.network.heal();
  }

  /** The leader of some service, or a replica of it when it has none. */
  private async leader(): Promise<ReplicaProcess> {
    const service: Service = this.random.pick(SERVICES);
    const otherwise = this.random.pick(this.cluster.of(service));
    return (await findLeader(this.rpc, this.cluster, service)) ?? otherwise;
  }

  private shuffled(): Fault[] {
    const left = [...this.faults];
    const order: Fault[] = [];
    while (left.length > 0) {
      order.push(...left.splice(this.random.integer(0, left.length - 1), 1));
    }
    return order;
  }

  private weighted(): Fault {
    return this.random.pick(this.faults.flatMap((fault) => Array<Fault>(fault.weight).fill(fault)));
  }

  private async sleep({ min, max }: { readonly min: number; readonly max: number }): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.random.integer(min, max));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
