import type { Outcome } from '../simulation/application';
import { SimulatedGroup } from '../simulation/group';
import type { SimulatedServer } from '../simulation/server';

const RUN_MS = 20_000;

/** A simulated group under a test's control. What the checker and the clients check is checked all the time. */
export class Scenario {
  readonly group: SimulatedGroup;
  private readonly away = new Set<SimulatedServer>();

  private constructor(nodes: number, seed: number) {
    this.group = new SimulatedGroup({ seed, nodes });
  }

  /** A group with a leader. */
  static async start(nodes: number, seed = 1): Promise<Scenario> {
    const scenario = new Scenario(nodes, seed);
    scenario.group.start();
    await scenario.leader();
    return scenario;
  }

  get servers(): readonly SimulatedServer[] {
    return this.group.servers;
  }

  /** Servers that run and are connected. */
  get present(): SimulatedServer[] {
    return this.servers.filter((server) => server.isUp && !this.away.has(server));
  }

  get electionTimeoutMs(): number {
    return this.group.timing.electionTimeoutMs;
  }

  async pass(ms: number): Promise<void> {
    await this.group.runUntil(this.group.nowMs + ms);
  }

  /** Waits until those present agree on a leader among them. */
  async leader(): Promise<SimulatedServer> {
    await this.until('no leader', () => this.agreedLeader() !== undefined);
    return this.agreedLeader() as SimulatedServer;
  }

  agreedLeader(): SimulatedServer | undefined {
    const [first] = this.present;
    const leader = this.present.find(({ id }) => id === first?.raft?.leaderId);
    if (leader?.raft?.role !== 'leader') return undefined;
    const agree = this.present.every(
      ({ raft }) => raft?.leaderId === leader.id && raft.term === leader.raft?.term,
    );
    return agree ? leader : undefined;
  }

  others(server: SimulatedServer): SimulatedServer[] {
    return this.servers.filter((other) => other !== server);
  }

  /** Has `count` commands committed, wherever the leader is. */
  async commit(count = 1): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      let isDone = false;
      const note = (outcome: Outcome): void => {
        if (outcome === 'acknowledged') isDone = true;
      };
      await this.until(
        'nothing is committed',
        () => isDone,
        () =>
          this.group.clients.append(1, this.agreedLeader() ?? this.randomPresent(), false, note),
      );
    }
  }

  /** Gives a server commands without waiting for them. */
  propose(server: SimulatedServer, count = 1, done?: (outcome: Outcome) => void): void {
    for (let given = 0; given < count; given += 1) {
      this.group.clients.append(2, server, false, done);
    }
  }

  /** Cuts all links of these servers. */
  disconnect(...servers: readonly SimulatedServer[]): void {
    for (const server of servers) {
      this.away.add(server);
      for (const { id } of this.others(server)) {
        this.group.network.cutLink(id, server.id);
        this.group.network.cutLink(server.id, id);
      }
    }
  }

  /** Restores all links of these servers, but not those to servers that are still away. */
  connect(...servers: readonly SimulatedServer[]): void {
    for (const server of servers) this.away.delete(server);
    const { network } = this.group;
    network.heal();
    this.disconnect(...this.away);
  }

  crash(...servers: readonly SimulatedServer[]): void {
    for (const server of servers) if (server.isUp) server.crash(true);
  }

  restart(...servers: readonly SimulatedServer[]): void {
    for (const server of servers) if (!server.isUp) server.start();
  }

  /** A network that loses, repeats and reorders. */
  becomeUnreliable(): void {
    this.group.network.setFaults({ loss: 0.1, duplication: 0.1, lateness: 0.3, lateMaxMs: 300 });
  }

  /** Everything works again: all servers must take commands, be equal, and have what was acknowledged. */
  async finish(): Promise<void> {
    this.group.clients.stop();
    this.away.clear();
    this.group.network.becomePerfect();
    for (const server of this.servers) {
      server.disk.files.becomePerfect();
      server.thaw();
      this.restart(server);
    }
    await this.group.recover();
    this.group.compareReplicas();
  }

  async until(what: string, isDone: () => boolean, ask?: () => void): Promise<void> {
    const untilMs = this.group.nowMs + RUN_MS;
    while (!isDone()) {
      if (this.group.nowMs > untilMs) throw new Error(`${what}: ${this.group.describe()}`);
      ask?.();
      for (let step = 0; step < 20 && !isDone(); step += 1) await this.pass(10);
    }
  }

  private randomPresent(): SimulatedServer {
    return this.group.random.pick(this.present);
  }
}
