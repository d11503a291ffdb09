/*
 * Leases through the worst days
 *
 * What is promised: no lease ends while its owner renews it, whatever happens to leaders, and the time for which a service did not work does not count.
 * What is promised, too: the lease of an owner that has died does end. Here thousands of sessions (each with a lock) and of registrations are
 * kept alive while the leaders hang for longer than their time to live, while everything does, while leadership changes five times, and while everything is switched
 * off for longer than their time to live; then half of the owners die.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { raft } from '@raftway/contracts';
import { seededRandom } from '../random';
import { Cluster, type ReplicaProcess, type Service } from './cluster';
import { findLeader, statusOf } from './leader';
import { LeasePopulation } from './lease-population';
import type { Network } from './network';
import { Rpc } from './rpc';

const LEASED: readonly Service[] = ['registry', 'lock-service'];
const LEADER_CHANGES = 5;
const TIMEOUT_MS = 60_000;
/** How much later than its time to live a dead owner's lease may end: elections and the listing take time. */
const END_SLACK_MS = 15_000;

/** What {@link runLeases} takes. */
export interface LeaseOptions {
  readonly seed: number;
  /** Sessions, and as many registrations. */
  readonly count: number;
  readonly ttlMs: number;
  /** For how long leaders are frozen. */
  readonly freezeMs: number;
  /** The folder with `apps/<service>/dist/main.js`. */
  readonly root: string;
  readonly dataDir: string;
  readonly network: Network;
  readonly report: (line: string) => void;
}

/** Runs the scenarios one after the other. @returns what went wrong, one sentence each */
export async function runLeases(options: LeaseOptions): Promise<string[]> {
  const run = new LeaseRun(options);
  try {
    return await run.run();
  } finally {
    await run.dispose();
  }
}

class LeaseRun {
  private readonly rpc = new Rpc();
  private readonly cluster: Cluster;
  private readonly population: LeasePopulation;
  private readonly findings: string[] = [];

  constructor(private readonly options: LeaseOptions) {
    const { network, root, dataDir, count, ttlMs, seed } = options;
    this.cluster = new Cluster(network, root, dataDir, LEASED);
    const random = seededRandom(seed);
    this.population = new LeasePopulation(this.rpc, this.cluster, random, count, ttlMs);
  }

  async run(): Promise<string[]> {
    const { cluster, population, options } = this;
    const { count, ttlMs, freezeMs, report } = options;
    cluster.start();
    await Promise.all(LEASED.map((service) => this.leader(service)));
    await this.timed(`${count} sessions with a lock each and ${count} registrations`, () =>
      population.populate(),
    );
    await this.timed(`both leaders are frozen for ${freezeMs} ms, then go on`, async () => {
      const leaders = await Promise.all(LEASED.map((service) => this.leader(service)));
      await Promise.all(leaders.map((leader) => leader.freeze(freezeMs)));
      await this.allFollow();
    });
    await this.everythingIsThere();
    await this.timed(`everything is frozen for ${freezeMs} ms, then goes on`, async () => {
      await Promise.all(cluster.replicas.map((replica) => replica.freeze(freezeMs)));
      await this.allFollow();
    });
    await this.everythingIsThere();
    for (let change = 1; change <= LEADER_CHANGES; change += 1) {
      await this.timed(`change of leaders ${change}`, () => this.changeLeaders(change));
    }
    await this.everythingIsThere();
    await population.abandonHalf();
    await this.timed(`everything is off for ${ttlMs * 1.2} ms`, async () => {
      await cluster.kill();
      await sleep(ttlMs * 1.2);
      cluster.start();
      await Promise.all(LEASED.map((service) => this.leader(service)));
    });
    await this.everythingIsThere();
    await this.timed('the leases of the dead end', () => this.deadEnd());
    await this.everythingIsThere(count);
    report(this.findings.length === 0 ? 'no lease has ended early' : 'leases have ended early');
    return this.findings;
  }

  async dispose(): Promise<void> {
    await this.population.stop();
    this.rpc.close();
    await this.cluster.kill();
  }

  /** Half by kill -9, half in good order. */
  private async changeLeaders(change: number): Promise<void> {
    for (const service of LEASED) {
      const old = await this.leader(service);
      if (change % 2 === 1) {
        await old.kill();
        await this.leader(service, old);
        old.start();
      } else {
        const { transferLeadership } = raft.RaftAdminServiceService;
        const request = raft.TransferLeadershipRequest.fromPartial({});
        await this.rpc.unary(old.address, transferLeadership, request, 5_000);
        await this.leader(service, old);
      }
    }
    await this.allFollow();
  }

  /** Counts what is left, of the living and of the dead together or, with `expected`, of the living alone. */
  private async everythingIsThere(expected?: number): Promise<void> {
    const { count } = this.options;
    const { living, dead } = await this.population.census();
    const there = expected === undefined ? living + dead : living;
    const wanted = expected ?? 2 * count;
    if (there !== wanted) this.findings.push(`${wanted - there} of ${wanted} leases have ended`);
    const { sessions, registrations } = this.population;
    const told = sessions.ended.size + registrations.ended.size;
    if (told > 0) this.findings.push(`${told} renewals were told that the lease had ended`);
  }

  private async deadEnd(): Promise<void> {
    const deadline = performance.now() + this.options.ttlMs + END_SLACK_MS;
    for (;;) {
      const { dead } = await this.population.census();
      if (dead === 0) return;
      if (performance.now() > deadline) {
        this.findings.push(`${dead} leases of dead owners have not ended`);
        return;
      }
      await sleep(200);
    }
  }

  private async leader(service: Service, except?: ReplicaProcess): Promise<ReplicaProcess> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const leader = await findLeader(this.rpc, this.cluster, service);
      if (leader !== undefined && leader !== except) return leader;
      if (performance.now() > deadline) throw new Error(`${service} has no leader`);
      await sleep(50);
    }
  }

  /** Every replica is back and knows a leader. */
  private async allFollow(): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (const replica of this.cluster.replicas) {
      while (!((await statusOf(this.rpc, replica))?.leaderId ?? 0n)) {
        if (performance.now() > deadline) throw new Error(`${replica.name} does not come back`);
        await sleep(50);
      }
    }
  }

  private async timed(what: string, work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    await work();
    const tookMs = performance.now() - startedAt;
    this.options.report(`${(tookMs / 1000).toFixed(1).padStart(6)} s  ${what}`);
  }
}
