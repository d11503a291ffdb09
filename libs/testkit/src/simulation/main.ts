/* eslint-disable no-console -- a command line program */
import { addCoverage, describeCoverage, emptyCoverage } from './coverage';
import { simulate } from './simulation';

const USAGE = `Runs simulated Raft groups through faults and checks Raft's properties after every step.

  npm run simulate -- --seed 123 [--nodes 5] [--trace]    one run again, with its last events
  npm run simulate -- --seeds 20000 [--from 1]            many runs, of 3 and of 5 servers

  --members           change the members all the while, too
  --trace-lines <n>   how many of the last events to print (default 200)
  --faulty-ms <n>     virtual milliseconds with faults (default 6000)`;

/** Words without a value. */
const FLAGS = ['trace', 'members'];

interface Arguments {
  readonly from: number;
  readonly seeds: number;
  readonly nodes: readonly number[];
  readonly trace: boolean;
  readonly changesMembers: boolean;
  readonly traceLines: number;
  readonly faultyMs: number | undefined;
}

function parseArguments(words: readonly string[]): Arguments | undefined {
  const values = new Map<string, string>();
  for (let position = 0; position < words.length; position += 1) {
    const name = (words[position] as string).replace(/^--/, '');
    if (FLAGS.includes(name)) values.set(name, 'true');
    else {
      values.set(name, words[position + 1] ?? '');
      position += 1;
    }
  }
  const known = [...FLAGS, 'seed', 'seeds', 'from', 'nodes', 'trace-lines', 'faulty-ms'];
  const number = (name: string, fallback: number): number => Number(values.get(name) ?? fallback);
  const numbers = [...values].filter(([name]) => !FLAGS.includes(name));
  if (
    [...values.keys()].some((name) => !known.includes(name)) ||
    numbers.some(([, value]) => !/^\d+$/.test(value)) ||
    (!values.has('seed') && !values.has('seeds'))
  ) {
    return undefined;
  }
  return {
    from: number('seed', number('from', 1)),
    seeds: values.has('seed') ? 1 : number('seeds', 1),
    nodes: values.has('nodes') ? [number('nodes', 3)] : [3, 5],
    trace: values.has('trace'),
    changesMembers: values.has('members'),
    traceLines: number('trace-lines', 200),
    faultyMs: values.has('faulty-ms') ? number('faulty-ms', 0) : undefined,
  };
}

async function runAll(parsed: Arguments): Promise<boolean> {
  const total = emptyCoverage();
  const startedMs = Date.now();
  let runs = 0;
  for (let seed = parsed.from; seed < parsed.from + parsed.seeds; seed += 1) {
    for (const nodes of parsed.nodes) {
      const lines: string[] = [];
      const trace = (line: string): void => {
        lines.push(line);
        if (lines.length > parsed.traceLines) lines.shift();
      };
      try {
        const { faultyMs, changesMembers } = parsed;
        const run = { seed, nodes, changesMembers, faultyMs };
        addCoverage(total, await simulate({ ...run, trace: parsed.trace ? trace : undefined }));
      } catch (error) {
        console.log(lines.join('\n'));
        console.error(error instanceof Error ? error.message : error);
        return false;
      }
      if (parsed.trace) console.log(lines.join('\n'));
      runs += 1;
    }
    const done = seed - parsed.from + 1;
    if (done % 200 === 0) {
      const seconds = (Date.now() - startedMs) / 1000;
      console.log(`${done} of ${parsed.seeds} seeds, ${seconds.toFixed(0)} s`);
    }
  }
  console.log(`${runs} runs passed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  console.log(describeCoverage(total));
  return true;
}

const parsed = parseArguments(process.argv.slice(2));
if (parsed === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  void runAll(parsed).then((passed) => {
    if (!passed) process.exitCode = 1;
  });
}
