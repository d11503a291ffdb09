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
import { seededRandom, type SeededRandom } from '../random';
import { Caller } from './calls';
import { Cluster, type ReplicaProcess, type Service } from './cluster';
import type { DiskFaults } from './disks';
import { statusOf } from './leader';
import { LockClient } from './lock-client';
import { Nemesis } from './nemesis';
import type { Network } from './network';
import { IdClient, RegistryClient, SequenceClient } from './other-clients';
import { Rpc } from './rpc';
import { RunHistory } from './run-history';
import { judge, type Verdict } from './verdict';

const LOCKS = names('lock', 6);
const SEQUENCES = names('sequence', 3);
const REGISTRATIONS = names('service', 8);
const CLIENTS = { lock: 8, sequence: 2, registry: 3, id: 2 };
const THINK_MS_MAX = 90;
const START_TIMEOUT_MS = 60_000;
/** All leases of a run are over, and all replicas are back, so long after the last fault. */
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

/** Something that acts again and again. */
interface Client {
  act(): Promise<void>;
}

class ChaosRun {
  private readonly random: SeededRandom;
  private readonly rpc = new Rpc();
  private readonly history = new RunHistory();
  private readonly cluster: Cluster;
  private running = true;
  private readonly lockClients: LockClient[];
  private readonly sequenceClients: SequenceClient[];
  private readonly registryClients: RegistryClient[];
  private readonly idClients: IdClient[];

  constructor(private readonly options: ChaosOptions) {
    this.random = seededRandom(options.seed);
    this.cluster = new Cluster(options.network, options.root, options.dataDir);
    const { history } = this;
    this.lockClients = this.make(CLIENTS.lock, 'lock', 'lock-service', (parts) => {
      return new LockClient({ ...parts, locks: LOCKS, history });
    });
    this.sequenceClients = this.make(CLIENTS.sequence, 'sequence', 'id-service', (parts) => {
      return new SequenceClient({ ...parts, keys: SEQUENCES, history });
    });
    this.idClients = this.make(CLIENTS.id, 'id', 'id-service', (parts) => {
      return new IdClient({ ...parts, keys: [], history });
    });
    this.registryClients = this.make(CLIENTS.registry, 'registry', 'registry', (parts) => {
      return new RegistryClient({ ...parts, keys: REGISTRATIONS, history });
    });
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
    const clients = this.startClients();
    await this.untilOver(startedAt);
    nemesis.stop();
    await faults;
    for (const name of await this.absentAfter(RECOVERY_TIMEOUT_MS)) {
      history.findings.push(
        `${name} does not work, ${RECOVERY_TIMEOUT_MS} ms after the last fault`,
      );
    }
    this.running = false;
    await Promise.all(clients);
    await this.lookAtEverything();
    options.report('judging');
    history.findings.push(...rpc.defects.slice(0, 10));
    for (const { surprises } of cluster.replicas) history.findings.push(...surprises.slice(0, 3));
    const durationMs = performance.now() - startedAt;
    const verdicts = judge(history);
    return { seed: options.seed, durationMs, history, faults: nemesis.made, verdicts };
  }

  async dispose(): Promise<void> {
    this.running = false;
    for (const client of this.lockClients) client.abandon();
    this.rpc.close();
    await this.options.network.heal();
    await this.cluster.kill();
  }

  private make<Made>(
    count: number,
    kind: string,
    service: Service,
    create: (parts: { name: string; caller: Caller; random: SeededRandom }) => Made,
  ): Made[] {
    return Array.from({ length: count }, (_, index) => {
      const random = this.random.fork();
      const caller = new Caller(this.rpc, this.cluster.addressesOf(service), random.fork());
      return create({ name: `${kind}-client-${index + 1}`, caller, random });
    });
  }

  private startClients(): Promise<void>[] {
    const clients: Client[] = [
      ...this.lockClients,
      ...this.sequenceClients,
      ...this.registryClients,
      ...this.idClients,
    ];
    return clients.map(async (client) => {
      const random = this.random.fork();
      while (this.running) {
        await client.act();
        await sleep(random.integer(0, THINK_MS_MAX));
      }
    });
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

  /** What was acknowledged must still be there, and nobody may be left with a lock. */
  private async lookAtEverything(): Promise<void> {
    await Promise.all(this.lockClients.map((client) => client.stop()));
    const [lockClient] = this.lockClients;
    const [sequenceClient] = this.sequenceClients;
    const [registryClient] = this.registryClients;
    for (const key of REGISTRATIONS) await registryClient?.lookUp(key);
    for (const key of SEQUENCES) await sequenceClient?.take(key);
    const deadline = performance.now() + RECOVERY_TIMEOUT_MS;
    for (const name of LOCKS) {
      for (;;) {
        await lockClient?.look(name);
        const seen = this.history.locks.at(-1)?.response?.output;
        if (seen?.kind === 'seen' && seen.owner === '') break;
        if (performance.now() > deadline) {
          this.history.findings.push(`"${name}" is still held, and everybody has gone`);
          break;
        }
        await sleep(200);
      }
    }
  }
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
