import { createInterface } from 'node:readline/promises';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '@raftway/config';
import { raftCommand } from './raft/commands';
import { addTlsOptions } from './tls/tls-options';
import { UpError } from './up/preflight';
import { up } from './up/up';

const ROOT = resolve(__dirname, '..', '..', '..');
/** sysexits.h EX_UNAVAILABLE: the suite cannot start here, and the message says why. */
const EXIT_CANNOT_START = 69;
/** sysexits.h EX_CONFIG: an option names something that is no good. */
const EXIT_BAD_CONFIGURATION = 78;
const REPEATED_SIGNAL_MS = 1_000;

interface UpFlags {
  readonly replicas: string;
  readonly fresh: boolean;
  readonly logs: boolean;
  readonly dataDir: string;
  readonly portOffset: number;
  readonly readyTimeout: number;
}

const program = new Command('raftway').description(
  'Runs and inspects a Raftway suite: registry, lock-service, id-service, gateway and greeter.',
);

addTlsOptions(program);

program
  .command('up')
  .description('start the whole suite on this machine, on loopback, and stop it with Ctrl-C')
  .addOption(
    new Option('--replicas <n>', 'replicas of each Raft service')
      .choices(['1', '3', '5'])
      .default('3'),
  )
  .option('--fresh', 'forget the state of earlier runs', false)
  .option('--no-logs', 'do not show the processes’ log lines')
  .option('--data-dir <path>', 'where the state is kept', join(ROOT, '.raftway'))
  .option('--port-offset <n>', 'added to every port', wholeNumber(0, 20_000), 0)
  .option('--ready-timeout <seconds>', 'how long starting may take', wholeNumber(1, 3_600), 120)
  .action(async (flags: UpFlags) => {
    process.exitCode = await runUp(flags);
  });

async function runUp(flags: UpFlags): Promise<number> {
  const stop = new AbortController();
  let first: number | undefined;
  const onSignal = (): void => {
    // The second Ctrl-C says that nobody wants to wait for a drain. One Ctrl-C may arrive several times, though: from the terminal, from
    // npm and from the script that npm runs.
    const now = performance.now();
    if (first !== undefined && now - first > REPEATED_SIGNAL_MS) process.exit(130);
    first ??= now;
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await up(
      {
        root: ROOT,
        dataDir: resolve(flags.dataDir),
        replicas: Number(flags.replicas),
        portOffset: flags.portOffset,
        fresh: flags.fresh,
        logs: flags.logs,
        readyTimeoutMs: flags.readyTimeout * 1000,
      },
      stop.signal,
    );
  } catch (error) {
    if (!(error instanceof UpError)) throw error;
    process.stderr.write(`raftway: ${error.message}\n`);
    return EXIT_CANNOT_START;
  }
}

/** An end of input without a word counts as no. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const answer = await Promise.race([terminal.question(question), ended]);
  terminal.close();
  return answer;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`${text} is not a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

program.addCommand(
  raftCommand({
    out: (text) => void process.stdout.write(`${text}\n`),
    error: (text) => void process.stderr.write(`${text}\n`),
    exit: (code) => {
      process.exitCode = code;
    },
    ask,
  }),
);

program.parseAsync().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    process.stderr.write(`raftway: ${error.message}\n`);
    process.exitCode = EXIT_BAD_CONFIGURATION;
    return;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 70;
});
