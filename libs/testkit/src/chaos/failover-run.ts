/*
 * How long a group cannot write when its leader goes
 *
 * Three real replicas with default settings on real disks, and a client on each that writes without end. Their leader is killed (-9), again and again. What is measured is
 * what a client sees: from the kill until a write that was sent after it is answered, through any replica. "Every client" is the same for the slowest of them: one
 * whose write was on its way through a surviving replica when the leader died hears later that its outcome is unknown. Then the leader goes in good order, by
 * TransferLeadership and by SIGTERM: no call may fail. Then it is there and of no use: it hangs (SIGSTOP), or it and one follower do not see each other, as at
 * Cloudflare on 2 November 2020. The group has to heal by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { raft } from '@raftway/contracts';
import type { ReplicaProcess } from './cluster';
import { FailoverGroup } from './failover-group';
import type { Network } from './network';
import { formatPercentiles, percentilesOf } from './percentiles';

/** Writes run for so long before each fault: the last one is over. */
const SETTLE_MS = 300;
/** Calls of a handover are looked at until so long after it. */
const HANDOVER_TAIL_MS = 500;
/** Longer than every timeout of a group. */
const FREEZE_MS = 5_000;
const CUT_MS = 5_000;
/** Within so long somebody else must have replaced a leader that hangs: two election timeouts, the votes, and room for a busy machine. */
const FREEZE_BOUND_MS = 4_000;

/** What {@link runFailover} takes. */
export interface FailoverOptions {
  /** How often the leader is killed. */
  readonly kills: number;
  /** How often it hands over: every second time by SIGTERM, else by TransferLeadership. */
  readonly handovers: number;
  /** How often it hangs. */
  readonly freezes: number;
  /** How often its link to one follower is cut, where links can be cut. */
  readonly cuts: number;
  /** The median from kill to write must not be above this, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The folder with `apps/<service>/dist/main.js`. */
  readonly root: string;
  readonly dataDir: string;
  readonly network: Network;
  readonly report: (line: string) => void;
}

/** Runs all parts. @returns what went wrong, one sentence each */
export async function runFailover(options: FailoverOptions): Promise<string[]> {
  const group = await FailoverGroup.start(options.network, options.root, options.dataDir);
  try {
    const run = new FailoverRun(options, group);
    await run.kills();
    await run.handovers();
    await run.freezes();
    await run.cuts();
    const findings = [...run.findings, ...(await group.finish())];
    options.report(`${group.writeCount} writes, each with a number of its own and none missing`);
    return findings;
  } finally {
    await group.dispose();
  }
}

class FailoverRun {
  readonly findings: string[] = [];

  constructor(
    private readonly options: FailoverOptions,
    private readonly group: FailoverGroup,
  ) {}

  async kills(): Promise<void> {
    const { group, findings } = this;
    const { kills, p50Ms, p99Ms, report } = this.options;
    if (kills === 0) return;
    const any: number[] = [];
    const every: number[] = [];
    for (let kill = 1; kill <= kills; kill += 1) {
      const leader = await this.settled();
      const killedAt = performance.now();
      void leader.kill();
      any.push(await group.firstAnswerAfter(killedAt));
      every.push(await group.everyAnswerAfter(killedAt));
      await leader.kill();
      await group.catchUp(leader);
    }
    const first = percentilesOf(any);
    report(`${kills} times kill -9 of the leader`);
    report(`  until a write succeeds       ${formatPercentiles(first)}`);
    report(`  until every client's does    ${formatPercentiles(percentilesOf(every))}`);
    if (first.p50 > p50Ms) findings.push(`the median is above ${p50Ms} ms`);
    if (first.p99 > p99Ms) findings.push(`the 99th percentile is above ${p99Ms} ms`);
  }

