/*
 * Real processes, real disks, real sockets, and somebody who breaks them
 *
 * The simulator in ../simulation checks the Raft core through millions of faults, in one thread and with a virtual disk. What it cannot see is whatever
 * lies outside of the core: the driver, the files, gRPC, the services, and how clients are told what happened. So here the built services run as
 * they are deployed, clients work with them over gRPC and write down when they asked what and when they were told what, a nemesis kills, freezes and cuts
 * off replicas, and in the end the same question is put to the clients' notes as Jepsen puts to databases: is there an order in which all this can
 * have happened? (K. Kingsbury, https://jepsen.io; the checker is in ../linearizability.)
 *
 * What this cannot show: SIGKILL leaves the page cache alone, so nothing here says that fdatasync is called; and all clocks are one machine's clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom, type SeededRandom } from '../random';
import { Caller } from './calls';
import { ClientLoad } from './client-load';
import { Cluster, type ReplicaProcess, type Service } from './cluster';
import type { DiskFaults } from './disks';
import { statusOf } from './leader';
import { Nemesis } from './nemesis';
import type { Network } from './network';
import { Rpc } from './rpc';
import { RunHistory } from './run-history';
import { judge, type Verdict } from './verdict';

const START_TIMEOUT_MS = 60_000;
/** All replicas are back so long after the last fault. */
const RECOVERY_TIMEOUT_MS = 40_000;

/** What {@link runChaos} takes. */
export interface ChaosOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Ends early when so many calls were made. @default no end */
  readonly operationsMax?: number | undefined;
  /** The folder with `apps/<service>/dist/main.js`. */
  readonly root: string;
  readonly dataDir: string;
  readonly network: Network;
  readonly disks: DiskFaults;
  readonly report: (line: string) => void;
}

/** What came of a run. */
export interface ChaosResult {
  readonly seed: number;
  readonly durationMs: number;
  readonly history: RunHistory;
  readonly faults: ReadonlyMap<string, number>;
  readonly verdicts: readonly Verdict[];
}

/** Runs three replicas of each service through faults under load, and judges what the clients saw. The order of faults follows from the seed. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const run = new ChaosRun(options);
  try {
    return await run.run();
  } finally {
    await run.dispose();
  }
}

class ChaosRun {
  private readonly random: SeededRandom;
  private readonly rpc = new Rpc();
  private readonly history = new RunHistory();
  private readonly cluster: Cluster;
  private readonly load: ClientLoad;

  constructor(private readonly options: ChaosOptions) {
    this.random = seededRandom(options.seed);
    this.cluster = new Cluster(options.network, options.root, options.dataDir);
    const { random, history } = this;
    const callerFor = (service: Service, forked: SeededRandom): Caller =>
      new Caller(this.rpc, this.cluster.addressesOf(service), forked);
    this.load = new ClientLoad({ random, history, callerFor });
  }

  async run(): Promise<ChaosResult> {
    const { options, cluster, rpc, random, history } = this;
    if (options.disks.canFill) await cluster.limitDisks();
    cluster.start();
    const absent = await this.absentAfter(START_TIMEOUT_MS);
    if (absent.length > 0) throw new Error(`${absent.join(', ')} did not start`);
    const startedAt = performance.now();
    const report = (fault: string): void => {
      const second = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6);
      options.report(`${second} s  ${String(history.operations).padStart(6)} calls  ${fault}`);
    };
    const nemesis = new Nemesis(cluster, rpc, random.fork(), report, options.disks);
    const faults = nemesis.run();
    this.load.start();
    await this.untilOver(startedAt);
    nemesis.stop();
    await faults;
    for (const name of await this.absentAfter(RECOVERY_TIMEOUT_MS)) {
      history.findings.push(
        `${name} does not work, ${RECOVERY_TIMEOUT_MS} ms after the last fault`,
      );
    }
    await this.load.stop();
    await this.load.lookAtEverything();
    options.report('judging');
    history.findings.push(...rpc.defects.slice(0, 10));
    for (const { surprises } of cluster.replicas) history.findings.push(...surprises.slice(0, 3));
    const durationMs = performance.now() - startedAt;
    const verdicts = judge(history);
    return { seed: options.seed, durationMs, history, faults: nemesis.made, verdicts };
  }

  async dispose(): Promise<void> {
    this.load.abandon();
    this.rpc.close();
    await this.options.network.heal();
    await this.cluster.kill();
  }

  private async untilOver(startedAt: number): Promise<void> {
    const { durationMs, operationsMax = Infinity } = this.options;
    while (performance.now() - startedAt < durationMs) {
      if (this.history.operations >= operationsMax) return;
      await sleep(100);
    }
  }

  /** Waits until every replica answers and knows a leader. @returns the names of those that do not */
  private async absentAfter(timeoutMs: number): Promise<string[]> {
    const deadline = performance.now() + timeoutMs;
    let absent: readonly ReplicaProcess[] = this.cluster.replicas;
    for (;;) {
      const statuses = await Promise.all(absent.map((replica) => statusOf(this.rpc, replica)));
      absent = absent.filter((_, index) => (statuses[index]?.leaderId ?? 0n) === 0n);
      if (absent.length === 0 || performance.now() > deadline)
        return absent.map(({ name }) => name);
      // Does nothing to one that runs; one that has ended by itself is a finding, and is needed for the rest.
      for (const replica of absent) replica.start();
      await sleep(250);
    }
  }
}
