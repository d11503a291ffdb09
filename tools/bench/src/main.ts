import { resolve } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { BenchError } from './bench-error';
import { benchLibrary } from './library/library-bench';
import { type BenchFlags, runSuite } from './run-suite';
import { gateway } from './suites/gateway';
import { locks } from './suites/locks';
import { raft } from './suites/raft';
import { Workbench } from './workbench';

const ROOT = resolve(__dirname, '..', '..', '..');
const SUITES = { gateway, locks, raft };
/** The Raft library alone, without peers to compare with: printed, and never written to the document. */
const LIBRARY = 'raft-library';
type Name = keyof typeof SUITES | typeof LIBRARY;
/** sysexits.h EX_UNAVAILABLE: cannot be measured here, and the message says why. */
const EXIT_UNAVAILABLE = 69;

const program = new Command('bench')
  .description('Measures Raftway beside its peers, on this machine, over loopback.')
  .addArgument(
    new Argument('<suite>', 'what to measure').choices([...Object.keys(SUITES), LIBRARY]),
  )
  .option('--seconds <n>', 'measured for each server and level', seconds, 8)
  .option('--in-flight <list>', 'levels of load instead of the usual ones, such as 1,64', levels)
  .option('--only <names>', 'measure only these servers', (text) => text.split(','))
  .option('--no-document', 'do not write docs/reference/benchmarks.md')
  .option('--profile <folder>', 'write CPU profiles of our servers there, and summarize them')
  .action(async (suite: Name, flags: BenchFlags) => {
    process.exitCode = await run(suite, flags);
  });

async function run(name: Name, flags: BenchFlags): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);
  const profileDirectory = flags.profile === undefined ? undefined : resolve(flags.profile);
  const bench = await Workbench.open(ROOT, profileDirectory, say);
  const onSignal = (signal: NodeJS.Signals): void => {
    say(`${signal}: stopping the servers`);
    void bench.stop().finally(() => process.exit(130));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const result =
      name === LIBRARY
        ? await benchLibrary(bench, flags.seconds)
        : await runSuite(SUITES[name], bench, flags);
    process.stdout.write(result);
    return 0;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    say(error.message);
    return EXIT_UNAVAILABLE;
  } finally {
    await bench.stop();
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.5 && value <= 600)) {
    throw new InvalidArgumentError(`${text} is not a number of seconds from 0.5 to 600.`);
  }
  return value;
}

function levels(text: string): number[] {
  const values = text.split(',').map(Number);
  if (!values.every((value) => Number.isInteger(value) && value >= 1 && value <= 10_000)) {
    throw new InvalidArgumentError(`${text} is not a list of whole numbers from 1 to 10000.`);
  }
  return values;
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 70;
});