  async handovers(): Promise<void> {
    const { handovers, report } = this.options;
    if (handovers === 0) return;
    const longest: number[] = [];
    let [failed, refused] = [0, 0];
    for (let handover = 1; handover <= handovers; handover += 1) {
      const begunAt = performance.now() + SETTLE_MS;
      await this.handOver(handover % 2 === 0 ? 'SIGTERM' : 'TransferLeadership');
      await sleep(HANDOVER_TAIL_MS);
      const since = ({ at }: { readonly at: number }): boolean => at >= begunAt;
      const failures = this.group.writers.flatMap((writer) => writer.failures.filter(since));
      failed += failures.length;
      refused += this.group.writers.flatMap((writer) => writer.refusals.filter(since)).length;
      for (const { reason } of failures) {
        this.findings.push(`handover ${handover}: a call failed, ${reason}`);
      }
      const writes = this.group.writers.flatMap((writer) => writer.writes);
      const during = writes.filter(({ respondedAt }) => respondedAt >= begunAt);
      longest.push(Math.max(...during.map((write) => write.respondedAt - write.invokedAt)));
    }
    report(`${handovers} handovers under load, every second one by SIGTERM`);
    report(`  failed calls ${failed}, refused and then answered elsewhere ${refused}`);
    report(`  the slowest call of each     ${formatPercentiles(percentilesOf(longest))}`);
  }

  /** The leader hangs: it does not even refuse connections. When it goes on it is no leader any more, and has to notice. */
  async freezes(): Promise<void> {
    const { group, findings } = this;
    const { freezes, report } = this.options;
    if (freezes === 0) return;
    const any: number[] = [];
    for (let freeze = 1; freeze <= freezes; freeze += 1) {
      const leader = await this.settled();
      const frozenAt = performance.now();
      const goesOn = leader.freeze(FREEZE_MS);
      any.push(await group.firstAnswerAfter(frozenAt));
      await goesOn;
      await group.catchUp(leader);
      await group.everyAnswerAfter(performance.now());
    }
    const first = percentilesOf(any);
    report(`${freezes} times SIGSTOP of the leader for ${FREEZE_MS} ms`);
    report(`  until a write succeeds       ${formatPercentiles(first)}`);
    if (first.max > FREEZE_BOUND_MS) {
      findings.push(`a leader that hangs was replaced later than after ${FREEZE_BOUND_MS} ms`);
    }
  }

  /** Leader and one follower do not see each other, the third sees both: the leader stays, and writes go on. */
  async cuts(): Promise<void> {
    const { group, findings } = this;
    const { cuts, network, report } = this.options;
    if (cuts === 0) return;
    if (!network.canCut) {
      report('no link is cut between leader and follower: that needs network namespaces');
      return;
    }
    for (let cut = 1; cut <= cuts; cut += 1) {
      const leader = await this.settled();
      const follower = group.otherThan(leader);
      const term = await group.termOf(leader);
      await network.cut(leader.ordinal, follower.ordinal);
      await network.cut(follower.ordinal, leader.ordinal);
      await sleep(CUT_MS);
      await group.firstAnswerAfter(performance.now());
      const now = await group.leader();
      if (now !== leader) findings.push(`cut ${cut}: ${now.name} has deposed ${leader.name}`);
      await network.heal();
      await group.catchUp(follower);
      const termAfter = await group.termOf(leader);
      if (termAfter !== term)
        findings.push(`cut ${cut}: the term went from ${term} to ${termAfter}`);
      await group.everyAnswerAfter(performance.now());
    }
    report(`${cuts} times a cut between the leader and one follower for ${CUT_MS} ms`);
    report('  the leader stayed, in its term, and writes went on');
  }

  private async handOver(how: 'SIGTERM' | 'TransferLeadership'): Promise<void> {
    const leader = await this.settled();
    if (how === 'TransferLeadership') await this.transfer(leader);
    else {
      await leader.drain();
      await this.group.catchUp(leader);
    }
    await this.group.leader(leader);
  }

  private async transfer(leader: ReplicaProcess): Promise<void> {
    const { transferLeadership } = raft.RaftAdminServiceService;
    const request = raft.TransferLeadershipRequest.fromPartial({});
    const { rpc } = this.group;
    const outcome = await rpc.unary(leader.address, transferLeadership, request, 5_000);
    if (outcome.kind !== 'answered') {
      this.findings.push(`TransferLeadership was not answered: ${outcome.reason}`);
    }
  }

  /** The leader, after some time in which nothing happens. */
  private async settled(): Promise<ReplicaProcess> {
    await sleep(SETTLE_MS);
    return await this.group.leader();
  }
}
