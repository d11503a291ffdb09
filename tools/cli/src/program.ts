import { Command, CommanderError, Help, type Option } from 'commander';
import { ConfigError } from '@raftway/config';
import { addBackup } from './backup/command';
import { addRestore } from './backup/restore-command';
import { addCall } from './call/command';
import { describe } from './command/describe';
import { ExitCode } from './command/exit-code';
import type { Output } from './command/output';
import { addCompletion } from './completion/command';
import { addDoctor } from './doctor/command';
import { addGateway } from './gateway/command';
import { addIds } from './ids/command';
import { addLocks } from './locks/command';
import { addRaft } from './raft/commands';
import { addServices } from './services/command';
import { addStatus } from './status/command';
import { addTlsOptions } from './tls/tls-options';
import { addUp } from './up/command';

/** Columns of `--help`, whatever the terminal: the reference has the same text. */
const HELP_WIDTH = 100;

/** Every command of `raftway`. @param root the workspace's root folder. */
export function buildProgram(output: Output, root: string): Command {
  const program = new Command('raftway');
  describe(program, {
    summary:
      'Runs and inspects a Raftway suite: registry, lock-service, id-service, gateway and greeter.',
    examples: [['raftway status', 'what runs, and what is wrong']],
    exitCodes: Object.values(ExitCode),
  });
  addTlsOptions(program);
  addUp(program, output, root);
  addStatus(program, output, root);
  addDoctor(program, output, root);
  addCall(program, output);
  addServices(program, output);
  addGateway(program, output);
  addLocks(program, output);
  addIds(program, output);
  addRaft(program, output);
  addBackup(program, output, root);
  addRestore(program, output);
  addCompletion(program, output);
  applyToAll(program, (command) => adjust(command, output));
  return program;
}

/**
 * Runs one command line and sets the exit code.
 *
 * @param words what follows the program's name.
 * @throws what nobody could expect: a bug.
 */
export async function runProgram(
  output: Output,
  root: string,
  words: readonly string[],
): Promise<void> {
  try {
    await buildProgram(output, root).parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof ConfigError) {
      output.error(`raftway: ${error.message}`);
      output.exit(ExitCode.badConfiguration);
      return;
    }
    if (!(error instanceof CommanderError)) throw error;
    // Its text has been shown; asking for help is no mistake.
    output.exit(error.exitCode === 0 ? ExitCode.done : ExitCode.usage);
  }
}

/** Calls for a command and everything below it. */
export function applyToAll(command: Command, work: (command: Command) => void): void {
  work(command);
  for (const child of command.commands) applyToAll(child, work);
}

/** As commander has it, but for defaults that go without saying. */
function describeOption(option: Option): string {
  const { defaultValue } = option as { readonly defaultValue: unknown };
  const isPlain = typeof defaultValue === 'object' && Object.keys(defaultValue ?? {}).length === 0;
  const shown = Object.create(option) as Option;
  if (defaultValue === false || isPlain) shown.defaultValue = undefined;
  return new Help().optionDescription(shown);
}

/** What all commands do the same way; a mistyped word is answered with the nearest valid one. */
function adjust(command: Command, output: Output): void {
  const withoutBreak = (text: string): string => text.replace(/\n$/, '');
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: HELP_WIDTH, optionDescription: describeOption })
    .configureOutput({
      writeOut: (text) => output.out(withoutBreak(text)),
      writeErr: (text) => output.error(withoutBreak(text)),
      outputError: (text, write) => write(text.replace(/^error: /, 'raftway: ')),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    });
}
