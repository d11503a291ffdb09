import { type Command, Option } from 'commander';
import { addressOption } from '../command/address-option';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import type { Output } from '../command/output';
import { duration } from '../command/parsers';
import { reporting } from '../command/reporting';
import { lockClient } from './client';
import { ttlOption, waitOption } from './options';
import { runLocked } from './run';

interface RunFlags {
  readonly address: string;
  readonly ttl: number;
  readonly wait: number;
  readonly grace: number;
}

const GRACE_MAX_MS = 3_600_000;

/** `raftway locks run`: a command while a lock is held. */
export function addRun(parent: Command, output: Output): void {
  const command = parent
    .command('run')
    .argument('<name>', 'the lock')
    .argument('<command...>', 'what to run, after --')
    .addOption(addressOption())
    .addOption(ttlOption('how long the lock outlives a renewal'))
    .addOption(waitOption())
    .addOption(
      new Option('--grace <duration>', 'from SIGTERM to SIGKILL when the lock is lost')
        .argParser(duration(0, GRACE_MAX_MS))
        .default(5000, '5s'),
    )
    .action((name: string, words: readonly string[], flags: RunFlags) =>
      reporting(output, false, async () => {
        const client = lockClient(flags.address);
        try {
          return await runLocked(client, {
            name,
            command: words,
            ttlMs: flags.ttl,
            waitMs: flags.wait,
            graceMs: flags.grace,
            warn: output.error,
          });
        } finally {
          client.close();
        }
      }),
    );
  describe(command, {
    summary: 'run a command while a lock is held, and give the lock back afterwards',
    details: [
      'The lock is renewed while the command runs. The command finds its fencing token in RAFTWAY_FENCING_TOKEN and the name of the lock in RAFTWAY_LOCK_NAME: pass the token to whatever the lock protects, and let that refuse smaller ones. Signals are passed on.',
      'When the lock is lost, the command gets SIGTERM, and SIGKILL after --grace; processes that it has started itself are its own to stop.',
      'It ends with the exit code of the command, 128 and the number of the signal that ended it, or 126 or 127 when it cannot be run; otherwise with one of these:',
    ],
    examples: [
      ['raftway locks run nightly -- ./backup.sh', 'nothing if another one runs already (75)'],
      [
        `raftway locks run nightly --wait 10m -- sh -c 'echo token $RAFTWAY_FENCING_TOKEN'`,
        'waits for its turn',
      ],
    ],
    exitCodes: [ExitCode.usage, ExitCode.unavailable, ExitCode.unfinished, ExitCode.lockLost],
  });
}
