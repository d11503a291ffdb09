import { BenchError } from '../bench-error';
import { type LoadResult, quantile } from './load';
import { processCost } from './process-cost';

/** One of those that are compared: running servers, and a load for them. */
export interface Contender {
  readonly name: string;
  /** Whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Where clients connect to; undefined where none but the load does. `host:port` */
  readonly address?: string | undefined;
  /** Keeps so many operations in flight; or begins so many a second, with at most so many in flight. */
  load(inFlight: number, seconds: number, perSecond?: number): Promise<LoadResult>;
  /** Batches that were made durable since the start, on all servers together; undefined when nobody counts them. */
  syncs?(): Promise<number>;
  /** Operations that the server has answered with success since its start, where the load cannot see the gRPC status. */
  answered?(): Promise<number>;
}

/** What a contender did with so many operations in flight. */
export interface Measurement {
  readonly contender: string;
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosecondsPerOperation: number;
  readonly syncsPerOperation: number | undefined;
  readonly residentBytes: number;
}

/** Several measured stretches. */
interface Sum {
  operations: number;
  seconds: number;
  cpuMicroseconds: number;
  syncs: number;
  residentBytes: number;
  readonly latenciesMs: number[];
}

/** Just-in-time compilers and caches need some thousand operations: the first level is to find servers as the last one does. */
const WARM_UP_IN_FLIGHT = 64;

/** How much of the load the server may not have counted: what was in flight when the clock stopped, and a little. */
const UNCOUNTED_SHARE_MAX = 0.01;

/**
 * Measures contenders by turns, each level of load in several rounds, so that what else the machine does meets all of them alike.
 *
 * @param plan.seconds of measured load for each contender and level, over all rounds.
 * @param onWarm called when the first level begins.
 */
export async function measureByTurns(
  contenders: readonly Contender[],
  levels: readonly number[],
  plan: { readonly seconds: number; readonly warmUpSeconds: number; readonly rounds: number },
  onProgress: (text: string) => void,
  onWarm: () => void = () => undefined,
): Promise<Measurement[]> {
  for (const contender of contenders) {
    onProgress(`warming up: ${contender.name}`);
    await contender.load(WARM_UP_IN_FLIGHT, plan.seconds / 2);
  }
  onWarm();
  const measurements: Measurement[] = [];
  for (const inFlight of levels) {
    const sums = new Map<Contender, Sum>();
    for (let round = 0; round < plan.rounds; round += 1) {
      for (const contender of contenders) {
        onProgress(`${inFlight} in flight: ${contender.name}`);
        const sum = sums.get(contender) ?? emptySum();
        sums.set(contender, sum);
        await contender.load(inFlight, plan.warmUpSeconds / plan.rounds);
        await addStretch(sum, contender, inFlight, plan.seconds / plan.rounds);
      }
    }
    for (const [contender, sum] of sums) measurements.push(summarize(contender, inFlight, sum));
  }
  return measurements;
}

/** Measures a contender that gets so many operations a second, evenly. @param inFlight at most */
export async function measureAtRate(
  contender: Contender,
  inFlight: number,
  perSecond: number,
  plan: { readonly seconds: number; readonly warmUpSeconds: number },
): Promise<Measurement> {
  const sum = emptySum();
  await contender.load(inFlight, plan.warmUpSeconds, perSecond);
  await addStretch(sum, contender, inFlight, plan.seconds, perSecond);
  return summarize(contender, inFlight, sum);
}

async function addStretch(
  sum: Sum,
  contender: Contender,
  inFlight: number,
  seconds: number,
  perSecond?: number,
): Promise<void> {
  const before = await readings(contender);
  const result = await contender.load(inFlight, seconds, perSecond);
  const after = await readings(contender);
  const answered = after.answered - before.answered;
  if (answered < result.operations * (1 - UNCOUNTED_SHARE_MAX) - inFlight) {
    throw new BenchError(
      `${contender.name}: ${result.operations} calls ended, but only ${answered} of them with the status OK`,
    );
  }
  sum.operations += result.operations;
  sum.seconds += result.seconds;
  sum.cpuMicroseconds += after.cost.cpuMicroseconds - before.cost.cpuMicroseconds;
  sum.syncs += after.syncs - before.syncs;
  sum.residentBytes = Math.max(sum.residentBytes, after.cost.residentBytes);
  for (const latencyMs of result.latenciesMs) sum.latenciesMs.push(latencyMs);
}

async function readings(contender: Contender) {
  const cost = processCost(contender.pids);
  const syncs = (await contender.syncs?.()) ?? 0;
  const answered = (await contender.answered?.()) ?? Number.POSITIVE_INFINITY;
  // Infinity minus itself is no number, and no comparison with it holds: then nothing is checked.
  return { cost, syncs, answered };
}

function emptySum(): Sum {
  return {
    operations: 0,
    seconds: 0,
    cpuMicroseconds: 0,
    syncs: 0,
    residentBytes: 0,
    latenciesMs: [],
  };
}

function summarize(contender: Contender, inFlight: number, sum: Sum): Measurement {
  const sorted = Float64Array.from(sum.latenciesMs).sort();
  return {
    contender: contender.name,
    inFlight,
    perSecond: sum.operations / sum.seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuMicrosecondsPerOperation: sum.cpuMicroseconds / sum.operations,
    syncsPerOperation: contender.syncs === undefined ? undefined : sum.syncs / sum.operations,
    residentBytes: sum.residentBytes,
  };
}
