import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type ReplicaProcess } from './cluster';
import { FailoverWriter } from './failover-writer';
import { findLeader, statusOf } from './leader';
import type { Network } from './network';
import { Rpc } from './rpc';

const SERVICE = 'id-service';
const TIMEOUT_MS = 60_000;
const POLL_MS = 5;

/** Three id-service replicas with default settings, and a client on each that writes without end. */
export class FailoverGroup {
  readonly rpc = new Rpc();
  readonly writers: readonly FailoverWriter[];
  private readonly cluster: Cluster;

  private constructor(
    readonly network: Network,
    root: string,
    dataDir: string,
  ) {
    this.cluster = new Cluster(network, root, dataDir, [SERVICE]);
    const addresses = this.cluster.addressesOf(SERVICE);
    this.writers = addresses.map(
      (_, index) => new FailoverWriter(this.rpc, addresses, `failover-${index + 1}`, index),
    );
  }

  /**
   * Resolves when it has a leader.
   *
   * @param root the folder with `apps/<service>/dist/main.js`
   * @param dataDir where state and logs go
   */
  static async start(network: Network, root: string, dataDir: string): Promise<FailoverGroup> {
    const group = new FailoverGroup(network, root, dataDir);
    group.cluster.start();
    try {
      await group.leader();
    } catch (error) {
      await group.dispose();
      throw error;
    }
    return group;
  }

  /** Ends the writing. @returns what is wrong with what the clients were told and with how processes have ended, one sentence each */
  async finish(): Promise<string[]> {
    await Promise.all(this.writers.map((writer) => writer.stop()));
    return [
      ...this.writers.flatMap((writer) => writer.defects()),
      ...this.rpc.defects,
      ...this.cluster.replicas.flatMap(({ surprises }) => surprises),
    ];
  }

  async dispose(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.stop()));
    this.rpc.close();
    await this.cluster.kill();
  }

  get writeCount(): number {
    return this.writers.reduce((sum, writer) => sum + writer.writes.length, 0);
  }

  /** The leader, once there is one that is not `except`. */
  async leader(except?: ReplicaProcess): Promise<ReplicaProcess> {
    return await eventually('there is no leader', async () => {
      const leader = await findLeader(this.rpc, this.cluster, SERVICE);
      return leader === except ? undefined : leader;
    });
  }

  /** The term that a replica is in. */
  async termOf(replica: ReplicaProcess): Promise<bigint> {
    const status = await eventually(`${replica.name} does not answer`, () =>
      statusOf(this.rpc, replica),
    );
    return status.term;
  }

  /** How long after `at` the first client had an answer to a write that it has sent since, in milliseconds. */
  async firstAnswerAfter(at: number): Promise<number> {
    return await eventually('nobody can write', () => {
      const known = this.writers.map((writer) => writer.answeredAfter(at)).filter(isKnown);
      return known.length === 0 ? undefined : Math.min(...known);
    });
  }

  /** The same for the last client. */
  async everyAnswerAfter(at: number): Promise<number> {
    return await eventually('a client cannot write', () => {
      const known = this.writers.map((writer) => writer.answeredAfter(at)).filter(isKnown);
      return known.length < this.writers.length ? undefined : Math.max(...known);
    });
  }

  /** Starts a replica, unless it runs; resolves when it follows and has applied all that was committed by then. */
  async catchUp(replica: ReplicaProcess): Promise<void> {
    replica.start();
    const leader = await this.leader();
    const { commitIndex = 0n } = (await statusOf(this.rpc, leader)) ?? {};
    await eventually(`${replica.name} does not catch up`, async () => {
      const status = await statusOf(this.rpc, replica);
      const hasCaughtUp = status !== undefined && status.appliedIndex >= commitIndex;
      return hasCaughtUp && status.leaderId !== 0n ? true : undefined;
    });
  }

  /** Another replica than this one. */
  otherThan(replica: ReplicaProcess): ReplicaProcess {
    const others = this.cluster.replicas.filter((one) => one !== replica);
    return others[0] as ReplicaProcess;
  }
}

function isKnown(value: number | undefined): value is number {
  return value !== undefined;
}

async function eventually<Value>(
  complaint: string,
  look: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(complaint);
    await sleep(POLL_MS);
  }
}
