import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { CommandError } from '../command/command-error';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import type { Output } from '../command/output';
import { wholeNumber } from '../command/parsers';
import { reporting } from '../command/reporting';
import { tlsEnvironment, type TlsFlags } from '../tls/tls-options';
import { UpError } from './preflight';
import { up } from './up';

interface UpFlags {
  readonly replicas: string;
  readonly fresh: boolean;
  readonly logs: boolean;
  readonly dataDir: string;
  readonly portOffset: number;
  readonly readyTimeout: number;
}

const REPEATED_SIGNAL_MS = 1_000;
const EXIT_INTERRUPTED = 130;

/** `raftway up`: the whole suite on this machine. @param root the workspace's root folder. */
export function addUp(parent: Command, output: Output, root: string): void {
  const command = parent
    .command('up')
    .addOption(
      new Option('--replicas <n>', 'replicas of each Raft service')
        .choices(['1', '3', '5'])
        .default('3'),
    )
    .option('--fresh', 'forget the state of earlier runs', false)
    .option('--no-logs', 'do not show the processes’ log lines')
    .addOption(
      new Option('--data-dir <path>', 'where the state is kept').default(
        resolve(root, '.raftway'),
        '.raftway in the workspace',
      ),
    )
    .option('--port-offset <n>', 'added to every port', wholeNumber(0, 20_000), 0)
    .option('--ready-timeout <seconds>', 'how long starting may take', wholeNumber(1, 3_600), 120)
    .action((_flags: UpFlags, up: Command) =>
      reporting(output, false, () => run(up.optsWithGlobals<UpFlags & TlsFlags>(), root)),
    );
  describe(command, {
    summary: 'start the whole suite on this machine, on loopback, and stop it with Ctrl-C',
    examples: [
      ['raftway up', 'twelve processes; npm start builds them first'],
      ['raftway up --replicas 1 --no-logs', 'for a small machine, and quietly'],
      ['raftway up --port-offset 100 --data-dir /tmp/second', 'a second suite beside the first'],
    ],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.usage, ExitCode.unavailable],
  });
}

async function run(flags: UpFlags & TlsFlags, root: string): Promise<number> {
  const stop = new AbortController();
  let first: number | undefined;
  const onSignal = (): void => {
    // The second Ctrl-C says that nobody wants to wait for a drain. One Ctrl-C may arrive several times, though: from the terminal, from
    // npm and from the script that npm runs.
    const now = performance.now();
    if (first !== undefined && now - first > REPEATED_SIGNAL_MS) process.exit(EXIT_INTERRUPTED);
    first ??= now;
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const { fresh, logs, portOffset } = flags;
    return await up(
      {
        root,
        dataDir: resolve(flags.dataDir),
        replicas: Number(flags.replicas),
        portOffset,
        fresh,
        logs,
        environment: tlsEnvironment(flags),
        readyTimeoutMs: flags.readyTimeout * 1000,
      },
      stop.signal,
    );
  } catch (error) {
    if (!(error instanceof UpError)) throw error;
    throw new CommandError(ExitCode.unavailable, error.message, { cause: error });
  }
}
