import { type Contender, measureAtRate, type Measurement } from '../measure/contender';
import { IdleConnections } from '../measure/idle-connections';
import { processCost } from '../measure/process-cost';
import { significant } from '../report/table';
import type { Supplement, SupplementContext } from './suite';

/** How the load without a proxy is called. */
export const DIRECT = 'direct';
const WARM_UP_SHARE = 0.4;
const IDLE_CONNECTIONS = 10_000;
/** How long memory may take to settle before it is read, in milliseconds. */
const SETTLE_MS = 2000;
const MEBIBYTE = 1024 * 1024;

/** What each proxy adds to a call when it has half of the calls that it can take, beside none. */
export async function atHalfLoad(context: SupplementContext): Promise<Supplement> {
  const { contenders, measurements, seconds, say } = context;
  const plan = { seconds, warmUpSeconds: seconds * WARM_UP_SHARE };
  const direct = contenders.find(({ name }) => name === DIRECT);
  const rows: string[][] = [];
  for (const contender of contenders) {
    if (contender === direct) continue;
    const most = mostOf(contender, measurements);
    if (most === undefined) continue;
    const rate = most.perSecond / 2;
    say(`half load: ${contender.name}`);
    const found = await measureAtRate(contender, most.inFlight, rate, plan);
    const bare = direct && (await measureAtRate(direct, most.inFlight, rate, plan));
    rows.push([
      contender.name,
      significant(found.perSecond),
      `${significant(found.p50Ms)} ms`,
      `${significant(found.p99Ms)} ms`,
      bare === undefined ? '–' : `${significant(found.p50Ms - bare.p50Ms)} ms`,
      bare === undefined ? '–' : `${significant(found.p99Ms - bare.p99Ms)} ms`,
      `${significant(found.cpuMicrosecondsPerOperation)} µs`,
    ]);
  }
  return {
    title: 'Latency at half load',
    table: {
      head: ['server', 'per second', 'p50', 'p99', 'p50 added', 'p99 added', 'CPU/op'],
      rows,
    },
    method: [
      'Each proxy gets, evenly, half of the calls a second that it reached at its best level above: whoever is faster has more to do.',
      '_Added_ is what is more than h2load measures without a proxy at the same rate, just after.',
    ],
  };
}

/** What connections cost on which nothing happens. */
export async function withIdleConnections(context: SupplementContext): Promise<Supplement> {
  const rows: string[][] = [];
  for (const { name, address, pids } of context.contenders) {
    if (address === undefined || name === DIRECT) continue;
    context.say(`${IDLE_CONNECTIONS} idle connections: ${name}`);
    const before = await settledBytes(pids);
    const idle = new IdleConnections();
    try {
      await idle.open(address, IDLE_CONNECTIONS);
      const more = (await settledBytes(pids)) - before;
      rows.push([
        name,
        `${Math.round(before / MEBIBYTE)} MiB`,
        `${Math.round((before + more) / MEBIBYTE)} MiB`,
        `${significant(more / IDLE_CONNECTIONS / 1024)} KiB`,
      ]);
    } finally {
      idle.close();
    }
  }
  return {
    title: 'Memory with 10,000 idle connections',
    table: { head: ['server', 'before', 'with them', 'each'], rows },
    method: [
      'Resident, after the load above, and with 10,000 connections of HTTP/2 more, whose SETTINGS are exchanged and which have no stream.',
    ],
  };
}

/** The level at which a contender made most. */
function mostOf(
  { name }: Contender,
  measurements: readonly Measurement[],
): Measurement | undefined {
  const own = measurements.filter(({ contender }) => contender === name);
  return own.sort((one, other) => other.perSecond - one.perSecond)[0];
}

/** The least in a while: what a collection has left. */
async function settledBytes(pids: readonly number[]): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const endMs = performance.now() + SETTLE_MS;
  while (performance.now() < endMs) {
    least = Math.min(least, processCost(pids).residentBytes);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return least;
}
