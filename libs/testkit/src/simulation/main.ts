/* eslint-disable no-console -- a command line program */
import { parseArgs } from 'node:util';
import { addCoverage, describeCoverage, emptyCoverage } from './coverage';
import type { Coverage } from './coverage';
import { driftingClocks } from './drifting-clocks';
import { Progress } from './progress';
import { shrink } from './shrink';
import type { FailedRun, SimulationOptions } from './simulation';
import { replayCommand, simulate, SimulationFailure } from './simulation';

const USAGE = `Runs simulated Raft groups through faults and checks Raft's properties after every step.

  npm run simulate -- --seed 123 [--nodes 5] [--trace]    one run again, with its last events
  npm run simulate -- --seed 123 --nodes 5 --shrink       the same with as few faults as still break it
  npm run simulate -- --seeds 20000 [--from 1]            many runs, of 3 and of 5 servers; a failed one is shrunk

  --members             change the members all the while, too
  --leases              answer reads from leases, with clocks that differ
  --minutes <n>         stop after so long, as after Ctrl-C: with a summary
  --trace-lines <n>     how many of the last events to print (default 200)
  --faulty-ms <n>       virtual milliseconds with faults (default 6000)
  --without <kinds>     leave out kinds of faults, as in a shrunk run
  --drop <numbers>      leave out single faults, as in a shrunk run
  --shrink-seconds <n>  how long to look for a smaller run (default 20; 120 with --shrink)`;

interface Arguments {
  readonly from: number;
  readonly seeds: number;
  readonly nodes: readonly number[];
  readonly trace: boolean;
  readonly traceLines: number;
  readonly untilMs: number;
  readonly shrinkMs: number;
  readonly leases: boolean;
  readonly reduced: Pick<SimulationOptions, 'changesMembers' | 'faultyMs' | 'without' | 'dropped'>;
}

function parse(words: readonly string[]): Arguments | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    seed: text,
    seeds: text,
    from: text,
    nodes: text,
    minutes: text,
    'trace-lines': text,
    'faulty-ms': text,
    without: text,
    drop: text,
    'shrink-seconds': text,
    members: flag,
    leases: flag,
    trace: flag,
    shrink: flag,
  };
  try {
    const { values } = parseArgs({ args: [...words], options });
    if (values.seed === undefined && values.seeds === undefined) return undefined;
    const number = (value: string | undefined, fallback: number): number => {
      if (value !== undefined && !/^\d+$/.test(value)) throw new TypeError(value);
      return Number(value ?? fallback);
    };
    const faultyMs = values['faulty-ms'];
    const shrinkSeconds = number(values['shrink-seconds'], values.shrink === true ? 120 : 20);
    return {
      from: number(values.seed, number(values.from, 1)),
      seeds: values.seed === undefined ? number(values.seeds, 1) : 1,
      nodes: values.nodes === undefined ? [3, 5] : [number(values.nodes, 3)],
      trace: values.trace === true,
      traceLines: number(values['trace-lines'], 200),
      untilMs: Date.now() + number(values.minutes, 1_000_000) * 60_000,
      shrinkMs: values.trace === true && values.shrink !== true ? 0 : shrinkSeconds * 1000,
      leases: values.leases === true,
      reduced: {
        changesMembers: values.members,
        faultyMs: faultyMs === undefined ? undefined : number(faultyMs, 0),
        without: values.without?.split(','),
        dropped: values.drop?.split(',').map((one) => number(one, 0)),
      },
    };
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function tryRun(options: SimulationOptions): Promise<FailedRun | undefined> {
  try {
    await simulate(options);
    return undefined;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

async function reportShrunk(
  options: SimulationOptions,
  failed: FailedRun,
  shrinkMs: number,
): Promise<void> {
  const untilMs = Date.now() + shrinkMs;
  const shrunk = await shrink(options, failed, tryRun, () => Date.now() < untilMs);
  if (shrunk.runs === 0) return;
  const { steps, finding } = shrunk.failed;
  console.error(
    `shrunk in ${shrunk.runs} runs to ${shrunk.faultsLeft} faults and ${steps} steps: ${finding}\n` +
      `replay: ${replayCommand(shrunk.options)} --trace`,
  );
}

async function runOne(parsed: Arguments, seed: number, nodes: number, total = emptyCoverage()) {
  const lines: string[] = [];
  const trace = (line: string): void => {
    lines.push(line);
    if (lines.length > parsed.traceLines) lines.shift();
  };
  const leases = parsed.leases ? driftingClocks(seed) : undefined;
  const options: SimulationOptions = { seed, nodes, leases, ...parsed.reduced };
  try {
    addCoverage(total, await simulate({ ...options, trace: parsed.trace ? trace : undefined }));
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (error instanceof SimulationFailure) await reportShrunk(options, error, parsed.shrinkMs);
    return false;
  } finally {
    if (parsed.trace) console.log(lines.join('\n'));
  }
}

async function runAll(parsed: Arguments): Promise<boolean> {
  const total = emptyCoverage();
  const wanted = parsed.seeds * parsed.nodes.length;
  const progress = new Progress(wanted, parsed.untilMs);
  let isInterrupted = false;
  process.once('SIGINT', () => {
    isInterrupted = true;
  });
  let passed = true;
  for (let seed = parsed.from; passed && seed < parsed.from + parsed.seeds; seed += 1) {
    for (const nodes of parsed.nodes) {
      if (isInterrupted || Date.now() >= parsed.untilMs) return summarize(progress, total, seed);
      passed &&= await runOne(parsed, seed, nodes, total);
      if (passed) progress.ran();
    }
  }
  if (!passed) return false;
  return summarize(progress, total, parsed.from + parsed.seeds);
}

/** @param next the first seed that was not run to its end */
function summarize(progress: Progress, total: Coverage, next: number): boolean {
  console.log(progress.summary(next));
  console.log(describeCoverage(total));
  return true;
}

const parsed = parse(process.argv.slice(2));
if (parsed === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  void runAll(parsed).then((passed) => {
    if (!passed) process.exitCode = 1;
  });
}
