import { Argument, type Command } from 'commander';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import type { Output } from '../command/output';
import { complete } from './complete';
import { formatCandidates, SCRIPTS, type Shell, SHELLS } from './scripts';

/** `raftway completion`, and the hidden command that its scripts ask. */
export function addCompletion(program: Command, output: Output): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .action((shell: Shell) => output.out(SCRIPTS[shell]));
  describe(command, {
    summary: 'print a script that completes commands and options with the tab key',
    details: ['The script runs raftway, which has to be on the PATH.'],
    examples: [
      ['source <(raftway completion bash)', 'bash, in ~/.bashrc'],
      ['source <(raftway completion zsh)', 'zsh, in ~/.zshrc after compinit'],
      ['raftway completion fish > ~/.config/fish/completions/raftway.fish', 'fish, once'],
    ],
    exitCodes: [ExitCode.done, ExitCode.usage],
  });
  program
    .command('__complete', { hidden: true })
    .argument('<shell>')
    .argument('[words...]')
    .action((shell: Shell, words: readonly string[]) => {
      const candidates = complete(program, words);
      if (candidates.length > 0) output.out(formatCandidates(shell, candidates));
    });
}
