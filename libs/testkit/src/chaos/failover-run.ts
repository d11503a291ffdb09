/*
 * How long a group cannot write when its leader goes
 *
 * Three real replicas with default settings on real disks, and a client on each that writes without end. Their leader is killed (-9), again and again. What is measured is
 * what a client sees: from the kill until a write that was sent after it is answered, through any replica. "Every client" is the same for the slowest of them: one
 * whose write was on its way through a surviving replica when the leader died hears later that its outcome is unknown. Then the leader goes in good order, by
 * TransferLeadership and by SIGTERM: no call may fail.
 */
import { raft } from '@raftway/contracts';
import { Cluster, type ReplicaProcess } from './cluster';
import { FailoverWriter } from './failover-writer';
import { findLeader, statusOf } from './leader';
import type { Network } from './network';
import { formatPercentiles, percentilesOf } from './percentiles';
import { Rpc } from './rpc';

const SERVICE = 'id-service';
const TIMEOUT_MS = 60_000;
const POLL_MS = 5;
/** Writes run for so long before each kill: the last failover is over. */
const SETTLE_MS = 300;
/** Calls of a handover are looked at until so long after it. */
const HANDOVER_TAIL_MS = 500;

/** What {@link runFailover} takes. */
export interface FailoverOptions {
  /** How often the leader is killed. */
  readonly kills: number;
  /** How often it hands over: every second time by TransferLeadership, else by SIGTERM. */
  readonly handovers: number;
  /** The median from kill to write must not be above this, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The folder with `apps/<service>/dist/main.js`. */
  readonly root: string;
  readonly dataDir: string;
  readonly network: Network;
  readonly report: (line: string) => void;
}

/** Runs both parts. @returns what went wrong, one sentence each */
export async function runFailover(options: FailoverOptions): Promise<string[]> {
  const run = new FailoverRun(options);
  try {
    return await run.run();
  } finally {
    await run.dispose();
  }
}

class FailoverRun {
  private readonly rpc = new Rpc();
  private readonly cluster: Cluster;
  private writers: readonly FailoverWriter[] = [];
  private readonly findings: string[] = [];

  constructor(private readonly options: FailoverOptions) {
    const { network, root, dataDir } = options;
    this.cluster = new Cluster(network, root, dataDir, [SERVICE]);
  }

  async run(): Promise<string[]> {
    const { cluster, rpc, findings } = this;
    cluster.start();
    await this.leader();
    const addresses = cluster.addressesOf(SERVICE);
    this.writers = addresses.map(
      (_, index) => new FailoverWriter(rpc, addresses, `failover-${index + 1}`, index),
    );
    await this.kills();
    await this.handovers();
    await Promise.all(this.writers.map((writer) => writer.stop()));
    findings.push(...this.writers.flatMap((writer) => writer.defects()));
    findings.push(...rpc.defects, ...cluster.replicas.flatMap(({ surprises }) => surprises));
    const writes = this.writers.reduce((sum, writer) => sum + writer.writes.length, 0);
    this.options.report(`${writes} writes, each with a number of its own and none missing`);
    return findings;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.stop()));
    this.rpc.close();
    await this.cluster.kill();
  }

  private async kills(): Promise<void> {
    const { kills, p50Ms, p99Ms, report } = this.options;
    if (kills === 0) return;
    const any: number[] = [];
    const every: number[] = [];
    for (let kill = 1; kill <= kills; kill += 1) {
      const leader = await this.leader();
      await sleep(SETTLE_MS);
      const killedAt = performance.now();
      void leader.kill();
      const answered = await this.answeredAfter(killedAt);
      any.push(Math.min(...answered));
      every.push(Math.max(...answered));
      await leader.kill();
      await this.startAgain(leader);
    }
    const first = percentilesOf(any);
    report(`${kills} times kill -9 of the leader`);
    report(`  until a write succeeds       ${formatPercentiles(first)}`);
    report(`  until every client's does    ${formatPercentiles(percentilesOf(every))}`);
    if (first.p50 > p50Ms) this.findings.push(`the median is above ${p50Ms} ms`);
    if (first.p99 > p99Ms) this.findings.push(`the 99th percentile is above ${p99Ms} ms`);
  }

  private async handovers(): Promise<void> {
    const { handovers, report } = this.options;
    const longest: number[] = [];
    let [failed, refused] = [0, 0];
    for (let handover = 1; handover <= handovers; handover += 1) {
      const leader = await this.leader();
      await sleep(SETTLE_MS);
      const begunAt = performance.now();
      if (handover % 2 === 1) await this.transfer(leader);
      else {
        await leader.drain();
        await this.startAgain(leader);
      }
      await this.leader(leader);
      await sleep(HANDOVER_TAIL_MS);
      const since = ({ at }: { readonly at: number }): boolean => at >= begunAt;
      const failures = this.writers.flatMap((writer) => writer.failures.filter(since));
      failed += failures.length;
      refused += this.writers.flatMap((writer) => writer.refusals.filter(since)).length;
      const how = handover % 2 === 1 ? 'TransferLeadership' : 'SIGTERM';
      for (const { reason } of failures) {
        this.findings.push(`handover ${handover} (${how}): a call failed, ${reason}`);
      }
      const writes = this.writers.flatMap((writer) => writer.writes);
      const during = writes.filter(({ respondedAt }) => respondedAt >= begunAt);
      longest.push(Math.max(...during.map((write) => write.respondedAt - write.invokedAt)));
    }
    if (handovers === 0) return;
    report(`${handovers} handovers under load, every second one by SIGTERM`);
    report(`  failed calls ${failed}, refused and then answered elsewhere ${refused}`);
    report(`  the slowest call of each     ${formatPercentiles(percentilesOf(longest))}`);
  }

  private async transfer(leader: ReplicaProcess): Promise<void> {
    const { transferLeadership } = raft.RaftAdminServiceService;
    const request = raft.TransferLeadershipRequest.fromPartial({});
    const outcome = await this.rpc.unary(leader.address, transferLeadership, request, 5_000);
    if (outcome.kind !== 'answered') {
      this.findings.push(`TransferLeadership was not answered: ${outcome.reason}`);
    }
  }

  /** For each client, how long after the kill it had an answer. */
  private async answeredAfter(killedAt: number): Promise<number[]> {
    return await this.eventually('nobody can write after the kill', () => {
      const answered = this.writers.map((writer) => writer.answeredAfter(killedAt));
      const known = answered.filter((one) => one !== undefined);
      return known.length === answered.length ? known : undefined;
    });
  }

  /** Starts a replica; resolves when it has applied all that was committed by then. */
  private async startAgain(replica: ReplicaProcess): Promise<void> {
    replica.start();
    const leader = await this.leader();
    const { commitIndex = 0n } = (await statusOf(this.rpc, leader)) ?? {};
    await this.eventually(`${replica.name} does not catch up`, async () => {
      const status = await statusOf(this.rpc, replica);
      const hasCaughtUp = status !== undefined && status.appliedIndex >= commitIndex;
      return hasCaughtUp && status.leaderId !== 0n ? true : undefined;
    });
  }

  private async leader(except?: ReplicaProcess): Promise<ReplicaProcess> {
    return await this.eventually('there is no leader', async () => {
      const leader = await findLeader(this.rpc, this.cluster, SERVICE);
      return leader === except ? undefined : leader;
    });
  }

  private async eventually<Value>(
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
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
