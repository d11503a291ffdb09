import { monitorEventLoopDelay } from 'node:perf_hooks';
import { seededRandom } from '@raftway/testkit';
import { APPS } from '../support/workloads';
import type { Cluster } from './cluster';
import { LongHold } from './long-waits';
import { restartWorkload, type Replaced } from './rollout';
import type { Traffic } from './traffic';

/** Calls that wait for a lock throughout a round. */
const LONG_WAITS = 2;

/** What came of a round. */
export interface Round {
  readonly replaced: readonly Replaced[];
  readonly durationMs: number;
  /** How long this process once got no processor, in milliseconds: what the pods were up against, too. */
  readonly stalledMs: number;
  /** Unary calls that failed meanwhile, by what their clients were told. */
  readonly failures: ReadonlyMap<string, number>;
  /** What went wrong with a lease that was held, or with calls that waited, throughout: one sentence each. */
  readonly findings: readonly string[];
}

/** Restarts every app of ours under traffic: all rollouts at the same time, or one after the other. */
export async function restartEverything(
  cluster: Cluster,
  traffic: Traffic,
  together: boolean,
): Promise<Round> {
  const gateway = cluster.addressOf('gateway');
  const hold = new LongHold(traffic.caller(seededRandom(1)));
  try {
    await hold.take();
    for (let wait = 0; wait < LONG_WAITS; wait += 1) await hold.addWait(traffic.rpc(), gateway);
    const before = traffic.failures();
    const startedAt = performance.now();
    const stalls = monitorEventLoopDelay({ resolution: 20 });
    stalls.enable();
    const replaced = together
      ? (await Promise.all(APPS.map((name) => restartWorkload(cluster, name)))).flat()
      : await oneByOne(cluster);
    const durationMs = performance.now() - startedAt;
    stalls.disable();
    const stalledMs = stalls.max / 1e6;
    const failures = traffic.failuresSince(before);
    const findings = await hold.end();
    return { replaced, durationMs, stalledMs, failures, findings };
  } finally {
    hold.abandon();
  }
}

async function oneByOne(cluster: Cluster): Promise<Replaced[]> {
  const replaced: Replaced[] = [];
  for (const name of APPS) replaced.push(...(await restartWorkload(cluster, name)));
  return replaced;
}
